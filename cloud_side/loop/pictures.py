"""Pictures of parts for the report: what is on a part, and what a model found there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.drawing import draw_detections
from edge_inspector.geometry import as_boxes
from edge_inspector.simulation import Tag, render_tag

LEGEND: Final = "White: what is on the part. Colored: what the model found, with its score."
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)


def part_picture(tag: Tag, *, detections: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Return a PNG of a part: its defects in white with a black edge, what was found in color with its score.

    Args:
        tag: The part's plan.
        detections: As the data of a `result` event has them: `label`, `confidence`, and `xyxy` in pixels of the frame.
    """
    names = sorted({str(each["label"]) for each in detections})
    found = Detections(
        as_boxes([each["xyxy"] for each in detections]),
        np.array([each["confidence"] for each in detections], dtype=np.float32),
        np.array([names.index(str(each["label"])) for each in detections], dtype=np.int64),
    )
    canvas = draw_detections(render_tag(tag), found, names)
    for defect in tag.defects:
        _frame(canvas, defect.xyxy)
    return cv2.imencode(".png", canvas)[1].tobytes()


def _frame(canvas: NDArray[np.uint8], xyxy: tuple[float, float, float, float]) -> None:
    (x1, y1), (x2, y2) = np.floor(xyxy[:2]).astype(int).tolist(), np.ceil(xyxy[2:]).astype(int).tolist()
    cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), _BLACK, 3)
    cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), _WHITE, 1)
