"""Draws detections on an image, for people."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections

_WHITE, _CAPTION_BGR = (255, 255, 255), (60, 60, 60)
_COLORS_BGR = ((40, 40, 230), (0, 160, 255), (200, 80, 200), (60, 180, 60), (230, 140, 30))


def draw_detections(
    image: NDArray[np.uint8], detections: Detections, class_names: Sequence[str], *, caption: str = ""
) -> NDArray[np.uint8]:
    """Return a (h, w, 3) BGR copy of an image with its boxes, labels and confidences.

    Args:
        image: (h, w, 3) BGR or (h, w) grey, uint8.
        detections: Boxes in pixels of the image.
        class_names: Names by class id.
        caption: Text for the top left corner.
    """
    canvas, size = draw_boxes(image, detections), _size(image)
    for xyxy, confidence, class_id in zip(detections.xyxy, detections.confidence, detections.class_id, strict=True):
        x1, y1 = np.floor(xyxy[:2]).astype(int).tolist()
        _write(canvas, f"{class_names[class_id]} {confidence:.2f}", (x1, y1), size, _color(class_id))
    if caption:
        _write(canvas, caption, (0, 0), size * 1.5, _CAPTION_BGR)
    return canvas


def draw_boxes(image: NDArray[np.uint8], detections: Detections) -> NDArray[np.uint8]:
    """Return a (h, w, 3) BGR copy of an image with its boxes alone, a color for each class.

    OpenCV's first text takes 9 MB for its font, and never gives them back: a daemon does without.

    Args:
        image: (h, w, 3) BGR or (h, w) grey, uint8.
        detections: Boxes in pixels of the image.
    """
    canvas = image.copy() if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    thickness = max(1, round(_size(image) * 2))
    for xyxy, class_id in zip(detections.xyxy, detections.class_id, strict=True):
        (x1, y1), (x2, y2) = np.floor(xyxy[:2]).astype(int).tolist(), np.ceil(xyxy[2:]).astype(int).tolist()
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), _color(class_id), thickness)
    return canvas


def _size(image: NDArray[np.uint8]) -> float:
    return max(0.4, float(image.shape[1]) / 1200)


def _color(class_id: int) -> tuple[int, int, int]:
    return _COLORS_BGR[class_id % len(_COLORS_BGR)]


def _write(
    canvas: NDArray[np.uint8], text: str, corner_xy: tuple[int, int], size: float, color: tuple[int, int, int]
) -> None:
    """Write white text on a bar of `color` that stands on a corner, or hangs from the edge of the picture."""
    thickness = max(1, round(size * 1.2))
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
    left = max(0, min(corner_xy[0], canvas.shape[1] - width))
    bottom = max(corner_xy[1], height + below)
    cv2.rectangle(canvas, (left, bottom - height - below), (left + width, bottom), color, cv2.FILLED)
    cv2.putText(
        canvas, text, (left, bottom - below // 2), cv2.FONT_HERSHEY_SIMPLEX, size, _WHITE, thickness, cv2.LINE_AA
    )
