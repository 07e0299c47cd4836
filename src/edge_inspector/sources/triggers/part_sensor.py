"""A part sensor made of pictures: a part is there when a region differs from the empty line. Pure judgement.

The empty line is learned where nothing covers the region, slowly, so that the light may drift. A part counts once when
it covers enough of the region, in the picture in which it covers most of it, and the next one only after the region
was seen free again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

_REDUCED = 32  # cells along the longer side of the region
_SAMPLES_PER_CELL = 4  # pixels a side that a cell is the mean of: noise evens out, and no more pixels are read
_LEARNING = 0.05  # weight of one more picture of the free line
_STILL = 1 / 3  # of `difference`: what changes by less is still
_FREE = 0.5  # of `covered`: a region covered by less is free
_SETTLING = 5  # pictures in a row that are alike: nothing moves over the line, which is what it looks like empty
_GROWS = 0.02  # a region that is covered by so much more than before is not yet covered best

Cells: TypeAlias = NDArray[np.float32]


class Seen(StrEnum):
    """What a picture tells."""

    NOTHING = "nothing"
    COVERS = "covers"  # a part covers the region, more than in any picture before: it may be the best one
    PASSES = "passes"  # the best picture of the part was the one before


@dataclass(frozen=True, slots=True)
class SensorOptions:
    """What a part looks like.

    Attributes:
        roi: Corners of the region, in fractions of the frame.
        difference: Gray values by which a part differs from the empty line.
        covered: Share of the region that a part covers when it is there, in [0, 1].
    """

    roi: Sequence[tuple[float, float]]
    difference: int
    covered: float


class PartSensor:
    """Looks at one picture after another; for one thread."""

    def __init__(self, options: SensorOptions) -> None:
        """Know nothing of the line yet: it is learned from the first pictures, in which no part should be.

        Args:
            options: What a part looks like.
        """
        self._options = options
        self._wh: tuple[int, int] | None = None
        self.forget()

    def forget(self) -> None:
        """Learn the empty line anew, as after another set-up of the camera."""
        self._first: list[Cells] = []
        self._empty: Cells | None = None
        self._is_armed = False
        self._best = 0.0

    @property
    def is_free(self) -> bool:
        """Whether the line is known, and the region was free in the last picture or a part has just come."""
        return self._is_armed and not self._best

    def see(self, image: NDArray[np.uint8]) -> Seen:
        """Return what the next picture tells.

        Args:
            image: (h, w, 3) uint8 BGR or (h, w) uint8 gray; the line is learned anew where its size changes.
        """
        cells = self._reduced(image)
        if self._empty is None:
            self._settle(cells)
            return Seen.NOTHING
        share = float(((np.abs(cells - self._empty) > self._options.difference) * self._weights).sum())
        is_free = share < self._options.covered * _FREE
        if is_free:
            self._empty += _LEARNING * (cells - self._empty)
        if self._best:
            if share > self._best + _GROWS:
                self._best = share
                return Seen.COVERS
            self._best, self._is_armed = 0.0, is_free
            return Seen.PASSES
        self._is_armed |= is_free
        if not self._is_armed or share < self._options.covered:
            return Seen.NOTHING
        self._best = share
        return Seen.COVERS

    def _settle(self, cells: Cells) -> None:
        if self._first and np.abs(cells - self._first[0]).max() > self._options.difference * _STILL:
            self._first.clear()  # a part moves through
        self._first.append(cells)
        if len(self._first) == _SETTLING:
            self._empty = np.median(self._first, axis=0).astype(np.float32)
            self._first.clear()

    def _reduced(self, image: NDArray[np.uint8]) -> Cells:
        wh = image.shape[1], image.shape[0]
        if wh != self._wh:
            self._lay_out(wh)
            self.forget()
        left, top, right, bottom = self._box
        part = image[top : bottom : self._step, left : right : self._step]
        if part.ndim == 3:
            part = part[:, :, 1]  # green has most of the light, and no conversion is needed
        return cv2.resize(part, self._cells_wh, interpolation=cv2.INTER_AREA).astype(np.float32)

    def _lay_out(self, wh: tuple[int, int]) -> None:
        """Lay the cells over the region, for frames of one size."""
        self._wh = wh
        corners = np.asarray(self._options.roi, np.float32) * wh
        (left, top), (right, bottom) = np.floor(corners.min(0)), np.ceil(corners.max(0))
        self._box = int(left), int(top), max(int(right), int(left) + 1), max(int(bottom), int(top) + 1)
        side = max(right - left, bottom - top)
        self._step = max(1, int(side / (_REDUCED * _SAMPLES_PER_CELL)))
        scale = min(1.0, _REDUCED / side)
        self._cells_wh = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        inside = np.zeros(self._cells_wh[::-1], np.uint8)
        cells = (corners - (left, top)) / (max(right - left, 1), max(bottom - top, 1)) * self._cells_wh
        cv2.fillPoly(inside, [np.round(cells * 16 - 8).astype(np.int32)], 1, shift=4)
        if not inside.any():
            inside[:] = 1
        self._weights = (inside / inside.sum()).astype(np.float32)
