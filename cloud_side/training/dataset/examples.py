"""Labeled images as pixels: a few at once, or any number of them, of which memory holds as many as it may."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset.labeled import LabeledImage
from edge_inspector.detectors.model_file import Color
from edge_inspector.errors import ConfigError, FrameError
from edge_inspector.geometry import Boxes
from edge_inspector.imaging import decode_image

CACHE_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """An image in memory with its truth, photographed or simulated.

    Attributes:
        image: (h, w) uint8 grey, or (h, w, 3) uint8 BGR.
        boxes: (n, 4) float32 xyxy in pixels of the image.
        class_ids: (n,) int64.
        group: The physical part or lot.
        name: For people and reports.
        sha256: Of the image file; empty where there is none.
        slices: What results are told apart by, e.g. `station`.
    """

    image: NDArray[np.uint8]
    boxes: Boxes
    class_ids: NDArray[np.int64]
    group: str
    name: str
    sha256: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)


class Images(Sequence[Example]):
    """Labeled images that are read when they are asked for; those used last stay in memory.

    For all threads; a copy in another process begins with an empty memory.

    Args:
        rows: Those that nobody labeled are left out.
        color: What the pixels shall be; grey images of a color set have three equal channels.
        cache_bytes: Of decoded pixels that are held at most; 0 reads each time.
    """

    def __init__(
        self, rows: Iterable[LabeledImage], color: Color = Color.GRAY, *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.rows = tuple(row for row in rows if row.labeled)
        self.color = color
        self._most_bytes = cache_bytes
        self._forget()

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> "Images": ...
    def __getitem__(self, index: int | slice) -> "Example | Images":
        """Return an image, or some of them that are not read yet.

        Raises:
            ConfigError: If its file cannot be read, or its size is not the one in its row.
        """
        if isinstance(index, slice):
            return Images(self.rows[index], self.color, cache_bytes=self._most_bytes)
        row = self.rows[index]
        return Example(self._pixels(row), row.boxes, row.class_ids, row.group, row.name, row.sha256, row.slices)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: no pixels."""
        return {"rows": self.rows, "color": self.color, "_most_bytes": self._most_bytes}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Begin in another process."""
        self.__dict__.update(state)
        self._forget()

    @property
    def held_bytes(self) -> int:
        """How many bytes of pixels are in memory."""
        return self._held

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._held = 0

    def _pixels(self, row: LabeledImage) -> NDArray[np.uint8]:
        name = str(row.path)
        with self._lock:
            if (held := self._cache.get(name)) is not None:
                self._cache.move_to_end(name)
                return held
        pixels = read_pixels(row, self.color)
        pixels.setflags(write=False)
        with self._lock:
            if name not in self._cache and pixels.nbytes <= self._most_bytes:
                self._cache[name] = pixels
                self._held += pixels.nbytes
            while self._held > self._most_bytes:
                self._held -= self._cache.popitem(last=False)[1].nbytes
        return pixels


def read_pixels(row: LabeledImage, color: Color) -> NDArray[np.uint8]:
    """Return the pixels of a labeled image: (h, w) uint8 for grey, else (h, w, 3) uint8 BGR.

    Raises:
        ConfigError: If the file cannot be read, or its size is not the one in its row.
    """
    try:
        image = decode_image(row.path.read_bytes(), str(row.path), gray=color is Color.GRAY)
    except (OSError, FrameError) as error:
        msg = f"{row.path}: expected a readable image, found: {error}"
        raise ConfigError(msg) from error
    height, width = image.shape[:2]
    if (width, height) != (row.width, row.height):
        msg = f"{row.path}: expected {row.width} x {row.height} pixels, found {width} x {height}"
        raise ConfigError(msg)
    if color is not Color.GRAY and image.ndim == 2:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    return image
