"""Which box found which defect: the table that every score is read from.

Made once for a set of images; resampling changes only how often each row counts.

Source:
    Lin et al., "Microsoft COCO", ECCV 2014: the strongest box chooses first, among the defects of its class that are
    free, and takes the one that it overlaps most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.geometry import Boxes

IOUS: Final = np.linspace(0.5, 0.95, 10)
MOST_BOXES: Final = 100  # of a class on an image
_ROUNDING: Final = 1e-10  # an overlap of 1 counts at a threshold of 1
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class ClassMatches:
    """All boxes of one class, most confident first; of equals that of the earlier image, as COCO counts.

    Attributes:
        confidence: (m,) float64 in [0, 1], falling.
        image: (m,) int64, index of the image.
        defect: (10, m) int64: which defect the box found at each IoU of `IOUS`, -1 for none.
        defect_image: (n,) int64, index of the image of each defect of the class.
        defect_place: (n,) int64, index of each defect in the truth of its image.
    """

    confidence: NDArray[np.float64]
    image: NDArray[np.int64]
    defect: NDArray[np.int64]
    defect_image: NDArray[np.int64]
    defect_place: NDArray[np.int64]


@lru_cache(maxsize=2)
def match(predictions: Predictions) -> tuple[ClassMatches, ...]:
    """Return the table, by class id; that of the last two sets is held, as every score asks for it."""
    return tuple(_of_class(predictions.images, class_id) for class_id in range(len(predictions.class_names)))


def _of_class(images: Sequence[Prediction], class_id: int) -> ClassMatches:
    confidence, image_of, defects = [], [], []
    defect_image, defect_place = [], []
    known = 0
    for number, image in enumerate(images):
        places = np.flatnonzero(image.truth_class_id == class_id)
        rows = np.flatnonzero(image.class_id == class_id)
        rows = rows[np.argsort(-image.confidence[rows], kind="stable")[:MOST_BOXES]]
        found = assign(overlaps(image.xyxy[rows], image.truth_xyxy[places]))
        confidence.append(image.confidence[rows].astype(np.float64))
        image_of.append(np.full(rows.size, number, np.int64))
        defects.append(np.where(found >= 0, found + known, -1))
        defect_image.append(np.full(places.size, number, np.int64))
        defect_place.append(places.astype(np.int64))
        known += places.size
    scores = _joined(confidence, np.float64)
    order = np.argsort(-scores, kind="stable")
    matched = np.concatenate(defects, axis=1) if defects else np.empty((IOUS.size, 0), np.int64)
    return ClassMatches(
        scores[order],
        _joined(image_of, np.int64)[order],
        matched[:, order],
        _joined(defect_image, np.int64),
        _joined(defect_place, np.int64),
    )


def assign(overlap: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (10, m): which of n defects each of m boxes finds at each IoU of `IOUS`, -1 for none.

    Args:
        overlap: (m, n) IoU of boxes, most confident first, and defects.
    """
    boxes, defects = overlap.shape
    found = np.full((IOUS.size, boxes), -1, np.int64)
    if not defects:
        return found
    limits = np.minimum(IOUS, 1 - _ROUNDING)
    free = np.ones((IOUS.size, defects), np.bool_)
    for box in np.flatnonzero(overlap.max(axis=1) >= limits[0]):
        reached = np.where(free & (overlap[box] >= limits[:, None]), overlap[box], -1.0)
        # Of equal overlaps the last, as COCO's loop leaves it.
        best = defects - 1 - reached[:, ::-1].argmax(axis=1)
        at = np.flatnonzero(reached[np.arange(IOUS.size), best] >= 0)
        found[at, box] = best[at]
        free[at, best[at]] = False
    return found


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Return the (n, m) IoU of xyxy boxes in double precision, as COCO reckons; 0 where both are empty."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    size = np.maximum(size, 0)
    both = size[..., 0] * size[..., 1]
    union = np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None] + np.prod(b[:, 2:] - b[:, :2], axis=1)[None, :] - both
    result: NDArray[np.float64] = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return result


def _joined(parts: Sequence[NDArray[_Number]], dtype: type[_Number]) -> NDArray[_Number]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
