"""Raw model output -> Detections in model-input pixels, one function per decode type.

All of them threshold first, so that the work after it is small; then they suppress within each class and keep the
strongest boxes. An output that is not finite is an error and never "nothing found".
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.errors import ModelError
from edge_inspector.geometry import Boxes, cxcywh_to_xyxy, nms

BOX_COLUMNS = 4
_CANDIDATES = 1000  # boxes that enter suppression at most; its cost grows with their square
_NOTHING, _NO_INDICES = Detections.empty(), np.empty(0, np.int64)
_SCORE_TOLERANCE = 1e-3  # rounding of low-precision graphs outside [0, 1]
_LARGEST_COORDINATE = 1e6  # pixels; squares of more would overflow


class Decode(StrEnum):
    """Layout of a model's raw output."""

    YOLOV8 = "yolov8"
    XYXY_SCORES = "xyxy_scores"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept of an output.

    Attributes:
        confidence: Lowest score kept, in [0, 1].
        iou_threshold: Overlap above which the weaker box of a class is dropped, in [0, 1].
        max_detections: Boxes kept at most.
    """

    confidence: float
    iou_threshold: float = 0.5
    max_detections: int = 100


def decode_yolov8(output: NDArray[np.float32], limits: Limits) -> Detections:
    """Turn one image's raw YOLOv8 / YOLO11 output into detections.

    Args:
        output: (1, 4 + n_classes, n_anchors) float32. Rows 0-3 are centre x, centre y, width, height in model-input
            pixels; the rest are class scores in [0, 1].
        limits: What is kept.

    Returns:
        Detections in model-input pixels, most confident first.

    Raises:
        ModelError: If `output` has another shape, is not finite, or has scores outside [0, 1].

    Source:
        Output of the public "detect" export of that family: no objectness, no suppression.
    """
    _check_shape("yolov8", "(1, 4 + n_classes, n_anchors)", output, columns=output.shape[1] if output.ndim > 1 else 0)
    boxes, scores = output[0, :BOX_COLUMNS], output[0, BOX_COLUMNS:]
    _check_boxes(boxes)
    best = scores.max(axis=0)
    kept = _candidates(best, limits)
    if not kept.size:
        return _NOTHING
    return _suppress(cxcywh_to_xyxy(boxes[:, kept].T), best[kept], scores[:, kept].argmax(axis=0), limits)


def decode_xyxy_scores(output: NDArray[np.float32], limits: Limits) -> Detections:
    """Turn one image's output of our own head, which decodes its boxes in the graph, into detections.

    Args:
        output: (1, n_anchors, 4 + n_classes) float32. Columns 0-3 are x1, y1, x2, y2 in model-input pixels; the rest
            are class scores in [0, 1].
        limits: What is kept.

    Returns:
        Detections in model-input pixels, most confident first.

    Raises:
        ModelError: If `output` has another shape, is not finite, or has scores outside [0, 1].
    """
    _check_shape(
        "xyxy_scores", "(1, n_anchors, 4 + n_classes)", output, columns=output.shape[2] if output.ndim > 2 else 0
    )
    boxes, scores = output[0, :, :BOX_COLUMNS], output[0, :, BOX_COLUMNS:]
    _check_boxes(boxes)
    best = scores[:, 0] if scores.shape[1] == 1 else scores.max(axis=1)
    kept = _candidates(best, limits)
    if not kept.size:
        return _NOTHING
    return _suppress(boxes[kept], best[kept], scores[kept].argmax(axis=1), limits)


DECODERS: dict[Decode, Callable[[NDArray[np.float32], Limits], Detections]] = {
    Decode.YOLOV8: decode_yolov8,
    Decode.XYXY_SCORES: decode_xyxy_scores,
}


def class_count(decode: Decode, shape: tuple[int, ...]) -> int | None:
    """Return how many classes an output of `shape` holds, or None if it does not fit the decode type."""
    if len(shape) != 3:
        return None
    columns = shape[1] if decode is Decode.YOLOV8 else shape[2]
    return columns - BOX_COLUMNS if columns > BOX_COLUMNS else None


def _check_shape(decode: str, expected: str, output: NDArray[np.float32], *, columns: int) -> None:
    if output.ndim != 3 or output.shape[0] != 1 or columns <= BOX_COLUMNS:
        msg = f"{decode} output: expected shape {expected} with at least one class, found {output.shape}"
        raise ModelError(msg)


def _check_boxes(boxes: Boxes) -> None:
    """Look at all boxes, not only at those with a score: a broken model must not pass for one that found nothing."""
    largest = np.abs(boxes).max(initial=0.0)
    if not largest <= _LARGEST_COORDINATE:  # also true for NaN
        msg = f"model output: expected finite boxes within {_LARGEST_COORDINATE:.0f} px, found {largest}"
        raise ModelError(msg)


def _candidates(best: NDArray[np.float32], limits: Limits) -> NDArray[np.int64]:
    """Return the indices of the anchors that reach the threshold, at most the strongest `_CANDIDATES`."""
    lowest, highest = best.min(initial=0.0), best.max(initial=0.0)
    if not (lowest >= -_SCORE_TOLERANCE and highest <= 1.0 + _SCORE_TOLERANCE):  # also for NaN, which both hand on
        msg = f"model output: expected finite scores in [0, 1], found {lowest} to {highest}"
        raise ModelError(msg)
    if highest < limits.confidence:  # most parts are good
        return _NO_INDICES
    kept = np.flatnonzero(best >= limits.confidence)
    if kept.size > _CANDIDATES:
        strongest = np.argsort(-best[kept], kind="stable")[:_CANDIDATES]
        kept = kept[np.sort(strongest)]
    return kept


def _suppress(xyxy: Boxes, confidence: NDArray[np.float32], class_id: NDArray[np.int64], limits: Limits) -> Detections:
    kept = nms(xyxy, confidence, class_id, limits.iou_threshold)[: limits.max_detections]
    return Detections(xyxy[kept], np.minimum(confidence[kept], np.float32(1)), class_id[kept])
