"""Dataset versions as values: what a manifest says, line by line, and the hash that is a version's name.

    header                      edge-inspector/dataset/1: rule of the split, counts, lineage of the version itself
    one line an image           in the order of their hashes
    one line a note             excluded, overruled, near_duplicate

The version is the hash of what training sees. Who made it and when is no part of it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cloud_side.catalog.labels import AnnotatorType, Box, Label, LabelError, Origin, Verification, strict_json
from cloud_side.catalog.splits import Split
from edge_inspector.errors import InspectorError

SCHEMA: Final = "edge-inspector/dataset/1"
NOTES: Final = ("excluded", "overruled", "near_duplicate")


class DatasetError(InspectorError):
    """A dataset version, an image of it or an import that cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a version.

    Attributes:
        key: Of the image, by its content.
        split: What it is for.
        label: What is on it, of the version's classes, and who said so.
        fingerprint: Of what it shows, to find images that are nearly the same; None where nobody took it.
    """

    key: str
    split: Split
    label: Label
    fingerprint: str | None = None

    @property
    def sha256(self) -> str:
        """Of the image file."""
        return self.label.sha256

    def document(self) -> dict[str, Any]:
        """Return its line as JSON."""
        label = self.label
        line = {
            "image": self.key,
            "sha256": label.sha256,
            "label_sha256": label.label_sha256,
            "width": label.width,
            "height": label.height,
            "group": label.group,
            "split": self.split.value,
            "boxes": [box.document() for box in label.boxes],
            "lineage": lineage_of(label),
        }
        return line if self.fingerprint is None else {**line, "fingerprint": self.fingerprint}


def lineage_of(label: Label) -> dict[str, Any]:
    """Return where an image comes from, who said what is on it, and when that was verified."""
    known = {
        "sample": label.image,
        "job": label.job,
        "annotator_type": label.annotator_type.value,
        "labeled_by": list(label.labeled_by),
        "verification": label.verification.value,
        "verified_by": label.verified_by,
        "reason": label.reason,
        "at": label.event_time.isoformat(),
        "origin": label.origin.document(),
    }
    return {name: value for name, value in known.items() if value is not None}


def parse_entry(line: Mapping[str, Any], class_names: tuple[str, ...]) -> Entry:
    """Return the image that a line of a manifest is.

    Raises:
        DatasetError: If it is none, or says of its label what is not so.
    """
    try:
        entry = Entry(line["image"], Split(line["split"]), _label(line, class_names), line.get("fingerprint"))
        written = line["label_sha256"]
    except (LabelError, KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"expected a line of {SCHEMA}, found {strict_json(line):.200}: {error!r}"
        raise DatasetError(msg) from error
    if written != entry.label.label_sha256:
        msg = f"{entry.key}: expected label_sha256 {entry.label.label_sha256}, found {written}"
        raise DatasetError(msg)
    return entry


def _label(line: Mapping[str, Any], class_names: tuple[str, ...]) -> Label:
    lineage = line["lineage"]
    return Label(
        image=lineage["sample"],
        sha256=line["sha256"],
        width=int(line["width"]),
        height=int(line["height"]),
        group=line["group"],
        class_names=class_names,
        boxes=tuple(
            Box(each["label"], *(float(each[side]) for side in ("x", "y", "width", "height"))) for each in line["boxes"]
        ),
        job=lineage["job"],
        annotator_type=AnnotatorType(lineage["annotator_type"]),
        labeled_by=tuple(lineage["labeled_by"]),
        verification=Verification(lineage["verification"]),
        verified_by=lineage.get("verified_by"),
        reason=lineage.get("reason"),
        event_time=datetime.fromisoformat(lineage["at"]),
        origin=Origin.parse(lineage["origin"]),
    )


class Identity:
    """Hash of what training sees, taken image by image; the same images give the same hash, whoever asks."""

    def __init__(self, class_names: tuple[str, ...]) -> None:
        self._hash = hashlib.sha256(strict_json(sorted(class_names)).encode())
        self._last = ""

    def add(self, entry: Entry) -> None:
        """Take the next image in.

        Raises:
            DatasetError: If it is not behind the one before: an image is in a version once.
        """
        if entry.sha256 <= self._last:
            msg = f"expected images in the order of their sha256, each once, found {entry.sha256} after {self._last}"
            raise DatasetError(msg)
        self._last = entry.sha256
        seen = [entry.sha256, entry.label.label_sha256, entry.label.group, entry.split.value]
        self._hash.update(f"\n{strict_json(seen)}".encode())

    def version(self) -> str:
        """Return the hash."""
        return self._hash.hexdigest()


class Tally:
    """Counts images, boxes and groups of each split while a version is written."""

    def __init__(self, class_names: tuple[str, ...]) -> None:
        self._counts = {split: {"images": 0, "no_defect": 0, "boxes": 0} for split in Split}
        self._classes = {split: {name: {"images": 0, "boxes": 0} for name in class_names} for split in Split}
        self._groups: dict[Split, set[str]] = {split: set() for split in Split}

    def add(self, entry: Entry) -> None:
        """Count an image."""
        counts, classes, label = self._counts[entry.split], self._classes[entry.split], entry.label
        counts["images"] += 1
        counts["no_defect"] += not label.boxes
        counts["boxes"] += len(label.boxes)
        for box in label.boxes:
            classes[box.label]["boxes"] += 1
        for name in {box.label for box in label.boxes}:
            classes[name]["images"] += 1
        self._groups[entry.split].add(label.group)

    def document(self) -> dict[str, Any]:
        """Return the counts as a header has them."""
        splits: dict[str, dict[str, Any]] = {
            split.value: {
                **self._counts[split],
                "groups": len(self._groups[split]),
                "classes": self._classes[split],
            }
            for split in Split
        }
        names = ("images", "no_defect", "boxes", "groups")
        total = {name: sum(each[name] for each in splits.values()) for name in names}
        return {**total, "splits": splits}


@dataclass(frozen=True)
class Header:
    """First line of a manifest.

    Attributes:
        document: All that it says.
        sha256: Of the manifest's bytes; empty while it is being written.
        size: Bytes of the manifest.
    """

    document: Mapping[str, Any]
    sha256: str = ""
    size: int = 0

    @property
    def name(self) -> str:
        """Of the dataset."""
        return str(self.document["name"])

    @property
    def version(self) -> str:
        """Hash of what training sees."""
        return str(self.document["version"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Sorted; the order of class ids."""
        return tuple(self.document["class_names"])

    @property
    def counts(self) -> Mapping[str, Any]:
        """Images, boxes and groups, in all and by split."""
        counts: Mapping[str, Any] = self.document["counts"]
        return counts

    @property
    def age(self) -> tuple[str, str]:
        """What versions are ordered by: when they were made."""
        return str(self.document["created_at"]), self.version


def parse_header(document: Any, origin: str) -> Header:  # noqa: ANN401 - any JSON
    """Return the header that the first line of a manifest, or what lies beside it, is.

    Raises:
        DatasetError: If it is none.
    """
    needed = ("name", "version", "class_names", "split", "counts", "created_at")
    is_one = isinstance(document, dict) and document.get("schema") == SCHEMA
    if not is_one or any(each not in document for each in needed):
        msg = f"{origin}: expected a header of {SCHEMA}, found {strict_json(document):.120}"
        raise DatasetError(msg)
    seal = document.pop("manifest", {})
    return Header(document, str(seal.get("sha256", "")), int(seal.get("bytes", 0)))
