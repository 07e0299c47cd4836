"""Frame -> input tensor, into memory allocated once.

The tensor is a view of the letterbox canvas wherever the model's layout allows it, so that nothing is copied.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.detectors.model_file import Color, Layout, ModelInput
from edge_inspector.letterbox import Fit, Letterbox


class Preprocessor:
    """Writes frames into one input tensor; not for use by two threads at once."""

    def __init__(self, model_input: ModelInput) -> None:
        self._input = model_input
        self._letterboxes: dict[int, Letterbox] = {}
        width, height = model_input.model_wh
        channels = model_input.color.channels
        shape = (1, channels, height, width) if model_input.layout is Layout.NCHW else (1, height, width, channels)
        self._float = model_input.dtype == "float32"
        self._tensor: NDArray[np.uint8] | NDArray[np.float32] = (
            np.zeros(shape, np.float32) if self._float else np.zeros(shape, np.uint8)
        )
        # Each channel of the input, as a (h, w) view, in the model's order.
        planes = self._tensor[0] if model_input.layout is Layout.NCHW else np.moveaxis(self._tensor[0], -1, 0)
        self._planes = list(planes)
        std = np.broadcast_to(np.asarray(model_input.std, np.float32), channels)
        mean = np.broadcast_to(np.asarray(model_input.mean, np.float32), channels)
        self._gain = np.float32(model_input.scale) / std
        self._bias = -mean / std

    def write(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8] | NDArray[np.float32], Fit]:
        """Return the input tensor for an image, and where the image lies in it.

        The tensor is written again by the next call.

        Args:
            image: (h, w, 3) BGR or (h, w) grey, uint8.
        """
        if self._input.color is Color.GRAY and image.ndim == 3:
            # Without its colors a frame has a third of the values to resize.
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        channels = 1 if image.ndim == 2 else 3
        letterbox = self._letterboxes.get(channels)
        if letterbox is None:
            letterbox = self._letterboxes[channels] = Letterbox(
                self._input.model_wh, channels=channels, resize=self._input.resize, pad_value=self._input.pad_value
            )
        fit = letterbox.write(image)
        # Other colors are converted after resizing: the canvas is the smaller picture.
        pixels = _to_color(letterbox.canvas, self._input.color)
        if self._float:
            self._normalize(pixels)
            return self._tensor, fit
        if pixels.ndim == 2:
            return pixels.reshape(self._tensor.shape), fit
        if self._input.layout is Layout.NHWC:
            return pixels[None], fit
        for channel, plane in enumerate(self._planes):
            np.copyto(plane, pixels[..., channel])
        return self._tensor, fit

    def _normalize(self, pixels: NDArray[np.uint8]) -> None:
        for channel, plane in enumerate(self._planes):
            values = pixels if pixels.ndim == 2 else pixels[..., channel]
            np.multiply(values, self._gain[channel], out=plane)
            if self._bias[channel]:
                np.add(plane, self._bias[channel], out=plane)


def _to_color(pixels: NDArray[np.uint8], color: Color) -> NDArray[np.uint8]:
    """Return (h, w) grey or (h, w, 3) BGR pixels in the model's colors; a grey model gets grey pixels."""
    if color is Color.GRAY:
        return pixels
    if pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    return pixels if color is Color.BGR else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
