"""What is kept of an output, and what every decoder refuses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.errors import ModelError
from edge_inspector.geometry import Boxes, nms

NOTHING = Detections.empty()
_CANDIDATES = 1000  # boxes that enter suppression at most; its cost grows with their square
_SPARE = 100  # of them that decide nothing: a model that sees many must not slow the line for their sake
_NO_INDICES = np.empty(0, np.int64)
_SCORE_TOLERANCE = 1e-3  # rounding of low-precision graphs outside [0, 1]
_LARGEST_COORDINATE = 1e6  # pixels; squares of more would overflow
_LARGEST_FRACTION = 10.0  # of the model input; a box somewhat outside is odd, one at 300 is in pixels


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept of an output.

    Attributes:
        confidence: Lowest score kept, in [0, 1].
        iou_threshold: Overlap above which the weaker box of a class is dropped, in [0, 1].
        max_detections: Boxes kept at most.
        counts_from: Weaker boxes decide nothing: only the strongest `_SPARE` of them are looked at.
    """

    confidence: float
    iou_threshold: float = 0.5
    max_detections: int = 100
    counts_from: float = 0.0


def check_boxes(boxes: Boxes) -> None:
    """Look at all boxes, not only at those with a score: a broken model must not pass for one that found nothing.

    Raises:
        ModelError: If a coordinate is not finite or absurdly large.
    """
    largest = np.abs(boxes).max(initial=0.0)
    if not largest <= _LARGEST_COORDINATE:  # also true for NaN
        msg = f"model output: expected finite boxes within {_LARGEST_COORDINATE:.0f} px, found {largest}"
        raise ModelError(msg)


def check_scores(scores: NDArray[np.float32]) -> float:
    """Return the highest of any scores, 0 where there are none.

    Raises:
        ModelError: If a score is not finite or not in [0, 1].
    """
    lowest, highest = scores.min(initial=0.0), scores.max(initial=0.0)
    if not (lowest >= -_SCORE_TOLERANCE and highest <= 1.0 + _SCORE_TOLERANCE):  # also for NaN, which both hand on
        msg = f"model output: expected finite scores in [0, 1], found {lowest} to {highest}"
        raise ModelError(msg)
    return float(highest)


def candidates(best: NDArray[np.float32], limits: Limits) -> NDArray[np.int64]:
    """Return the indices of the (n,) scores that reach the threshold, at most so many as `limits` lets through.

    Raises:
        ModelError: If a score is not finite or not in [0, 1].
    """
    if check_scores(best) < limits.confidence:  # most parts are good
        return _NO_INDICES
    kept = np.flatnonzero(best >= limits.confidence)
    most = min(_CANDIDATES, int(np.count_nonzero(best[kept] >= limits.counts_from)) + _SPARE)
    if kept.size > most:
        strongest = np.argsort(-best[kept], kind="stable")[:most]
        kept = kept[np.sort(strongest)]
    return kept


def fractions_to_pixels(boxes: Boxes, wh: tuple[int, int]) -> Boxes:
    """Return (n, 4) boxes in pixels, xyxy or cxcywh, from fractions of a model input of `wh` pixels.

    Raises:
        ModelError: If they cannot be fractions.
    """
    largest = np.abs(boxes).max(initial=0.0)
    if largest > _LARGEST_FRACTION:
        msg = f"model output: expected boxes as fractions of the model input, found {largest}: is it in pixels?"
        raise ModelError(msg)
    return boxes * np.array([*wh, *wh], dtype=np.float32)


def suppressed(xyxy: Boxes, confidence: NDArray[np.float32], class_id: NDArray[np.int64], limits: Limits) -> Detections:
    """Return what survives suppression within each class, most confident first.

    Raises:
        ModelError: If a box has its corners in the wrong order.
    """
    _check_corners(xyxy)
    return _take(nms(xyxy, confidence, class_id, limits.iou_threshold), xyxy, confidence, class_id, limits)


def strongest(xyxy: Boxes, confidence: NDArray[np.float32], class_id: NDArray[np.int64], limits: Limits) -> Detections:
    """Return the boxes of a model that needs no suppression, most confident first.

    Raises:
        ModelError: If a box has its corners in the wrong order.
    """
    _check_corners(xyxy)
    return _take(np.argsort(-confidence, kind="stable"), xyxy, confidence, class_id, limits)


def _take(
    order: NDArray[np.int64],
    xyxy: Boxes,
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int64],
    limits: Limits,
) -> Detections:
    kept = order[: limits.max_detections]
    return Detections(xyxy[kept], np.minimum(confidence[kept], np.float32(1)), class_id[kept])


def _check_corners(xyxy: Boxes) -> None:
    inverted = xyxy[:, 2:] < xyxy[:, :2]
    if inverted.any():
        first = xyxy[inverted.any(axis=1).argmax()].tolist()
        msg = f"model output: expected confident boxes with x1 <= x2 and y1 <= y2, found {first}"
        raise ModelError(msg)
