"""Where one sink stands in one lane: what it has settled, what it has in hand, what is next."""

from collections import deque
from dataclasses import dataclass

from edge_inspector.journal.entry import Entry, size_of
from edge_inspector.journal.tail import Tail


@dataclass(frozen=True, slots=True)
class Standing:
    """A place as it is written down.

    Attributes:
        sink: Whose it is.
        lane: In which lane.
        cursor: Everything up to this number is settled.
        evicted: Entries that the sink never got.
        refused: Entries that its receiver refused.
    """

    sink: str
    lane: int
    cursor: int
    evicted: int = 0
    refused: int = 0


class Place:
    """A sink's place in a lane; used under the memory's lock.

    Entries go from `ahead` (read, not taken) to `taken` (in the sink's hands) and leave when they are settled;
    `again` holds those that were taken and have to be taken once more.

    Attributes:
        position: Everything up to it was taken or given up.
        rows: Entries not yet settled.
        bytes: Their size.
    """

    __slots__ = ("again", "ahead", "bytes", "evicted", "is_dirty", "position", "refused", "rows", "taken")

    def __init__(self, position: int, *, evicted: int = 0, refused: int = 0) -> None:
        self.position = position
        self.rows = self.bytes = 0
        self.evicted, self.refused = evicted, refused
        self.again: deque[Entry] = deque()
        self.ahead: deque[Entry] = deque()
        self.taken: dict[int, Entry] = {}
        self.is_dirty = True  # what is written down is no longer true

    @property
    def cursor(self) -> int:
        """Everything up to it is settled."""
        unsettled = next(iter(self.taken), None)
        if unsettled is None:
            unsettled = self.again[0].seq if self.again else None
        return self.position if unsettled is None else min(self.position, unsettled - 1)

    def take(self) -> Entry | None:
        """Return the next entry, if one has been read."""
        if (entry := self._next()) is not None:
            self.taken[entry.seq] = entry
        return entry

    def give_up(self) -> Entry | None:
        """Pass the next entry over for good, if one has been read; one that is in the sink's hands stays there."""
        if (entry := self._next()) is not None:
            self._leaves(entry)
            self.evicted += 1
        return entry

    def read(self, position: int, entries: list[Entry], *, floor: int) -> None:
        """Take over what was found on disk after `position`; when nothing was, go on in memory, above `floor`."""
        if position != self.position or self.ahead:
            return
        if entries:
            self.ahead.extend(entries)
        else:
            self.position = max(position, floor)
            self.is_dirty = True

    def settle(self, entry: Entry) -> bool:
        """Note that an entry needs no more delivery; return whether it was still in hand."""
        if self.taken.pop(entry.seq, None) is None:
            if entry not in self.again:
                return False
            self.again.remove(entry)
        self._leaves(entry)
        return True

    def rewind(self) -> None:
        """Have all that is in hand taken again, in order."""
        if self.taken:
            self.again.extendleft(reversed(self.taken.values()))
            self.taken.clear()

    def step_back(self, cursor: int) -> None:
        """Go back to `cursor`, and forget what was in hand."""
        self.taken.clear()
        self.again.clear()
        self.ahead.clear()
        self.position = min(self.position, cursor)
        self.is_dirty = True

    def go_on_after(self, seq: int) -> None:
        """Note that the sink needs nothing up to `seq`, not even what it has in hand."""
        if seq <= self.position and not self.rows:
            return
        self.taken.clear()
        self.again.clear()
        self.ahead.clear()
        self.position = max(self.position, seq)
        self.rows = self.bytes = 0
        self.is_dirty = True

    def is_at_end(self) -> None:
        """Note that the lane has nothing more for the sink: what it has in hand is all that waits."""
        self.rows = len(self.taken)
        self.bytes = sum(size_of(entry.message) for entry in self.taken.values())

    def in_memory(self, tail: Tail) -> tuple[int, int]:
        """Return how many entries not yet settled are in memory, and their size."""
        end = self.ahead[-1].seq if self.ahead else self.position
        entries = (*self.taken.values(), *self.again, *self.ahead, *tail.after(end))
        return len(entries), sum(size_of(entry.message) for entry in entries)

    def misses(self, seq: int, size: int) -> None:
        """Note that the entry `seq` is gone, which counts where this sink still needed it."""
        if seq <= self.position or (self.ahead and self.ahead[0].seq <= seq <= self.ahead[-1].seq):
            return
        self.rows, self.bytes = max(0, self.rows - 1), max(0, self.bytes - size)
        self.evicted += 1
        self.is_dirty = True

    def _next(self) -> Entry | None:
        if self.again:
            return self.again.popleft()
        if not self.ahead:
            return None
        entry = self.ahead.popleft()
        self.position = entry.seq
        return entry

    def _leaves(self, entry: Entry) -> None:
        self.rows, self.bytes = max(0, self.rows - 1), max(0, self.bytes - size_of(entry.message))
        self.is_dirty = True
