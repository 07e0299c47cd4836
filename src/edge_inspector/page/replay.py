"""Places in the journal as browsers repeat them, and what came after one.

A place is `{seq}-{epoch}`: numbers that were given but not yet on disk when the power failed are given again, and only
the epoch of the journal tells which of both was meant.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from edge_inspector.journal import ALERTS, HISTORY, Journal, Stretch

MOST_REPLAYED: Final = 500  # of more a browser had better ask for what is there now
_LANES = (ALERTS, HISTORY)
_READ_AGAIN_S, _READ_TRIES = 0.25, 4
_LONGEST_NUMBER = 19  # digits of what the journal counts up to
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Missed:
    """More events than are replayed, or such that cannot be read.

    Attributes:
        count: How many; None where that is not known.
        through: Where to go on.
    """

    count: int | None
    through: int


class Replay:
    """Finds what a viewer has not seen; used on an event loop, which it never holds up."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def id_of(self, seq: int) -> str:
        """Return the place after a number."""
        return f"{seq}-{self._journal.epoch}"

    def seq_of(self, place: str) -> int | None:
        """Return the number after which a viewer goes on; None for a place that never was."""
        number, _, epoch = place.partition("-")
        if not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER):
            return None
        seq = int(number)
        if epoch and epoch != self._journal.epoch:
            return min(seq, self._journal.first_seq)  # what is above it never reached the disk
        return seq if seq <= self._journal.last_seq else None

    def may_have_news(self, seq: int) -> bool:
        """Return whether something that is replayed may stand above a number; reads no disk."""
        recent = self._journal.past.recent(seq, 1, _LANES)
        return recent is None or bool(recent.entries)

    async def after(self, seq: int) -> Stretch | Missed:
        """Return the alerts, and the history of alarms, above a number."""
        past = self._journal.past
        for _ in range(_READ_TRIES):
            recent = past.recent(seq, MOST_REPLAYED + 1, _LANES)
            if recent is not None:
                return recent if len(recent.entries) <= MOST_REPLAYED else self._missed(seq)
            if (found := await beside(lambda: self._read(seq))) is not None:
                return found
            await asyncio.sleep(_READ_AGAIN_S)
        return Missed(None, past.recent_begins_after(_LANES))

    def _missed(self, seq: int) -> Missed:
        through = self._journal.last_seq
        return Missed(self._journal.past.count(seq, through, _LANES), through)

    def _read(self, seq: int) -> Stretch | Missed | None:
        missed = self._missed(seq)
        if missed.count is not None and missed.count > MOST_REPLAYED:
            return missed
        return self._journal.past.stretch(seq, MOST_REPLAYED, _LANES)


async def beside(work: Callable[[], _T], threads: CapacityLimiter | None = None) -> _T:
    """Run something that may read the disk on another thread; whoever leaves in the meantime does not wait for it."""
    return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=threads)
