"""Labels: what people say is on an image, as values, and as the strict JSON in which they are stored."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class LabelError(ValueError):
    """A label that nobody can use; says what was found and what was expected."""


class AnnotatorType(StrEnum):
    """Who labeled."""

    HUMAN = "human"
    MODEL = "model"  # pre-labels that nobody changed are a human's too, once a human has accepted them
    IMPORTED = "imported"


class Verification(StrEnum):
    """What became of a label when it was verified."""

    ACCEPTED = "accepted"
    ADJUSTED = "adjusted"  # by the person who verified; their boxes are the label
    UNVERIFIED = "unverified"  # of an import


@dataclass(frozen=True, slots=True)
class Box:
    """One box of a label, in pixels of its image.

    Attributes:
        label: Its class.
        x, y: Top left corner, from the image's own; at least 0.
        width, height: More than 0.

    Raises:
        LabelError: If a field cannot be.
    """

    label: str
    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not self.label:
            msg = "box: expected a label, found none"
            raise LabelError(msg)
        for name, value, least in (("x", self.x, 0.0), ("y", self.y, 0.0)):
            if not math.isfinite(value) or value < least:
                msg = f"box: {name}: expected a number of pixels, 0 or more, found {value!r}"
                raise LabelError(msg)
        for name, value in (("width", self.width), ("height", self.height)):
            if not math.isfinite(value) or value <= 0:
                msg = f"box: {name}: expected more than 0 pixels, found {value!r}"
                raise LabelError(msg)

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Its corners."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    def document(self) -> dict[str, Any]:
        """Return it as JSON; whole pixels as whole numbers."""
        return {
            "label": self.label,
            **{name: _number(getattr(self, name)) for name in ("x", "y", "width", "height")},
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image comes from, as far as it is known.

    Attributes:
        site, line, station, camera: Of the device.
        inspection_id: ULID of the inspection.
        captured_at: ISO 8601, UTC.
        part_id, lot, product: Of the part.
        reason: Why the sample was kept.
        disposition: What an operator said of the result.
        model: Which model drew the pre-labels, as `name/version`.
        model_sha256: Of its file.
        source: Of an import: the file or format it came by.
    """

    site: str | None = None
    line: str | None = None
    station: str | None = None
    camera: str | None = None
    inspection_id: str | None = None
    captured_at: str | None = None
    part_id: str | None = None
    lot: str | None = None
    product: str | None = None
    reason: str | None = None
    disposition: str | None = None
    model: str | None = None
    model_sha256: str | None = None
    source: str | None = None

    def document(self) -> dict[str, str]:
        """Return what is known."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "Origin":
        """Read it; what a later version may have added is passed over."""
        return cls(**{name: str(document[name]) for name in cls.__slots__ if document.get(name) is not None})


@dataclass(frozen=True, slots=True)
class Label:
    """An accepted label of one image: one row of the label store.

    Attributes:
        image: Its address, `s3://bucket/key`.
        sha256: Of the image file.
        width, height: Of the image, in pixels.
        group: What must not be torn apart into training and test: part or lot.
        class_names: The classes that were looked for: an image without boxes shows none of these.
        boxes: Inside the image.
        job: The labeling batch.
        annotator_type: Who labeled.
        labeled_by: Names, sorted.
        verification: What became of it.
        verified_by: Name; None where nobody did.
        reason: What the person who verified said.
        event_time: When it was verified, aware UTC.
        origin: Where the image comes from.
    """

    image: str
    sha256: str
    width: int
    height: int
    group: str
    class_names: tuple[str, ...]
    boxes: tuple[Box, ...]
    job: str
    annotator_type: AnnotatorType
    labeled_by: tuple[str, ...]
    verification: Verification
    verified_by: str | None
    reason: str | None
    event_time: datetime
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        check_inside(self.boxes, self.width, self.height)
        if unknown := {box.label for box in self.boxes} - set(self.class_names):
            msg = f"{self.image}: expected classes among {', '.join(self.class_names)}, found {sorted(unknown)}"
            raise LabelError(msg)

    @property
    def label_sha256(self) -> str:
        """Hash of what it says, whoever said it and when; the order of the boxes is no part of it."""
        return label_sha256(self.class_names, self.boxes)


def label_sha256(class_names: Sequence[str], boxes: Sequence[Box]) -> str:
    """Return the hash of what a label says: its boxes in any order, and the classes that were looked for."""
    rows = sorted(strict_json(box.document()) for box in boxes)
    return hashlib.sha256(strict_json([sorted(class_names), rows]).encode()).hexdigest()


def check_inside(boxes: Sequence[Box], width: int, height: int) -> None:
    """Let boxes pass that lie in an image.

    Raises:
        LabelError: If one does not; says which.
    """
    for number, box in enumerate(boxes):
        if box.x + box.width > width or box.y + box.height > height:
            msg = f"box {number}: expected one inside {width} x {height} pixels, found xyxy {box.xyxy}"
            raise LabelError(msg)


def strict_json(document: object) -> str:
    """Return JSON that is the same for the same content: no spaces, keys in order, no numbers that JSON does not have.

    Raises:
        ValueError: If a number is not finite.
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def parse_json(content: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what JSON says.

    Raises:
        ValueError: If it is none, or has text that cannot be written again: half of a pair of surrogates.
    """
    document = json.loads(content)
    json.dumps(document, ensure_ascii=False).encode()
    return document


def json_lines(rows: Iterable[object]) -> Iterator[str]:
    """Yield rows as strict JSON, a line each."""
    for row in rows:
        yield f"{strict_json(row)}\n"


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value
