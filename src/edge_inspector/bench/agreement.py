"""How far two files of a model package agree on the same images."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge_inspector.detections import Detections
from edge_inspector.geometry import iou

_SAME_BOX_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """Boxes of two files on the same images.

    Attributes:
        images: How many images.
        both: Boxes that both found: same class, IoU of at least 0.5.
        first_alone, second_alone: Boxes that only one found.
        confidence: Largest difference in confidence of a box that both found.
        xyxy_px: Largest difference in a corner of such a box, in pixels.
    """

    images: int
    both: int
    first_alone: int
    second_alone: int
    confidence: float
    xyxy_px: float


def agree(pairs: Iterable[tuple[Detections, Detections]]) -> Agreement:
    """Return how the boxes of two files differ.

    Args:
        pairs: What the first and the second file found on an image, one pair an image.
    """
    images = both = first_alone = second_alone = 0
    confidence = xyxy_px = 0.0
    for first, second in pairs:
        matches = _matches(first, second)
        images += 1
        both += len(matches)
        first_alone += len(first) - len(matches)
        second_alone += len(second) - len(matches)
        for one, other in matches:
            confidence = max(confidence, float(abs(first.confidence[one] - second.confidence[other])))
            xyxy_px = max(xyxy_px, float(np.abs(first.xyxy[one] - second.xyxy[other]).max()))
    return Agreement(images, both, first_alone, second_alone, confidence, xyxy_px)


def _matches(first: Detections, second: Detections) -> list[tuple[int, int]]:
    """Return pairs of indices, best overlap first; a box has one partner at most."""
    overlap = iou(first.xyxy, second.xyxy) * (first.class_id[:, None] == second.class_id[None, :])
    found = []
    while overlap.size and overlap.max() >= _SAME_BOX_IOU:
        one, other = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[one, :] = overlap[:, other] = 0
        found.append((int(one), int(other)))
    return found
