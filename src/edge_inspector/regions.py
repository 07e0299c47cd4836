"""Regions of the frame: polygons in fractions of its width and height, and how much of a box lies in them."""

from collections.abc import Sequence
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.geometry import Boxes

_GRID = 512  # cells a side: a cell of a 4k frame is 8 pixels, less than a box of interest


class Region:
    """A union of polygons, drawn once into a grid whose running sums answer any box in constant time."""

    def __init__(self, sums: NDArray[np.float64]) -> None:
        self._sums = sums

    @classmethod
    def of(cls, polygons: Sequence[Sequence[tuple[float, float]]]) -> Self:
        """Draw polygons.

        Args:
            polygons: Each at least three points (x, y) in fractions of the frame, 0 to 1.
        """
        mask = np.zeros((_GRID, _GRID), dtype=np.uint8)
        for polygon in polygons:
            corners = np.asarray(polygon, dtype=np.float64) * _GRID - 0.5
            cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
        return cls(np.asarray(cv2.integral(mask), dtype=np.float64))

    def coverage(self, xyxy: Boxes, image_wh: tuple[int, int]) -> NDArray[np.float64]:
        """Return the (n,) fractions, 0 to 1, of each box that lie inside the region.

        Args:
            xyxy: (n, 4) boxes in frame pixels.
            image_wh: Width and height of the frame.
        """
        scale = np.array([*image_wh, *image_wh], dtype=np.float64) / _GRID
        cells = xyxy / scale
        first = np.clip(np.floor(cells[:, :2]), 0, _GRID - 1).astype(np.int64)
        # A box smaller than a cell still covers that cell.
        last = np.clip(np.ceil(cells[:, 2:]), first + 1, _GRID).astype(np.int64)
        (x1, y1), (x2, y2) = first.T, last.T
        inside = self._sums[y2, x2] - self._sums[y1, x2] - self._sums[y2, x1] + self._sums[y1, x1]
        return np.asarray(inside / ((x2 - x1) * (y2 - y1)))
