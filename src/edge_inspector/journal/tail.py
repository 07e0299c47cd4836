"""The tail of one lane: its newest entries, in memory."""

from bisect import bisect_right
from operator import attrgetter

from edge_inspector.journal.entry import Entry, size_of

RECENT = 128  # entries of a lane that stay in memory once they are committed
_WASTE = 256  # places at the front of the list that are worth a copy

_seq_of = attrgetter("seq")


class Tail:
    """The entries of a lane above `floor`: first those that are committed, then those that wait for it.

    Attributes:
        floor: Every entry of the lane above this number is here.
        pending_bytes: Size of the entries that are not committed.
    """

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.pending_bytes = 0
        self._entries: list[Entry] = []
        self._start = 0  # what is before it has left
        self._pending = 0  # what is from here on is not committed

    def append(self, entry: Entry) -> None:
        """Add the newest entry."""
        self._entries.append(entry)
        self.pending_bytes += size_of(entry.message)

    @property
    def pending(self) -> int:
        """How many entries are not committed."""
        return len(self._entries) - self._pending

    def after(self, seq: int, limit: int | None = None) -> list[Entry]:
        """Return the entries above `seq`, in order: all that are here, or the first of them."""
        first = bisect_right(self._entries, seq, lo=self._start, key=_seq_of)
        return self._entries[first : None if limit is None else first + limit]

    def count(self, seq: int, through: int) -> int:
        """Return how many entries that are here are above `seq`, up to `through`."""
        first, end = (bisect_right(self._entries, each, lo=self._start, key=_seq_of) for each in (seq, through))
        return max(0, end - first)

    def pending_through(self, seq: int) -> list[Entry]:
        """Return the entries up to `seq` that are not committed."""
        return self._entries[self._pending : self._end_of(seq)]

    def committed(self, seq: int) -> None:
        """Note that all up to `seq` are committed; all but the newest of those may leave."""
        end = self._end_of(seq)
        self.pending_bytes -= _size(self._entries[self._pending : end])
        self._pending = end
        self._drop_through(max(self._start, self._pending - RECENT))

    def lose_oldest(self) -> Entry:
        """Give up the oldest entry that is not committed, and return it; there must be one."""
        lost = self._entries[self._pending]
        self.pending_bytes -= size_of(lost.message)
        self._pending += 1
        self._drop_through(self._pending)
        return lost

    def write_again(self) -> None:
        """Note that none of the entries is committed any more."""
        self.pending_bytes += _size(self._entries[self._start : self._pending])
        self._pending = self._start

    def newest(self, limit: int) -> list[Entry]:
        """Return the last entries, in order."""
        return self._entries[max(self._start, len(self._entries) - limit) :]

    def _end_of(self, seq: int) -> int:
        return bisect_right(self._entries, seq, lo=self._pending, key=_seq_of)

    def _drop_through(self, start: int) -> None:
        if start > self._start:
            self.floor = self._entries[start - 1].seq
        self._start = start
        if start > _WASTE and start * 8 > len(self._entries):
            del self._entries[:start]
            self._pending -= start
            self._start = 0


def _size(entries: list[Entry]) -> int:
    return sum(size_of(entry.message) for entry in entries)
