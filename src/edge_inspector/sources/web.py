"""A line-scan camera as a source: its blocks of lines become the frames of a web, roll after roll.

Lines that were lost keep their place: a block of which only the number is known counts as high as the one before it,
and the frame without a picture that stands for it tells where nobody looked. After a time without the camera nobody
knows how much of the web has passed: places go on where they were, and a frame of no lines and the places behind it say
so. So it is before the first block that came whole: nobody knows how high those were.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self, TypeAlias

from edge_inspector.camera import CameraReport, CameraStatus, SetUpFor, Skipped
from edge_inspector.errors import EndOfSource
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.linescan.assembler import Assembler, WebOptions, WebPicture
from edge_inspector.ports import Delivered, OwingSource
from edge_inspector.sources.rolls import EndedRoll, RollDesk

_log = logging.getLogger(__name__)
_LOST = {DropCause.FRAME_DAMAGED, DropCause.FRAME_MISSING, DropCause.QUEUE_OVERFLOW}


@dataclass(frozen=True, slots=True, eq=False)
class WebBlock:
    """Lines of a source that knows their resolution.

    Attributes:
        frame: The lines, first one on top; `captured_at` is that of the first.
        mm_per_line: Their resolution along the web.
    """

    frame: Frame
    mm_per_line: float


@dataclass(frozen=True, slots=True)
class RollEnds:
    """The source says that the roll ends here."""


Blocks: TypeAlias = Delivered | WebBlock | RollEnds


class BlockSource(Protocol):
    """Where blocks of lines come from: a camera of which each frame is one, or a source that knows more of them."""

    def read(self, timeout_s: float) -> Blocks | None:
        """Return the next block, or what else there is to say; None when nothing came in time.

        Raises:
            SourceError, EndOfSource: As FrameSource.
        """


@dataclass(slots=True)
class _Stamp:
    """When the lines came that complete a frame, and what is known of them."""

    captured_at: datetime
    captured_monotonic_ns: int
    captured_at_source: str
    source: str
    lot: str | None = None
    product: str | None = None


class WebSource:
    """Delivers the frames of a web; for the capture thread.

    Attributes:
        source: Where its blocks come from.
    """

    def __init__(  # noqa: PLR0913 - what decides where a line lies
        self,
        source: BlockSource,
        options: WebOptions,
        rolls: RollDesk,
        *,
        mm_per_line: Callable[[], float | None] | None = None,
        roll_ends_after_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin the first roll.

        Args:
            source: Where blocks come from; closed with this one if it can be.
            options: How lines become frames.
            rolls: Names them, and takes the wishes to end one.
            mm_per_line: Returns the resolution of the lines that come now, None where it is not known; that of the
                options when None.
            roll_ends_after_s: A roll of which no line has come for so long has ended; never when None.
            clock: Returns monotonic seconds.
        """
        self.source, self._rolls, self._clock = source, rolls, clock
        self._mm_per_line, self._roll_ends_after_s = mm_per_line, roll_ends_after_s
        self._assembler = Assembler(options, roll=rolls.name())
        self._ready: deque[Delivered] = deque()
        self._block_lines = 0
        self._last_block_s = clock()
        self._is_away = False
        self._stamp: _Stamp | None = None
        self._frames = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Let the source be closed at the end."""
        if isinstance(self.source, AbstractContextManager):
            self._stack.enter_context(self.source)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the source."""
        self._stack.close()

    def read(self, timeout_s: float) -> Delivered | None:
        """Return the next frame, or what else there is to say, in order; None when nothing came in `timeout_s`.

        Raises:
            SourceError: If the source failed.
            EndOfSource: If it has ended, once the last roll is out.
        """
        self._heed()
        if not self._ready:
            try:
                self._take(self.source.read(timeout_s))
            except EndOfSource:
                self._end(None)
                if not self._ready:
                    raise
        return self._ready.popleft() if self._ready else None

    def leave(self, cause: DropCause, problem: str) -> list[Delivered]:
        """Return what has come and was not read, the lines that are on no frame yet too; see `OwingSource.leave`."""
        for left in self.source.leave(cause, problem) if isinstance(self.source, OwingSource) else ():
            self._take(left)
        self._deliver(self._assembler.finish(), cause, problem)
        left_over = list(self._ready)
        self._ready.clear()
        return left_over

    def _heed(self) -> None:
        while (wish := self._rolls.wish()) is not None:
            wanted, done = wish
            done.set_result(self._end(wanted))

    def _take(self, delivered: Blocks | None) -> None:
        match delivered:
            case Frame():
                self._add(delivered, self._resolution())
            case WebBlock(frame, mm_per_line):
                self._add(frame, mm_per_line)
            case DamagedFrame():
                self._stamp = _stamp_of(delivered, "host")
                self._lose(1, delivered.cause, delivered.problem)
            case Skipped(cause, count):
                self._lose(count, cause, f"{count} blocks of lines were lost ({cause})")
            case RollEnds():
                self._end(None)
            case CameraReport(status=CameraStatus.OFFLINE) | SetUpFor():
                # What is there is looked at before anything else comes.
                self._deliver(self._assembler.finish(), DropCause.FRAME_MISSING, "")
                self._is_away |= isinstance(delivered, CameraReport)
                self._ready.append(delivered)
            case CameraReport():
                self._come_back()
                self._ready.append(delivered)
            case None:
                self._end_if_still()
            case _:
                self._ready.append(delivered)

    def _resolution(self) -> float | None:
        return None if self._mm_per_line is None else self._mm_per_line()

    def _add(self, block: Frame, mm_per_line: float | None) -> None:
        self._come_back()
        self._last_block_s = self._clock()
        self._block_lines = len(block.image)
        self._stamp = _stamp_of(block, block.captured_at_source)
        pictures = self._assembler.add(block.image, mm_per_line=mm_per_line)
        self._deliver(pictures, DropCause.FRAME_MISSING, "")

    def _lose(self, blocks: int, cause: DropCause, problem: str) -> None:
        self._come_back()
        self._last_block_s = self._clock()
        lost = cause if cause in _LOST else DropCause.FRAME_MISSING
        lines = blocks * self._block_lines or None
        self._deliver(self._assembler.skip(lines, mm_per_line=self._resolution()), lost, problem)

    def _come_back(self) -> None:
        """Tell, where the camera has been away, that nobody counted the lines that passed meanwhile."""
        if self._is_away and self._block_lines:
            problem = "the camera was away: nobody knows how many lines of the web passed meanwhile"
            self._deliver(self._assembler.skip(None), DropCause.FRAME_MISSING, problem)
        if self._is_away:
            self._last_block_s = self._clock()
        self._is_away = False

    def _end_if_still(self) -> None:
        after_s = None if self._is_away else self._roll_ends_after_s  # a web may run on unseen
        if after_s is not None and self._assembler.lines and self._clock() - self._last_block_s >= after_s:
            _log.info("no line for %g s: the roll has ended", after_s)
            self._end(None)

    def _end(self, next_roll: str | None) -> EndedRoll:
        roll, lines = self._assembler.roll, self._assembler.lines
        following = self._rolls.name(next_roll) if lines or next_roll else roll
        pictures = self._assembler.end_roll(following)
        self._deliver(pictures, DropCause.FRAME_MISSING, "the roll ended behind lines that nobody saw")
        if not lines:
            return EndedRoll(None, 0, following)
        _log.info("roll %s ended after %d lines; roll %s begins", roll, lines, following)
        return EndedRoll(roll, lines, following)

    def _deliver(self, pictures: Sequence[WebPicture], cause: DropCause, problem: str) -> None:
        for picture in pictures:
            self._ready.append(self._frame(picture, cause, problem))

    def _frame(self, picture: WebPicture, cause: DropCause, problem: str) -> Frame | DamagedFrame:
        number, self._frames = self._frames, self._frames + 1
        stamp = self._stamp or _Stamp(datetime.now(UTC), time.monotonic_ns(), "host", "web")
        if picture.image is None:
            return DamagedFrame(
                number, stamp.captured_at, stamp.captured_monotonic_ns, stamp.source, None, problem,
                cause=cause, lot=stamp.lot, product=stamp.product, web=picture.place,
            )  # fmt: skip
        return Frame(
            picture.image, number, stamp.captured_at, stamp.captured_monotonic_ns, stamp.source,
            captured_at_source=stamp.captured_at_source, lot=stamp.lot, product=stamp.product, web=picture.place,
        )  # fmt: skip


def _stamp_of(block: Frame | DamagedFrame, captured_at_source: str) -> _Stamp:
    return _Stamp(
        block.captured_at, block.captured_monotonic_ns, captured_at_source, block.source, block.lot, block.product
    )
