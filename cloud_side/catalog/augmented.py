"""Boxes as an augmented manifest of SageMaker Ground Truth has them: a label attribute, and its metadata.

Source:
    https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html, "Bounding box job output" and "Label
    verification job output".
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cloud_side.catalog.labels import Box, LabelError

BOXES_TYPE = "groundtruth/object-detection"
VERIFICATION_TYPE = "groundtruth/label-verification"

_VERDICTS: Final = {"accept": True, "adjust": True, "reject": False}


def write_boxes(
    boxes: Sequence[Box], class_names: Sequence[str], *, width: int, height: int, depth: int = 3
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the value of a label attribute, and the class map of its metadata.

    Raises:
        LabelError: If a box has a class that is not among `class_names`.
    """
    numbers = {name: number for number, name in enumerate(class_names)}
    for box in boxes:
        if box.label not in numbers:
            msg = f"expected one of {', '.join(class_names)}, found {box.label!r}"
            raise LabelError(msg)
    annotations = [
        {
            "class_id": numbers[box.label],
            "left": document["x"],
            "top": document["y"],
            "width": document["width"],
            "height": document["height"],
        }
        for box, document in ((box, box.document()) for box in boxes)
    ]
    label = {"image_size": [{"width": width, "height": height, "depth": depth}], "annotations": annotations}
    return label, {str(number): name for name, number in numbers.items()}


def read_boxes(label: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[Box]:
    """Return the boxes of a label attribute; none for empty lists, which say that nothing is on the image.

    Raises:
        LabelError: If it has no such form; says what was found.
    """
    return [Box(name, *xywh) for name, xywh in read_xywh(label, metadata)]


def read_xywh(
    label: Mapping[str, Any], metadata: Mapping[str, Any]
) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Return class, left, top, width and height of each box of a label attribute, wherever it lies.

    Raises:
        LabelError: If it has no such form; says what was found.
    """
    try:
        classes = read_class_map(metadata)
        return [
            (
                classes[_whole(each["class_id"])],
                (float(each["left"]), float(each["top"]), float(each["width"]), float(each["height"])),
            )
            for each in label["annotations"]
        ]
    except LabelError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        expected = "annotations with class_id, left, top, width, height and a class-map"
        msg = f"expected {expected}, found {label!r:.200}: {error!r}"
        raise LabelError(msg) from error


def read_class_map(metadata: Mapping[str, Any]) -> dict[int, str]:
    """Return the classes of a label attribute by number.

    Raises:
        LabelError: If there is no map from numbers to names.
    """
    class_map = metadata.get("class-map")
    try:
        return {_whole(number): str(name) for number, name in class_map.items()}  # type: ignore[union-attr]
    except (TypeError, ValueError, AttributeError) as error:
        msg = f"class-map: expected names by number, found {class_map!r:.200}"
        raise LabelError(msg) from error


def read_size(label: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height of the image that a label attribute is for.

    Raises:
        LabelError: If they are missing or no size.
    """
    try:
        size = label["image_size"][0]
        width, height = _whole(size["width"]), _whole(size["height"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        msg = f"image_size: expected a list with width and height, found {label!r:.200}"
        raise LabelError(msg) from error
    if width < 1 or height < 1:
        msg = f"image_size: expected 1 x 1 pixels or more, found {width} x {height}"
        raise LabelError(msg)
    return width, height


def attributes(line: Mapping[str, Any], kind: str) -> list[str]:
    """Return the names of a line's attributes that have a value, and metadata of a type."""
    return [
        name
        for name, value in line.items()
        if value is not None
        and isinstance(metadata := line.get(f"{name}-metadata"), Mapping)
        and metadata.get("type") == kind
    ]


def latest(line: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return the attribute that was created last; None if there is none.

    Raises:
        LabelError: If a date cannot be read where it is needed, or several are the last.
    """
    if len(names) < 2:
        return names[0] if names else None
    dates = {name: created_at(line, name) for name in names}
    last = max(dates.values())
    found = [name for name, date in dates.items() if date == last]
    if len(found) > 1:
        msg = f"expected one label attribute created last, found {' and '.join(found)} of {last.isoformat()}"
        raise LabelError(msg)
    return found[0]


def created_at(line: Mapping[str, Any], name: str) -> datetime:
    """Return when an attribute was created; fractions of a second and a zone may be there or not.

    Raises:
        LabelError: If its metadata has no such date.
    """
    text = line[f"{name}-metadata"].get("creation-date")
    try:
        date = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        msg = f"{name}-metadata: creation-date: expected a date, found {text!r:.80}"
        raise LabelError(msg) from error
    return date.replace(tzinfo=date.tzinfo or UTC)


def is_accepted(value: object, metadata: Mapping[str, Any]) -> bool:
    """Return what a verification says: its class in words if we know it, else its number, of which 0 is the first.

    Raises:
        LabelError: If it is neither.
    """
    if (word := str(metadata.get("class-name")).lower()) in _VERDICTS:
        return _VERDICTS[word]
    if value in (0, "0", 1, "1"):
        return value in (0, "0")
    msg = f"verification: expected 0 or 1, found {value!r:.80}"
    raise LabelError(msg)


def _whole(value: object) -> int:
    """Return a number that may be written as text, and may have a point, but no fraction."""
    number = float(value) if isinstance(value, int | float | str) else math.nan
    if not number.is_integer():
        msg = f"expected a whole number, found {value!r:.80}"
        raise ValueError(msg)
    return int(number)
