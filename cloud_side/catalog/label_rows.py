"""Labels as rows of the label store: text for each feature, and back, strictly."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cloud_side.catalog.labels import AnnotatorType, Box, Label, LabelError, Origin, Verification, strict_json

RECORD_ID: Final = "image"
EVENT_TIME: Final = "event_time"

# `group` is a word of SQL. Lists are strict JSON in a String: collections are no part of the offline store's CSV.
FEATURES: Final[Mapping[str, str]] = {
    RECORD_ID: "String",
    "sha256": "String",
    "width": "Integral",
    "height": "Integral",
    "part_group": "String",
    "class_names": "String",
    "boxes": "String",
    "job": "String",
    "annotator_type": "String",
    "labeled_by": "String",
    "verification": "String",
    "verified_by": "String",
    "verdict_reason": "String",
    "origin": "String",
    "label_sha256": "String",
    EVENT_TIME: "String",
}
_OPTIONAL = frozenset({"verified_by", "verdict_reason"})
_SHA256 = re.compile(r"[0-9a-f]{64}")


def record_of(label: Label) -> list[dict[str, str]]:
    """Return the `Record` of PutRecord."""
    return [{"FeatureName": name, "ValueAsString": value} for name, value in row_of(label).items()]


def row_of(label: Label) -> dict[str, str]:
    """Return the value of each feature, as text; what is not known is left out."""
    values = {
        RECORD_ID: label.image,
        "sha256": label.sha256,
        "width": str(label.width),
        "height": str(label.height),
        "part_group": label.group,
        "class_names": strict_json(label.class_names),
        "boxes": strict_json([box.document() for box in label.boxes]),
        "job": label.job,
        "annotator_type": label.annotator_type.value,
        "labeled_by": strict_json(label.labeled_by),
        "verification": label.verification.value,
        "verified_by": label.verified_by,
        "verdict_reason": label.reason,
        "origin": strict_json(label.origin.document()),
        "label_sha256": label.label_sha256,
        EVENT_TIME: event_time_of(label.event_time),
    }
    return {name: value for name, value in values.items() if value}


def event_time_of(at: datetime) -> str:
    """Return an instant as the store has it: of one length, so that the order of the texts is that of time."""
    return f"{at.astimezone(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def label_from(row: Mapping[str, str | None]) -> Label:
    """Return the label that a row of the store is.

    Args:
        row: Value by feature, as text; None, or nothing, for one that is not known.

    Raises:
        LabelError: If it is none; with one line a problem.
    """
    image = row.get(RECORD_ID) or "row without an image"
    reading = _Reading(row)
    fields = {
        "image": reading.value(RECORD_ID, str),
        "sha256": reading.value("sha256", _sha256),
        "width": reading.value("width", _size),
        "height": reading.value("height", _size),
        "group": reading.value("part_group", str),
        "class_names": reading.value("class_names", _names),
        "boxes": reading.value("boxes", _boxes),
        "job": reading.value("job", str),
        "annotator_type": reading.value("annotator_type", AnnotatorType),
        "labeled_by": reading.value("labeled_by", _names),
        "verification": reading.value("verification", Verification),
        "verified_by": reading.value("verified_by", str),
        "reason": reading.value("verdict_reason", str),
        "event_time": reading.value(EVENT_TIME, _instant),
        "origin": reading.value("origin", _origin),
    }
    written = reading.value("label_sha256", _sha256)
    if reading.problems:
        raise LabelError("\n".join(f"{image}: {problem}" for problem in reading.problems))
    try:
        label = Label(**fields)
    except LabelError as error:
        msg = f"{image}: {error}"
        raise LabelError(msg) from error
    if label.label_sha256 != written:
        msg = f"{image}: label_sha256: expected {label.label_sha256}, the hash of what the row says, found {written}"
        raise LabelError(msg)
    return label


class _Reading:
    """Reads values of a row one by one, and notes what is wrong with them."""

    def __init__(self, row: Mapping[str, str | None]) -> None:
        self._row = row
        self.problems: list[str] = []

    def value(self, name: str, read: Callable[[str], Any]) -> Any:  # noqa: ANN401 - what `read` returns
        text = self._row.get(name)
        if not text:  # a CSV cannot tell nothing from an empty text
            if name not in _OPTIONAL:
                self.problems.append(f"{name}: expected a value, found none")
            return None
        try:
            return read(text)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.problems.append(f"{name}: found {text!r:.80}: {error}")
            return None


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text):
        msg = "expected 64 hexadecimal digits"
        raise ValueError(msg)
    return text


def _size(text: str) -> int:
    if (size := int(text)) <= 0:
        msg = "expected a number of pixels above 0"
        raise ValueError(msg)
    return size


def _names(text: str) -> tuple[str, ...]:
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        msg = "expected a JSON list of names"
        raise ValueError(msg)
    return tuple(names)


def _boxes(text: str) -> tuple[Box, ...]:
    documents = json.loads(text)
    if not isinstance(documents, list):
        msg = "expected a JSON list of boxes"
        raise ValueError(msg)  # noqa: TRY004 - what was read is wrong, not what was passed
    return tuple(map(_box, documents))


def _box(document: Mapping[str, Any]) -> Box:
    label, *sides = (document[name] for name in ("label", "x", "y", "width", "height"))
    if not isinstance(label, str) or any(isinstance(side, bool) or not isinstance(side, int | float) for side in sides):
        msg = f"expected a label and four numbers, found {document!r:.80}"
        raise ValueError(msg)
    return Box(label, *map(float, sides))


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        msg = "expected an instant with its offset from UTC"
        raise ValueError(msg)
    return at.astimezone(UTC)


def _origin(text: str) -> Origin:
    document = json.loads(text)
    if not isinstance(document, dict):
        msg = "expected a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - what was read is wrong, not what was passed
    return Origin.parse(document)
