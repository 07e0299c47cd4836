"""The picture of a frame for people: small, with its boxes, and a frame in the color of the outcome.

It has no words: those are the page's, and a font would take more memory than all else of the live view.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.drawing import draw_boxes
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding, outcome_name

TALLEST: Final = 2  # times its width; taller ones, as of a web, get narrower
_QUALITY = 80
_COLORS_BGR: Final = {
    "accept": (70, 150, 60),
    "review": (0, 140, 220),
    "reject": (40, 40, 210),
    "no_verdict": (110, 110, 110),
}


def picture_of(frame: Frame, finding: FrameFinding, *, width: int) -> NDArray[np.uint8]:
    """Return a (h, w, 3) BGR picture of a frame with what was found on it.

    Args:
        frame: The frame.
        finding: What was found on it.
        width: In pixels, at most.
    """
    image = shrink(frame.image, (width, TALLEST * width))
    height, width = image.shape[:2]
    found, (full_width, full_height) = finding.detections, frame.image_wh
    scale = np.array([width / full_width, height / full_height] * 2, np.float32)
    picture = draw_boxes(image, Detections(found.xyxy * scale, found.confidence, found.class_id))
    color = _COLORS_BGR[outcome_name(finding.record.outcome)]
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), color, max(2, width // 160))
    return picture


def shrink(image: NDArray[np.uint8], most_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image that is at most so wide and so high, in its proportions; itself where it is.

    It is halved while that is enough, which looks at every pixel and takes a tenth of the time of a filter that does so
    for any size: thin scratches stay visible.
    """
    height, width = image.shape[:2]
    share = min(1.0, most_wh[0] / width, most_wh[1] / height)
    wanted_wh = max(1, round(width * share)), max(1, round(height * share))
    while image.shape[1] >= 2 * wanted_wh[0] and image.shape[0] >= 2 * wanted_wh[1] and min(image.shape[:2]) >= 2:
        even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        half_wh = even.shape[1] // 2, even.shape[0] // 2
        image = np.asarray(cv2.resize(even, half_wh, interpolation=cv2.INTER_AREA), np.uint8)
    if (image.shape[1], image.shape[0]) != wanted_wh:
        image = np.asarray(cv2.resize(image, wanted_wh, interpolation=cv2.INTER_LINEAR), np.uint8)
    return image


def encode(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture as a JPEG file."""
    _, encoded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return encoded.tobytes()
