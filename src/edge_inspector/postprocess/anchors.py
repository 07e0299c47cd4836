"""Outputs with one box for every anchor: thousands of overlapping boxes in one tensor, suppressed here."""

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.errors import ModelError
from edge_inspector.geometry import cxcywh_to_xyxy
from edge_inspector.postprocess.kept import NOTHING, Limits, candidates, check_boxes, check_scores, suppressed

BOX_COLUMNS = 4
_OBJECTNESS = 4  # its column in the yolov5 layout


def decode_yolov8(output: NDArray[np.float32], limits: Limits) -> Detections:
    """Turn one image's raw YOLOv8 / YOLO11 output into detections.

    Args:
        output: (1, 4 + n_classes, n_anchors) float32. Rows 0-3 are centre x, centre y, width, height in model-input
            pixels; the rest are class scores in [0, 1].
        limits: What is kept.

    Returns:
        Detections in model-input pixels, most confident first.

    Raises:
        ModelError: If `output` has another shape, is not finite, has scores outside [0, 1], or a confident box of
            negative size.

    Source:
        Output of the public "detect" export of that family: no objectness, no suppression.
    """
    _check_shape("yolov8", "(1, 4 + n_classes, n_anchors)", output, axis=1, columns=BOX_COLUMNS)
    boxes, scores = output[0, :BOX_COLUMNS], output[0, BOX_COLUMNS:]
    check_boxes(boxes)
    best = scores.max(axis=0)
    kept = candidates(best, limits)
    if not kept.size:
        return NOTHING
    return suppressed(cxcywh_to_xyxy(boxes[:, kept].T), best[kept], scores[:, kept].argmax(axis=0), limits)


def decode_yolov5(output: NDArray[np.float32], limits: Limits) -> Detections:
    """Turn one image's raw output of the YOLOv5 / YOLOv7 layout, with objectness, into detections.

    The score of a box is its objectness times its best class score.

    Args:
        output: (1, n_anchors, 5 + n_classes) float32. Columns 0-3 are centre x, centre y, width, height in model-input
            pixels, column 4 is the objectness and the rest are class scores, both in [0, 1].
        limits: What is kept.

    Returns:
        Detections in model-input pixels, most confident first.

    Raises:
        ModelError: If `output` has another shape, is not finite, has scores outside [0, 1], or a confident box of
            negative size.

    Source:
        Output of the public exports of that family and of YOLOX with decoding in the graph: no suppression.
    """
    _check_shape("yolov5", "(1, n_anchors, 5 + n_classes)", output, axis=2, columns=BOX_COLUMNS + 1)
    boxes, objectness, scores = output[0, :, :BOX_COLUMNS], output[0, :, _OBJECTNESS], output[0, :, _OBJECTNESS + 1 :]
    check_boxes(boxes)
    best = scores.max(axis=1)
    # Each by itself: the product of two negative numbers would look like a score.
    check_scores(objectness)
    check_scores(best)
    best = best * objectness
    kept = candidates(best, limits)
    if not kept.size:
        return NOTHING
    return suppressed(cxcywh_to_xyxy(boxes[kept]), best[kept], scores[kept].argmax(axis=1), limits)


def decode_xyxy_scores(output: NDArray[np.float32], limits: Limits) -> Detections:
    """Turn one image's output of our own head, which decodes its boxes in the graph, into detections.

    Args:
        output: (1, n_anchors, 4 + n_classes) float32. Columns 0-3 are x1, y1, x2, y2 in model-input pixels; the rest
            are class scores in [0, 1].
        limits: What is kept.

    Returns:
        Detections in model-input pixels, most confident first.

    Raises:
        ModelError: If `output` has another shape, is not finite, has scores outside [0, 1], or a confident box with
            its corners in the wrong order.
    """
    _check_shape("xyxy_scores", "(1, n_anchors, 4 + n_classes)", output, axis=2, columns=BOX_COLUMNS)
    boxes, scores = output[0, :, :BOX_COLUMNS], output[0, :, BOX_COLUMNS:]
    check_boxes(boxes)
    best = scores[:, 0] if scores.shape[1] == 1 else scores.max(axis=1)
    kept = candidates(best, limits)
    if not kept.size:
        return NOTHING
    return suppressed(boxes[kept], best[kept], scores[kept].argmax(axis=1), limits)


def _check_shape(decode: str, expected: str, output: NDArray[np.float32], *, axis: int, columns: int) -> None:
    """Raise ModelError unless `output` is one image's with more than `columns` values along `axis`."""
    if output.ndim != 3 or output.shape[0] != 1 or output.shape[axis] <= columns:
        msg = f"{decode} output: expected shape {expected} with at least one class, found {output.shape}"
        raise ModelError(msg)
