"""Assembler: blocks of lines, as high as they come, become frames of one height that overlap.

Every frame has memory of its own, into which the rows of the blocks are copied: once, and those of an overlap twice.
So a frame may wait, be kept and be looked at for as long as anybody likes.

    lines   0        200   300      400   500
    frame 0 |---------------|
    frame 1           |---------------|              frame_lines 300, overlap_lines 100

The end of a roll, and the lines before a gap, are seen by a frame that ends exactly there and overlaps more. What is
shorter than a frame altogether gives a shorter one.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_inspector.linescan.position import Position
from edge_inspector.web import WebPlace


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How lines become frames.

    Attributes:
        frame_lines: Lines of a frame, at least 1.
        overlap_lines: Lines that a frame shares with the one before it, 0 to less than `frame_lines`.
        mm_per_line: Resolution along the web where the source does not know better; unknown when None.
    """

    frame_lines: int
    overlap_lines: int
    mm_per_line: float | None = None

    def __post_init__(self) -> None:
        """Refuse frames that do not advance."""
        if not 0 <= self.overlap_lines < self.frame_lines:
            msg = f"expected 0 <= overlap_lines < frame_lines, found {self}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class WebPicture:
    """One frame of the web.

    Attributes:
        place: Where it lies.
        image: (h, w) or (h, w, 3) uint8, its own memory; None for lines that nobody saw.
    """

    place: WebPlace
    image: NDArray[np.uint8] | None = None


@dataclass(slots=True, eq=False)
class _Open:
    """A frame that is not full yet."""

    first_line: int
    first_mm: float | None
    image: NDArray[np.uint8]
    filled: int = 0

    def take(self, rows: NDArray[np.uint8]) -> None:
        self.image[self.filled : self.filled + len(rows)] = rows
        self.filled += len(rows)


class Assembler:
    """Makes the frames of one roll after another; for one thread at a time."""

    def __init__(self, options: WebOptions, *, roll: str) -> None:
        """Begin a roll.

        Args:
            options: How lines become frames.
            roll: What it is called.
        """
        self._options = options
        self._begin(roll)

    @property
    def roll(self) -> str:
        """The roll that runs."""
        return self._roll

    @property
    def lines(self) -> int:
        """How many lines of it have passed, seen or not."""
        return self._position.line

    def add(self, block: NDArray[np.uint8], *, mm_per_line: float | None = None) -> list[WebPicture]:
        """Return the frames that a block completes, in order; most of the time none.

        Args:
            block: (h, w) or (h, w, 3) uint8; another width or number of colors than before begins frames anew.
            mm_per_line: Resolution of this block, where the source knows it.
        """
        return list(self._take(block, self._options.mm_per_line if mm_per_line is None else mm_per_line))

    def finish(self) -> list[WebPicture]:
        """Return a frame of the lines that are on none yet, if there are any; the next line begins a frame."""
        return list(self._finish(ends_roll=False))

    def skip(self, lines: int | None, *, mm_per_line: float | None = None) -> list[WebPicture]:
        """Return what ends before a gap, and then the gap: a frame without a picture.

        Args:
            lines: How many lines passed that nobody saw; None where nobody counted them: places go on from here, and
                say so from now on.
            mm_per_line: Their resolution, where the source knows it.
        """
        pictures = self.finish()
        if lines is None:
            self._uncounted += 1
            pictures.append(WebPicture(self._place_from(self._position.line, self._position.mm)))
        elif lines:
            position = self._position
            first_line, first_mm = position.line, position.mm
            position.advance(lines, self._options.mm_per_line if mm_per_line is None else mm_per_line)
            self._seen_to = self._next_first = position.line  # nobody will ever see them
            pictures.append(WebPicture(self._place_from(first_line, first_mm)))
        return pictures

    def end_roll(self, next_roll: str) -> list[WebPicture]:
        """Return the last frame of the roll, which says so, and begin the next one; nothing if not a line has passed.

        Where the last line is one of a frame that is out already, that frame comes once more, as the last one.
        """
        pictures = list(self._finish(ends_roll=True)) if self._position.line else []
        self._begin(next_roll)
        return pictures

    def _begin(self, roll: str) -> None:
        self._roll = roll
        self._position = Position()
        self._uncounted = 0
        self._like: tuple[int, ...] | None = None
        self._open: deque[_Open] = deque()
        self._before: _Open | None = None  # the frame that is out, if nothing is missing since
        self._next_first = 0
        self._seen_to = 0  # up to this line all is out

    def _take(self, block: NDArray[np.uint8], resolution: float | None) -> Iterator[WebPicture]:
        if self._like is not None and block.shape[1:] != self._like:
            yield from self._finish(ends_roll=False)
        self._like = block.shape[1:]
        taken, position = 0, self._position
        while taken < len(block):
            if position.line == self._next_first:
                self._open.append(self._new_frame(block))
                self._next_first += self._options.frame_lines - self._options.overlap_lines
            oldest = self._open[0]
            room = min(len(oldest.image) - oldest.filled, self._next_first - position.line)
            rows = block[taken : taken + room]
            for frame in self._open:
                frame.take(rows)
            taken += len(rows)
            position.advance(len(rows), resolution)
            if oldest.filled == len(oldest.image):
                self._before = self._open.popleft()
                self._seen_to = position.line
                yield WebPicture(self._place(oldest), oldest.image)

    def _new_frame(self, block: NDArray[np.uint8]) -> _Open:
        image = np.empty((self._options.frame_lines, *block.shape[1:]), np.uint8)
        return _Open(self._position.line, self._position.mm, image)

    def _finish(self, *, ends_roll: bool) -> Iterator[WebPicture]:
        """Yield what sees the lines that are not out yet, and let the next line begin a frame."""
        end, last = self._position.line, self._last()
        self._open.clear()
        self._before, self._like = None, None
        if end > self._seen_to or ends_roll:
            place = self._place_from(end, self._position.mm) if last is None else self._place(last)
            yield WebPicture(replace(place, ends_roll=ends_roll), None if last is None else last.image)
        self._seen_to = self._next_first = end

    def _last(self) -> _Open | None:
        """Return a frame that ends at the last line: a whole one where there are lines enough without a gap."""
        if not self._open:
            return self._before
        oldest, before = self._open[0], self._before
        if before is None:
            oldest.image = oldest.image[: oldest.filled]
            return oldest
        missing = self._options.frame_lines - oldest.filled
        first_line = oldest.first_line - missing
        first_row = first_line - before.first_line
        image = np.concatenate((before.image[first_row : first_row + missing], oldest.image[: oldest.filled]))
        first_mm = None
        if before.first_mm is not None and oldest.first_mm is not None:
            resolution = (oldest.first_mm - before.first_mm) / (oldest.first_line - before.first_line)
            first_mm = oldest.first_mm - missing * resolution
        return _Open(first_line, first_mm, image, len(image))

    def _place(self, frame: _Open) -> WebPlace:
        """Return where a frame lies whose last line is the last that has passed."""
        return self._place_from(frame.first_line, frame.first_mm)

    def _place_from(self, first_line: int, first_mm: float | None) -> WebPlace:
        lines, end_mm = self._position.line - first_line, self._position.mm
        resolution = None
        if first_mm is not None and end_mm is not None and (lines or first_line):
            resolution = (end_mm - first_mm) / lines if lines else end_mm / first_line
        begins_mm = None if resolution is None else first_mm
        return WebPlace(self._roll, first_line, lines, begins_mm, resolution, uncounted=self._uncounted)
