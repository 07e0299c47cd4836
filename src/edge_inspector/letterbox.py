"""Fit an image into the model input, and map boxes back.

Training, evaluation and the device all use this one piece of code, so that a model sees on the line what it was
trained on.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.geometry import Boxes, clip


class Resize(StrEnum):
    """How an image of another shape is brought to the model's input."""

    LETTERBOX = "letterbox"
    STRETCH = "stretch"


@dataclass(frozen=True, slots=True)
class Fit:
    """Where an image of `image_wh` lies in a canvas of `model_wh`; all values in pixels.

    Attributes:
        image_wh: Width and height of the frame.
        model_wh: Width and height of the model input.
        inner_wh: Width and height of the resized image inside the canvas.
        offset_xy: Top left corner of the resized image inside the canvas.
    """

    image_wh: tuple[int, int]
    model_wh: tuple[int, int]
    inner_wh: tuple[int, int]
    offset_xy: tuple[int, int]

    @classmethod
    def of(cls, image_wh: tuple[int, int], model_wh: tuple[int, int], resize: Resize) -> "Fit":
        """Return the placement of an image, centred for a letterbox."""
        match resize:
            case Resize.STRETCH:
                return cls(image_wh, model_wh, model_wh, (0, 0))
            case Resize.LETTERBOX:
                scale = min(model_wh[0] / image_wh[0], model_wh[1] / image_wh[1])
                width, height = (max(1, round(side * scale)) for side in image_wh)
                return cls(
                    image_wh, model_wh, (width, height), ((model_wh[0] - width) // 2, (model_wh[1] - height) // 2)
                )
        assert_never(resize)

    def to_model(self, xyxy: Boxes) -> Boxes:
        """Map (n, 4) boxes from frame pixels to model-input pixels."""
        return xyxy * self._scale() + self._offset()

    def to_image(self, xyxy: Boxes) -> Boxes:
        """Map (n, 4) boxes from model-input pixels to frame pixels, clipped to the frame."""
        return clip((xyxy - self._offset()) / self._scale(), self.image_wh)

    def _scale(self) -> NDArray[np.float32]:
        x, y = self.inner_wh[0] / self.image_wh[0], self.inner_wh[1] / self.image_wh[1]
        return np.array([x, y, x, y], dtype=np.float32)

    def _offset(self) -> NDArray[np.float32]:
        return np.array([*self.offset_xy, *self.offset_xy], dtype=np.float32)


class Letterbox:
    """Writes images into one preallocated canvas; not for use by two threads at once."""

    def __init__(self, model_wh: tuple[int, int], *, channels: int, resize: Resize, pad_value: int) -> None:
        """Allocate the canvas.

        Args:
            model_wh: Width and height of the model input in pixels.
            channels: 1 for grey, 3 for color.
            resize: How another shape is fitted.
            pad_value: Grey level around a letterboxed image, 0 to 255.
        """
        shape = (model_wh[1], model_wh[0]) if channels == 1 else (model_wh[1], model_wh[0], channels)
        self.canvas: NDArray[np.uint8] = np.full(shape, pad_value, dtype=np.uint8)
        self._model_wh = model_wh
        self._resize = resize
        self._pad_value = pad_value
        self._fit = Fit.of(model_wh, model_wh, resize)

    def write(self, image: NDArray[np.uint8]) -> Fit:
        """Draw `image` into the canvas and return where it lies.

        Args:
            image: (h, w) or (h, w, 3) uint8, with the canvas's number of channels.
        """
        image_wh = (image.shape[1], image.shape[0])
        if image_wh != self._fit.image_wh:
            # Only another frame size leaves stale pixels in the border.
            self.canvas[:] = self._pad_value
            self._fit = Fit.of(image_wh, self._model_wh, self._resize)
        (x, y), (width, height) = self._fit.offset_xy, self._fit.inner_wh
        inside = self.canvas[y : y + height, x : x + width]
        # AREA costs ten times LINEAR and is worth it only where LINEAR would skip pixels.
        shrinks = width * 2 < image_wh[0] or height * 2 < image_wh[1]
        cv2.resize(image, (width, height), dst=inside, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return self._fit
