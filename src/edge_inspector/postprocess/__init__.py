"""Raw model output -> Detections in model-input pixels, one pure function per decode type.

All of them threshold first, so that the work after it is small, and keep the strongest boxes; those that get a box for
every anchor suppress within each class. An output that is not finite is an error and never "nothing found", and so is a
confident box whose corners are in the wrong order: dropping it could hide a defect.
"""

from enum import StrEnum

from edge_inspector.postprocess.anchors import decode_xyxy_scores, decode_yolov5, decode_yolov8
from edge_inspector.postprocess.end2end import BoxFormat, decode_end2end
from edge_inspector.postprocess.kept import Limits
from edge_inspector.postprocess.queries import Activation, Background, decode_detr

__all__ = [
    "Activation",
    "Background",
    "BoxFormat",
    "Decode",
    "Limits",
    "decode_detr",
    "decode_end2end",
    "decode_xyxy_scores",
    "decode_yolov5",
    "decode_yolov8",
]


class Decode(StrEnum):
    """Layout of a model's raw output."""

    YOLOV8 = "yolov8"
    YOLOV5 = "yolov5"
    XYXY_SCORES = "xyxy_scores"
    DETR = "detr"
    END2END = "end2end"
