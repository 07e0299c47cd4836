"""Sighting: one detection as the tracker sees it, and how well it fits to where a defect is expected.

An edge at which the frame cuts a box says nothing about the defect: it lies anywhere beyond. Such an edge is open,
that is infinite, and positions are compared by the edges that both boxes really have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf, isinf
from typing import TypeAlias

import numpy as np

from edge_inspector.decision import Policy, Verdict, in_regions
from edge_inspector.detections import Detections
from edge_inspector.geometry import area

Box: TypeAlias = tuple[float, float, float, float]
Shift: TypeAlias = tuple[float, float]

BORDER = 0.02  # share of the frame: detectors miss its border by about as much
MOST = 32  # sightings of one frame; a model that fires everywhere must not hold up the line
_KEPT_INSIDE = 0.25  # what already is a track may leave the regions further than what starts one
_REACH = 0.4  # share of a box by which its center may jump: of a long scratch often only a part is found
_STRAY = 0.2  # share of a travelled distance by which a prediction may be wrong
_ECHO = 0.8  # share of a box that lies in a stronger one when both are one defect
_TOO_UNLIKE = 0.65  # difference in size beyond which it is another defect
_SHAPE_WEIGHT = 0.3  # how much of a fit is size, the rest is position


@dataclass(frozen=True, slots=True)
class Sighting:
    """One detection that may start a track or keep one alive.

    Attributes:
        class_id: Index into the model's class names.
        confidence: Its score.
        verdict: What it alone leads to; `accept` when it can only keep a track alive.
        xyxy: In pixels of the frame.
        edges: The same, infinite where the frame cuts the defect.
    """

    class_id: int
    confidence: float
    verdict: Verdict
    xyxy: Box
    edges: Box


def sightings(
    detections: Detections,
    class_names: Sequence[str],
    policy: Policy,
    *,
    keep_at: Sequence[float],
    image_wh: tuple[int, int],
) -> list[Sighting]:
    """Return what there is to see on a frame, most confident first, whatever the order of the detections.

    Args:
        detections: What was found, in frame pixels.
        class_names: Names by class id.
        policy: The thresholds and regions in force.
        keep_at: Lowest score that is a sighting, by class id.
        image_wh: Width and height of the frame.
    """
    strong = detections.confidence >= np.asarray(keep_at, np.float32)[detections.class_id]
    if not strong.any():
        return []
    detections = detections.take(strong)
    kept = in_regions(detections, policy, image_wh=image_wh, inside=_KEPT_INSIDE)
    starts = in_regions(detections, policy, image_wh=image_wh) & kept
    columns = (kept, starts, detections.class_id, detections.confidence, area(detections.xyxy), detections.xyxy)
    seen = []
    for is_kept, may_start, class_id, confidence, area_px, box in zip(*(c.tolist() for c in columns), strict=True):
        if not is_kept:
            continue
        limits = policy.classes[class_names[class_id]]
        verdict = Verdict.ACCEPT
        if may_start and area_px >= limits.min_area_px and confidence >= limits.review_at:
            verdict = Verdict.REJECT if confidence >= limits.reject_at else Verdict.REVIEW
        xyxy = (box[0], box[1], box[2], box[3])
        seen.append(Sighting(class_id, confidence, verdict, xyxy, _edges(xyxy, image_wh)))
    seen.sort(key=lambda sighting: (-sighting.confidence, sighting.class_id, sighting.xyxy))
    return seen[:MOST]


def offset(expected: Box, seen: Box) -> Shift:
    """Return how far right of and below `expected` something was seen, by the edges that both have."""
    return _offset(expected[0], expected[2], seen[0], seen[2]), _offset(expected[1], expected[3], seen[1], seen[3])


def fit(  # noqa: PLR0913, PLR0917 - called for every pair: keywords cost time
    edges: Box, xyxy: Box, sighting: Sighting, shift: Shift, travelled: Shift, slack: float
) -> float:
    """Return how well a sighting fits to a defect that moved: 1 is exactly, 0 hardly, below 0 not at all.

    Args:
        edges: Where the defect was, infinite where the frame cut it.
        xyxy: Its last visible box, for its size.
        sighting: What is seen now.
        shift: How far the defect is thought to have moved.
        travelled: How far it has gone since it was last seen, without `shift`.
        slack: Pixels by which any box may be wrong.
    """
    dx, dy = shift
    x1, y1, x2, y2 = edges
    off_x = _offset(x1 + dx, x2 + dx, sighting.edges[0], sighting.edges[2])
    width, seen_width = xyxy[2] - xyxy[0], sighting.xyxy[2] - sighting.xyxy[0]
    allowed_x = slack + _REACH * max(width, seen_width) + _STRAY * abs(travelled[0] + dx)
    if not abs(off_x) <= allowed_x:
        return -1.0
    off_y = _offset(y1 + dy, y2 + dy, sighting.edges[1], sighting.edges[3])
    height, seen_height = xyxy[3] - xyxy[1], sighting.xyxy[3] - sighting.xyxy[1]
    allowed_y = slack + _REACH * max(height, seen_height) + _STRAY * abs(travelled[1] + dy)
    if not abs(off_y) <= allowed_y:
        return -1.0
    distance = hypot(off_x / allowed_x, off_y / allowed_y)
    if distance > 1:
        return -1.0
    unlike = unlikeness(edges, sighting.edges, slack)
    return 1.0 - (1.0 - _SHAPE_WEIGHT) * distance - _SHAPE_WEIGHT * unlike if unlike <= _TOO_UNLIKE else -1.0


def unlikeness(first: Box, second: Box, slack: float) -> float:
    """Return how much two boxes differ in size, 0 to 1, by the sides of which both ends are known."""
    worst = 0.0
    for low in (0, 1):
        size, other = first[low + 2] - first[low], second[low + 2] - second[low]
        if not isinf(size) and not isinf(other):
            worst = max(worst, abs(size - other) / (max(size, other) + slack))
    return worst


def is_within(inner: Box, outer: Box) -> bool:
    """Return whether most of `inner` lies in `outer`: detectors find a part of a defect beside the whole."""
    width = min(inner[2], outer[2]) - max(inner[0], outer[0])
    height = min(inner[3], outer[3]) - max(inner[1], outer[1])
    if width <= 0 or height <= 0:
        return False
    return width * height >= _ECHO * (inner[2] - inner[0]) * (inner[3] - inner[1])


def _edges(xyxy: Box, image_wh: tuple[int, int]) -> Box:
    (x1, y1, x2, y2), (width, height) = xyxy, image_wh
    return (
        -inf if x1 <= BORDER * width else x1,
        -inf if y1 <= BORDER * height else y1,
        inf if x2 >= (1 - BORDER) * width else x2,
        inf if y2 >= (1 - BORDER) * height else y2,
    )


def _offset(low: float, high: float, seen_low: float, seen_high: float) -> float:
    has_low, has_high = not (isinf(low) or isinf(seen_low)), not (isinf(high) or isinf(seen_high))
    if has_low and has_high:
        return (seen_low + seen_high - low - high) / 2
    if has_low:
        return seen_low - low
    if has_high:
        return seen_high - high
    # Nothing to compare: one may be the other wherever they overlap.
    return max(0.0, seen_low - high) + min(0.0, seen_high - low)
