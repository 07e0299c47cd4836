"""A line-scan camera as a source: its blocks of lines become the frames of a web, roll after roll.

Lines that were lost keep their place: a block of which only the number is known counts as high as the one before it,
and the frame without a picture that stands for it tells where nobody looked. After a time without the camera nobody
knows how much of the web has passed: positions go on where they were.
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
from edge_inspector.ports import Delivered
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

    def __init__(
        self,
        source: BlockSource,
        options: WebOptions,
        rolls: RollDesk,
        *,
        roll_ends_after_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin the first roll.

        Args:
            source: Where blocks come from; closed with this one if it can be.
            options: How lines become frames.
            rolls: Names them, and takes the wishes to end one.
            roll_ends_after_s: A roll of which no line has come for so long has ended; never when None.
            clock: Returns monotonic seconds.
        """
        self.source, self._rolls, self._clock = source, rolls, clock
        self._roll_ends_after_s = roll_ends_after_s
        self._assembler = Assembler(options, roll=rolls.name())
        self._ready: deque[Delivered] = deque()
        self._block_lines = 0
        self._last_block_s = clock()
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
        if unseen := self._assembler.unfinished:
            _log.warning("%s were not inspected: the source was closed in the middle of a frame", unseen)

    def read(self, timeout_s: float) -> Delivered | None:
        """Return the next frame, or what else there is to say, in order; None when nothing came in `timeout_s`.

        Raises:
            SourceError: If the source failed.
            EndOfSource: If it has ended, once the last roll is out.
        """
        self._heed()
        if self._ready:
            return self._ready.popleft()
        try:
            self._take(self.source.read(timeout_s))
        except EndOfSource:
            self._end(None)
            if not self._ready:
                raise
        return self._ready.popleft() if self._ready else None

    def _heed(self) -> None:
        while (wish := self._rolls.wish()) is not None:
            wanted, done = wish
            done.set_result(self._end(wanted))

    def _take(self, delivered: Blocks | None) -> None:
        match delivered:
            case Frame():
                self._add(delivered, None)
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
                self._deliver(self._assembler.skip(0), DropCause.FRAME_MISSING, "")
                self._ready.append(delivered)
            case None:
                self._end_if_still()
            case _:
                self._ready.append(delivered)

    def _add(self, block: Frame, mm_per_line: float | None) -> None:
        self._last_block_s = self._clock()
        self._block_lines = len(block.image)
        self._stamp = _stamp_of(block, block.captured_at_source)
        pictures = self._assembler.add(block.image, mm_per_line=mm_per_line)
        self._deliver(pictures, DropCause.FRAME_MISSING, "")

    def _lose(self, blocks: int, cause: DropCause, problem: str) -> None:
        self._last_block_s = self._clock()
        lost = cause if cause in _LOST else DropCause.FRAME_MISSING
        self._deliver(self._assembler.skip(blocks * self._block_lines), lost, problem)

    def _end_if_still(self) -> None:
        after_s = self._roll_ends_after_s
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
