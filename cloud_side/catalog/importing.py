"""Takes labeled images of others in: images by content, labels as rows under `labels/imported/{import}.jsonl`.

An import is the hash of what it says, so that the same set is the same import; nobody has verified its labels.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cloud_side.catalog.candidates import Exclusion, Reason, Source, counted
from cloud_side.catalog.images import BrokenImageError, Picture, picture_of
from cloud_side.catalog.interchange import ImageLabels, LabelSet, check_inside_folder
from cloud_side.catalog.label_rows import label_from, row_of
from cloud_side.catalog.labels import AnnotatorType, Label, LabelError, Origin, Verification, strict_json
from cloud_side.catalog.settling import side_by_side
from cloud_side.catalog.shelf import read_json
from cloud_side.catalog.versions import DatasetError
from cloud_side.objects import LINES, Bucket

SCHEMA: Final = "edge-inspector/import/1"
ROOT: Final = "labels/imported/"
LINEAGE: Final = "lineage"  # under which an exported set says where its labels come from
_SHORTEST: Final = 4


@dataclass(frozen=True)
class Arrival:
    """How a set comes.

    Attributes:
        folder: In which its images are.
        form: Of its labels.
        by: Who imports it.
        at: When, aware UTC.
    """

    folder: Path
    form: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Imported:
    """What came of it.

    Attributes:
        import_id: Hash of what the set says.
        is_new: False where the same was imported before.
        images: Different images with a label.
        excluded: Others, by reason.
    """

    import_id: str
    is_new: bool
    images: int
    excluded: Mapping[str, int]


def import_set(bucket: Bucket, labels: LabelSet, arrival: Arrival) -> Imported:
    """Take a set in; once more changes nothing, and one that was cut goes on.

    Raises:
        LabelError: If an image's content is there twice, with different labels or groups.
    """
    class_names = tuple(sorted(labels.class_names))
    found = list(side_by_side(lambda image: _arrived(bucket, image, class_names, arrival), labels.images))
    rows = _distinct([each for each in found if isinstance(each, Label)])
    excluded = [each for each in found if isinstance(each, Exclusion)]
    lines = [{"label": row_of(label)} for label in rows]
    lines += [{"excluded": each.document()} for each in sorted(excluded, key=lambda each: each.image)]
    import_id = _hash(lines)
    reasons = counted((each.document() for each in excluded), "reason")
    header = {
        "schema": SCHEMA,
        "import": import_id,
        "form": arrival.form,
        "folder": arrival.folder.name,
        "images": len(rows),
        "excluded": reasons,
        "imported_by": arrival.by,
        "imported_at": arrival.at.isoformat(),
    }
    text = "".join(f"{strict_json(line)}\n" for line in (header, *lines))
    etag = bucket.write(f"{ROOT}{import_id}.jsonl", text.encode(), is_new=True, media=LINES)
    return Imported(import_id, etag is not None, len(rows), reasons)


def find_import(bucket: Bucket, said: str) -> str:
    """Return the import that is meant by its hash, or by how that begins.

    Raises:
        DatasetError: If none is meant, or more than one.
    """
    known = [each.key.removeprefix(ROOT).removesuffix(".jsonl") for each in bucket.listed(ROOT)]
    meant = [each for each in known if each.startswith(said)]
    if len(meant) != 1 or len(said) < _SHORTEST:
        shown = ", ".join(each[:12] for each in (meant or known)[:5]) or "none at all"
        msg = f"import: expected one that begins with {said!r}, of 4 digits or more, found {len(meant)} among {shown}"
        raise DatasetError(msg)
    return meant[0]


def imported(bucket: Bucket, import_id: str) -> Source:
    """Return an import as a source of labels.

    Raises:
        DatasetError: If it was changed; while it is read.
    """
    return Source(f"import {import_id[:12]}", map(_found, _lines(bucket, import_id)))


def _found(line: Mapping[str, Any]) -> Label | Exclusion:
    if "label" in line:
        return label_from(line["label"])
    said = line["excluded"]
    return Exclusion(said["image"], said.get("sha256"), Reason(said["reason"]), said.get("detail", ""))


def _lines(bucket: Bucket, import_id: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of an import, and after the last one make sure that they are those that were imported."""
    key = f"{ROOT}{import_id}.jsonl"
    origin, digest, lines = bucket.address(key), _Digest(), bucket.lines(key)
    read_json(next(lines, b""), origin)
    for line in lines:
        document = read_json(line, origin)
        digest.add(document)
        yield document
    if digest.value() != import_id:
        msg = f"{origin}: expected lines whose hash is {import_id}, found {digest.value()}: it was changed"
        raise DatasetError(msg)


