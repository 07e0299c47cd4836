"""The past of the journal, for those who follow it and are no sink: everything above a number, in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_inspector.journal.archive import Archive
from edge_inspector.journal.entry import LANES, Entry
from edge_inspector.journal.memory import Memory


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of the journal.

    Attributes:
        entries: All of the lanes that were asked for, in order of their numbers, whole from where it began up to
            `through`.
        through: Where to go on.
    """

    entries: Sequence[Entry]
    through: int


class Past:
    """Looks back, from memory where it can; for all threads. It moves no sink's place and keeps nothing from going."""

    def __init__(self, memory: Memory, archive: Archive) -> None:
        self._memory, self._archive = memory, archive

    def stretch(self, seq: int, limit: int, lanes: Sequence[int] = LANES) -> Stretch | None:
        """Return the first entries above `seq`, also those not yet committed; None when they cannot be read now.

        Reads the disk for what is no longer in memory. What was given up or is no longer kept is passed over.

        Args:
            seq: Number of the last entry that is known.
            limit: So many at most.
            lanes: Of which kinds.
        """
        with self._memory.lock:
            end = self._memory.last_seq
            tails = [self._memory.tails[lane] for lane in lanes]
            found = {entry.seq: entry for tail in tails for entry in tail.after(seq, limit)}
            on_disk = [lane for lane, tail in zip(lanes, tails, strict=True) if seq < tail.floor]
        for lane in on_disk:
            entries = self._archive.after(lane, seq, limit)
            if entries is None:
                return None
            # What came in the meantime is here of this lane alone: its turn is the next time.
            found.update((entry.seq, entry) for entry in entries if entry.seq <= end)
        return _first([found[number] for number in sorted(found)], limit, end)

    def recent(self, seq: int, limit: int, lanes: Sequence[int] = LANES) -> Stretch | None:
        """Return the same without the disk; None where some of it is on disk alone."""
        with self._memory.lock:
            if seq < self._begins_after(lanes):
                return None
            found = [entry for lane in lanes for entry in self._memory.tails[lane].after(seq, limit)]
            end = self._memory.last_seq
        return _first(sorted(found, key=lambda entry: entry.seq), limit, end)

    def recent_begins_after(self, lanes: Sequence[int] = LANES) -> int:
        """Return the lowest number above which all that there is is in memory."""
        with self._memory.lock:
            return self._begins_after(lanes)

    def count(self, seq: int, through: int, lanes: Sequence[int] = LANES) -> int:
        """Return how many entries there are above `seq` up to `through`; without those that cannot be read now."""
        with self._memory.lock:
            tails = [self._memory.tails[lane] for lane in lanes]
            count = sum(tail.count(seq, through) for tail in tails)
            floors = [min(through, tail.floor) for tail in tails]
        return count + sum(
            self._archive.count(lane, seq, floor)[0] for lane, floor in zip(lanes, floors, strict=True) if seq < floor
        )

    def _begins_after(self, lanes: Sequence[int]) -> int:
        return max(self._memory.tails[lane].floor for lane in lanes)


def _first(entries: list[Entry], limit: int, end: int) -> Stretch:
    if len(entries) < limit:
        return Stretch(entries, end)
    return Stretch(entries[:limit], entries[limit - 1].seq)
