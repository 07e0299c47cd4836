"""Items of a labeling batch: one image with what is known of it, as a line of an augmented manifest.

The same line goes to our page and to Ground Truth, and comes back with what people said under `LABEL` and
`VERIFICATION`; keys that others added pass through.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cloud_side.catalog.augmented import BOXES_TYPE, read_boxes, write_boxes
from cloud_side.catalog.labels import Box, LabelError, Origin, strict_json

PROPOSAL: Final = "pre-label"  # where labeling starts: the model's boxes, or what a person drew and another rejected
LABEL: Final = "label"
VERIFICATION: Final = "verification"
ADJUSTED: Final = "adjusted"  # what who verified drew instead
_OURS: Final = "edge-inspector"


class Verdict(StrEnum):
    """What a person says of another's boxes."""

    ACCEPT = "accept"
    REJECT = "reject"
    ADJUST = "adjust"


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a batch.

    Attributes:
        source_ref: Its address, `s3://bucket/key`.
        sha256: Of the file; an image is in a batch once.
        width, height: In pixels, as the file says.
        group: What must not be torn apart.
        class_names: What is looked for.
        proposal: Boxes to start from.
        confidences: Of the model, a box each; None for one that a person drew.
        origin: Where the image comes from.
        note: Why it was rejected in the round before.
        excluded: Names of people who must not verify it; empty in a labeling round.
    """

    source_ref: str
    sha256: str
    width: int
    height: int
    group: str
    class_names: tuple[str, ...]
    proposal: tuple[Box, ...]
    confidences: tuple[float | None, ...]
    origin: Origin
    note: str | None = None
    excluded: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the manifest line as JSON."""
        boxes, class_map = write_boxes(self.proposal, self.class_names, width=self.width, height=self.height)
        objects = [{} if value is None else {"confidence": value} for value in self.confidences]
        return {
            "source-ref": self.source_ref,
            PROPOSAL: boxes,
            f"{PROPOSAL}-metadata": {
                "objects": objects,
                "class-map": class_map,
                "type": BOXES_TYPE,
                "human-annotated": "no",
                "creation-date": (self.origin.captured_at or "1970-01-01T00:00:00").removesuffix("Z"),
                "job-name": self.origin.model or "edge-inspector",
            },
            _OURS: {
                "sha256": self.sha256,
                "group": self.group,
                "note": self.note,
                "excluded": list(self.excluded),
                "origin": self.origin.document(),
            },
        }


def read_item(document: Mapping[str, Any]) -> Item:
    """Return the item that a manifest line is.

    Raises:
        LabelError: If it is none; says what is wrong.
    """
    try:
        ours, metadata = document[_OURS], document[f"{PROPOSAL}-metadata"]
        size = document[PROPOSAL]["image_size"][0]
        boxes = read_boxes(document[PROPOSAL], metadata)
        return Item(
            str(document["source-ref"]),
            str(ours["sha256"]),
            int(size["width"]),
            int(size["height"]),
            str(ours["group"]),
            tuple(str(name) for _, name in sorted(metadata["class-map"].items(), key=lambda pair: int(pair[0]))),
            tuple(boxes),
            tuple(each.get("confidence") for each in metadata["objects"]),
            Origin.parse(ours["origin"]),
            ours.get("note"),
            tuple(ours.get("excluded", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        msg = f"expected an item of a labeling batch, found {document!r:.200}: {error!r}"
        raise LabelError(msg) from error


def write_items(items: Iterable[Item]) -> Iterator[str]:
    """Yield a manifest's lines, each with its newline."""
    for item in items:
        yield f"{strict_json(item.document())}\n"


def read_class_names(lines: Iterable[str | bytes]) -> tuple[str, ...]:
    """Return what all items of a manifest look for, as its first one says; no more than that is read."""
    return next((item.class_names for item in read_items(lines)), ())


def read_items(lines: Iterable[str | bytes]) -> Iterator[Item]:
    """Yield the items of a manifest.

    Raises:
        LabelError: If a line is none; names it.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield read_item(json.loads(line))
        except ValueError as error:
            msg = f"line {number}: {error}"
            raise LabelError(msg) from error
