"""Which boxes of two people mean the same thing."""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_side.catalog.labels import Box


class Match(NamedTuple):
    """Two boxes that mean the same thing: their numbers, and how far they overlap."""

    first: int
    second: int
    iou: float


def iou(one: Box, other: Box) -> float:
    """Return the overlap of two boxes: intersection over union, in [0, 1]."""
    width = min(one.xyxy[2], other.xyxy[2]) - max(one.x, other.x)
    height = min(one.xyxy[3], other.xyxy[3]) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)


def candidates(first: Sequence[Box], second: Sequence[Box], least_iou: float) -> list[Match]:
    """Return all pairs of one class that overlap enough, the best first."""
    pairs = [
        Match(here, there, overlap)
        for here, one in enumerate(first)
        for there, other in enumerate(second)
        if one.label == other.label and (overlap := iou(one, other)) >= least_iou
    ]
    return sorted(pairs, key=lambda pair: (-pair.iou, pair.first, pair.second))


def matched(first: Sequence[Box], second: Sequence[Box], least_iou: float) -> list[Match]:
    """Pair boxes one to one, the best overlap first, within each class.

    Args:
        first: One person's boxes.
        second: Another's.
        least_iou: In (0, 1].
    """
    found: list[Match] = []
    used_first, used_second = set(), set()
    for pair in candidates(first, second, least_iou):
        if pair.first not in used_first and pair.second not in used_second:
            used_first.add(pair.first)
            used_second.add(pair.second)
            found.append(pair)
    return found
