"""Outputs of graphs that have chosen their boxes themselves: box, score and class, padded to a fixed length."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.errors import ModelError
from edge_inspector.geometry import cxcywh_to_xyxy
from edge_inspector.postprocess.kept import NOTHING, Limits, candidates, check_boxes, fractions_to_pixels, strongest

_PADDING_CLASS = -1
_ID_TOLERANCE = 1e-3  # a class id that travels as a float
_LARGEST_ID = 1e6


class BoxFormat(StrEnum):
    """What the four numbers of a box are."""

    XYXY = "xyxy"
    CXCYWH = "cxcywh"


def decode_end2end(  # noqa: PLR0913 - what such graphs give
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.float32] | NDArray[np.int32] | NDArray[np.int64],
    limits: Limits,
    *,
    class_count: int,
    count: int | None = None,
    box_format: BoxFormat = BoxFormat.XYXY,
    normalized_wh: tuple[int, int] | None = None,
) -> Detections:
    """Turn one image's chosen boxes into detections; nothing is suppressed again.

    A row of score 0, and one of class -1 without a positive score, is padding.

    Args:
        boxes: (1, n, 4) float32, in `box_format`.
        scores: (1, n) float32 in [0, 1].
        classes: (1, n) class ids from 0, as whole numbers of any type.
        limits: What is kept; `iou_threshold` is not used.
        class_count: Classes of the model.
        count: Rows that are filled, for graphs that say so; the rest is not looked at. All by default.
        box_format: x1, y1, x2, y2, or centre x, centre y, width, height.
        normalized_wh: Width and height in pixels that boxes in 0..1 are fractions of; None for boxes in pixels.

    Returns:
        Detections in model-input pixels, most confident first.

    Raises:
        ModelError: If the shapes are others, a value is not finite, a score is outside [0, 1], a class id is none, the
            count is not in 0..n, or a confident box has its corners in the wrong order.

    Source:
        Output of the YOLOv10 / YOLO26 exports, of the official RT-DETR and D-FINE exports, and of graphs that end in
        a suppression node: xyxy in pixels. RT-DETR as the YOLO trainers export it: cxcywh, normalized.
    """
    rows = boxes.shape[1] if boxes.ndim == 3 else 0
    if boxes.shape != (1, rows, 4) or scores.shape != (1, rows) or classes.shape != (1, rows):
        msg = (
            "end2end output: expected boxes (1, n, 4), scores (1, n) and classes (1, n), "
            f"found {boxes.shape}, {scores.shape} and {classes.shape}"
        )
        raise ModelError(msg)
    filled = rows if count is None else count
    if not 0 <= filled <= rows:
        msg = f"end2end output: expected a count from 0 to {rows}, found {filled}"
        raise ModelError(msg)
    coordinates, confidence = boxes[0, :filled], scores[0, :filled]
    check_boxes(coordinates)
    class_id = _class_ids(classes[0, :filled])
    real = (confidence != 0) & ~((class_id == _PADDING_CLASS) & (confidence <= 0))  # NaN is real: an error further on
    coordinates, confidence, class_id = coordinates[real], confidence[real], class_id[real]
    kept = candidates(confidence, limits)
    if class_id.size and not (class_id.min() >= 0 and class_id.max() < class_count):
        msg = (
            f"end2end output: expected class ids from 0 to {class_count - 1}, "
            f"found {class_id.min()} to {class_id.max()}"
        )
        raise ModelError(msg)
    if not kept.size:
        return NOTHING
    coordinates = coordinates[kept]
    if normalized_wh is not None:
        coordinates = fractions_to_pixels(coordinates, normalized_wh)
    xyxy = cxcywh_to_xyxy(coordinates) if box_format is BoxFormat.CXCYWH else coordinates
    return strongest(xyxy, confidence[kept], class_id[kept], limits)


def _class_ids(classes: NDArray[np.float32] | NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.int64]:
    if classes.dtype.kind == "f":
        whole = np.abs(classes) <= _LARGEST_ID  # false for NaN
        whole[whole] = np.abs(classes[whole] - np.rint(classes[whole])) <= _ID_TOLERANCE
        if not whole.all():
            msg = f"end2end output: expected whole numbers as class ids, found {classes[whole.argmin()]}"
            raise ModelError(msg)
        classes = np.rint(classes)
    return classes.astype(np.int64)
