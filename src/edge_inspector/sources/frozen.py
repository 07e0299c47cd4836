"""Frozen pictures: a camera that repeats one picture, byte for byte, has stopped looking."""

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 1024  # compared first; the noise of a live sensor changes some of them in every picture


class FrozenWatch:
    """Remembers a picture and since when it has been repeated."""

    def __init__(self, after_ns: int) -> None:
        """Remember nothing yet.

        Args:
            after_ns: A picture repeated for longer is frozen, in nanoseconds.
        """
        self._after_ns = after_ns
        self._image: NDArray[np.uint8] | None = None
        self._since_ns = 0

    def is_frozen(self, image: NDArray[np.uint8], now_ns: int) -> bool:
        """Return whether this picture has been the same for too long; keeps it, and it must not be changed."""
        if self._image is None or not _same(image, self._image):
            self._image, self._since_ns = image, now_ns
            return False
        return now_ns - self._since_ns > self._after_ns


def _same(image: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    if image.shape != other.shape:
        return False
    step = max(1, int((image.shape[0] * image.shape[1] / _SAMPLES) ** 0.5))
    if (image[::step, ::step] != other[::step, ::step]).any():
        return False
    return bool(np.array_equal(image, other))
