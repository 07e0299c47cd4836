"""Boxes as models, people and Ground Truth write them, brought inside their image."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloud_side.catalog.labels import Box, LabelError

TOLERANCE_PX: Final = 2.0  # rounding, and a hand that slips; more than that is another image's box
_LEAST_PX: Final = 1.0


@dataclass(frozen=True, slots=True)
class RawBox:
    """A box as it was written: anywhere, of any size.

    Attributes:
        label: Its class.
        x, y: Top left corner in pixels, finite.
        width, height: In pixels, finite.
    """

    label: str
    x: float
    y: float
    width: float
    height: float

    def overhang(self, width: int, height: int) -> float:
        """Return by how many pixels it goes beyond the image, 0 where it is inside."""
        return max(0.0, -self.x, -self.y, self.x + self.width - width, self.y + self.height - height)

    def inside(self, width: int, height: int) -> Box | None:
        """Return the part of it that is inside the image; None for less than a pixel."""
        x, wide = _cut(self.x, self.width, width)
        y, high = _cut(self.y, self.height, height)
        if wide < _LEAST_PX or high < _LEAST_PX:
            return None
        return Box(self.label, x, y, wide, high)


def read_raw(annotation: Mapping[str, Any], class_map: Mapping[str, Any]) -> RawBox:
    """Return the box of one annotation of a manifest.

    Raises:
        LabelError: If it is none; says what was found.
    """
    try:
        label = class_map[str(int(annotation["class_id"]))]
        left, top, width, height = (_number(annotation[side]) for side in ("left", "top", "width", "height"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        msg = f"expected class_id of the class-map, left, top, width and height, found {annotation!r:.200}: {error!r}"
        raise LabelError(msg) from error
    if not isinstance(label, str) or not label:
        msg = f"class-map: expected names, found {label!r:.80}"
        raise LabelError(msg)
    return RawBox(label, left, top, width, height)


def fit(raw: RawBox, width: int, height: int, tolerance: float = TOLERANCE_PX) -> Box:
    """Return a person's box, cut to its image where it goes beyond it by little.

    Raises:
        LabelError: If it goes beyond it by more than `tolerance` pixels, or is smaller than a pixel.
    """
    found = f"found {raw.label} of {raw.width:g} x {raw.height:g} at ({raw.x:g}, {raw.y:g})"
    if raw.overhang(width, height) > tolerance:
        msg = f"expected boxes inside {width} x {height} pixels, {found}"
        raise LabelError(msg)
    if (box := raw.inside(width, height)) is None:
        msg = f"expected boxes of a pixel or more inside {width} x {height} pixels, {found}"
        raise LabelError(msg)
    return box


def _cut(low: float, length: float, end: int) -> tuple[float, float]:
    """Return begin and length of what of a side lies between 0 and `end`."""
    if low >= 0 and low + length <= end:
        return low, length
    begin = max(0.0, low)
    left = min(low + length, end) - begin
    return begin, left if begin + left <= end else math.nextafter(left, 0)  # sums of fractions are rounded


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        msg = f"expected a number, found {value!r:.80}"
        raise ValueError(msg)
    return float(value)
