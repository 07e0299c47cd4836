"""Frames -> encoded pictures."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import cv2

from edge_inspector.errors import FrameError
from edge_inspector.frame import Frame


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded frame.

    Attributes:
        content: The whole JPEG or PNG file.
        image_wh: Its width and height in pixels; smaller than the frame's where that holds a reduced copy.
        depth: 3 for color, 1 for grey.
        frame_wh: Width and height of the frame as captured, in whose pixels its boxes are.
        part_frame: Which frame of its part it is.
    """

    content: bytes
    image_wh: tuple[int, int]
    depth: int
    frame_wh: tuple[int, int]
    part_frame: int

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self.content).hexdigest()


def encode(frame: Frame, *, suffix: Literal["jpg", "png"], jpeg_quality: int) -> Picture:
    """Return a frame as a file.

    Args:
        frame: What was captured.
        suffix: png is lossless.
        jpeg_quality: 0 to 100.

    Raises:
        FrameError: If it cannot be encoded.
    """
    flags = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if suffix == "jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    try:
        done, content = cv2.imencode(f".{suffix}", frame.image, flags)
    except cv2.error as error:
        msg = (
            f"{frame.source}: frame {frame.frame_id} of {frame.image.shape} cannot be encoded as {suffix}: {error.err}"
        )
        raise FrameError(msg) from error
    if not done:
        msg = f"{frame.source}: frame {frame.frame_id} of {frame.image.shape} cannot be encoded as {suffix}"
        raise FrameError(msg)
    height, width = frame.image.shape[:2]
    depth = 1 if frame.image.ndim == 2 else 3
    return Picture(content.tobytes(), (width, height), depth, frame.image_wh, frame.part_frame)
