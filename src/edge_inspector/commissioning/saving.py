"""Keeps grabbed frames, and writes them once the grabbing is over: a disk must not disturb what is measured."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import ConfigError

_MOST_BYTES = 512_000_000  # held in memory; a device has little more
_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class Album:
    """Frames in memory, by number."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            ConfigError: If it cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"--out {folder}: cannot be made: {error.strerror}"
            raise ConfigError(msg) from error
        self._folder = folder
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._bytes = 0
        self.left_out = 0

    def keep(self, number: int, image: NDArray[np.uint8]) -> None:
        """Keep a frame, or count it where memory is full."""
        if self._bytes + image.nbytes > _MOST_BYTES:
            self.left_out += 1
            return
        self._kept[number] = image
        self._bytes += image.nbytes

    def write(self) -> int:
        """Write all as PNG and return how many.

        Raises:
            ConfigError: If one cannot be written.
        """
        for number, image in self._kept.items():
            file = self._folder / f"frame-{number:06d}.png"
            # Not cv2.imwrite: it tells of a full disk only by its result, and not at all of one that fails later.
            try:
                file.write_bytes(cv2.imencode(".png", image, _FAST)[1].tobytes())
            except OSError as error:
                msg = f"--out: {file} cannot be written: {error.strerror}"
                raise ConfigError(msg) from error
        return len(self._kept)