def _arrived(bucket: Bucket, image: ImageLabels, class_names: tuple[str, ...], arrival: Arrival) -> Label | Exclusion:
    try:
        content = check_inside_folder(arrival.folder, image.name).read_bytes()
        picture = picture_of(content)
    except OSError as error:
        return Exclusion(image.name, None, Reason.MISSING, f"expected a readable file, found: {error.strerror}")
    except BrokenImageError as error:
        return Exclusion(image.name, hashlib.sha256(content).hexdigest(), Reason.BROKEN, str(error))
    if not image.is_labeled:
        return Exclusion(image.name, picture.sha256, Reason.UNLABELED)
    if (picture.width, picture.height) != (image.width, image.height):
        found = f"expected {image.width} x {image.height} pixels, as labeled, found {picture.width} x {picture.height}"
        return Exclusion(image.name, picture.sha256, Reason.SIZE, found)
    if bucket.written_at(picture.key) is None:
        bucket.write(picture.key, content, is_new=True, media=picture.media)
    return _label(bucket.address(picture.key), picture, image, class_names, arrival)


def _label(address: str, picture: Picture, image: ImageLabels, class_names: tuple[str, ...], arrival: Arrival) -> Label:
    return Label(
        image=address,
        sha256=picture.sha256,
        width=picture.width,
        height=picture.height,
        group=image.group or picture.sha256,  # of its own: nobody said which images show the same part
        class_names=class_names,
        boxes=image.boxes,
        job=f"import/{arrival.form}",
        annotator_type=AnnotatorType.IMPORTED,
        labeled_by=(arrival.by,),
        verification=Verification.UNVERIFIED,
        verified_by=None,
        reason=None,
        event_time=arrival.at,
        origin=_origin(image),
    )


def _origin(image: ImageLabels) -> Origin:
    lineage = image.extra.get(LINEAGE)
    said = lineage.get("origin") if isinstance(lineage, Mapping) else None
    known = said if isinstance(said, Mapping) else {}
    return Origin.parse({**known, "source": known.get("source", image.name)})


def _distinct(labels: list[Label]) -> list[Label]:
    """Return labels of different images, in the order of their hashes.

    Raises:
        LabelError: If an image has two that differ.
    """
    chosen: dict[str, Label] = {}
    problems = []
    for label in labels:
        first = chosen.setdefault(label.sha256, label)
        if (first.label_sha256, first.group) != (label.label_sha256, label.group):
            names = f"{first.origin.source} ({first.group}) and {label.origin.source} ({label.group})"
            problems.append(f"expected one label and one group for the same content, found {names}")
    if problems:
        raise LabelError("\n".join(problems))
    return [chosen[sha256] for sha256 in sorted(chosen)]


class _Digest:
    """Hash of what an import says; who imported it and when is no part of it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, line: Mapping[str, Any]) -> None:
        """Take the next line in."""
        names = ("sha256", "label_sha256", "part_group", "origin", "image", "reason")
        said = {kind: {name: fields.get(name) for name in names} for kind, fields in line.items()}
        self._hash.update(f"{strict_json(said)}\n".encode())

    def value(self) -> str:
        return self._hash.hexdigest()


def _hash(lines: list[dict[str, Any]]) -> str:
    digest = _Digest()
    for line in lines:
        digest.add(line)
    return digest.value()
