"""A sink's reader: what is next for it, from memory or from the archive."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from edge_inspector.journal.archive import Archive
from edge_inspector.journal.batch import DeadLetter
from edge_inspector.journal.entry import MOST_IMPORTANT_FIRST, Entry
from edge_inspector.journal.memory import Memory
from edge_inspector.journal.options import JournalOptions
from edge_inspector.journal.place import Place
from edge_inspector.topics import Priority

_READ_AT_ONCE = 64
_LONGEST_REASON = 300


class Reader:
    """What one sink has still to deliver; for all threads. Made by `Journal.reader`."""

    def __init__(self, sink: str, wake: Callable[[], None], memory: Memory, archive: Archive) -> None:
        """Open the sink's places; a sink that is new begins at the end of the journal.

        Args:
            sink: Name of the sink, the same after a restart.
            wake: Called when there is something new, from whatever thread; quick, and never failing.
            memory: Of the journal.
            archive: Of the journal.
        """
        self.sink, self._memory, self._archive = sink, memory, archive
        self._taking = threading.Lock()  # held while the archive is read; before the memory's lock
        with memory.lock:
            self._places = memory.places.open(sink, wake, end=memory.last_seq)
        self.count_again()

    @property
    def waiting(self) -> int:
        """Entries not yet settled, those in the sink's hands included."""
        with self._memory.lock:
            return sum(place.rows for place in self._places)

    def take(self) -> Entry | None:
        """Return the next entry, the most important kind first and each kind in order; None when there is none.

        It stays in the sink's hands until it is settled or refused, and comes again after `rewind` or a restart. May
        read from the disk, for a sink that is behind.
        """
        with self._taking:
            for lane, place in enumerate(self._places):
                if (entry := self._next(lane, place, Place.take)) is not None:
                    return entry
            return None

    def settle(self, entry: Entry) -> None:
        """Note that an entry was delivered; in any order."""
        with self._memory.lock:
            for place in self._places:
                if place.settle(entry):
                    return

    def refuse(self, entry: Entry, reason: str) -> None:
        """Note that an entry can never be delivered: it counts as settled and is kept with the dead letters."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        letter = DeadLetter(self.sink, entry.seq, entry.message.id, reason[:_LONGEST_REASON], at)
        self._memory.refuse(self._places, entry, letter)

    def rewind(self) -> None:
        """Have all that was taken and not settled taken again, in order: a connection was lost."""
        with self._memory.lock:
            for place in self._places:
                place.rewind()

    def pass_over(self, priority: Priority) -> None:
        """Settle everything of one kind that waits, unseen: the sink wants none of it, and nothing was lost."""
        with self._taking, self._memory.lock:
            self._places[MOST_IMPORTANT_FIRST.index(priority)].go_on_after(self._memory.last_seq)

    def give_up(self, options: JournalOptions, *, at_most: int) -> int:
        """Pass over the oldest of the least important entries while more wait than the quota allows.

        Those in the sink's hands stay. Returns how many were passed over.
        """
        count = 0
        with self._taking:
            for lane in reversed(range(len(MOST_IMPORTANT_FIRST))):
                while count < at_most and self._is_over(options):
                    if self._next(lane, self._places[lane], Place.give_up) is None:
                        break
                    count += 1
        return count

    def count_again(self) -> None:
        """Count what waits, in memory and on disk; used when that cannot be known from what came and went."""
        with self._memory.lock:
            ranges = []
            for place, tail in zip(self._places, self._memory.tails, strict=False):
                place.rows, place.bytes = place.in_memory(tail)
                ranges.append((place.ahead[-1].seq if place.ahead else place.position, tail.floor))
        counts = [self._archive.count(lane, after, through) for lane, (after, through) in enumerate(ranges)]
        with self._memory.lock:
            for place, (rows, size) in zip(self._places, counts, strict=True):
                place.rows += rows
                place.bytes += size

    def _is_over(self, options: JournalOptions) -> bool:
        with self._memory.lock:
            rows = sum(place.rows for place in self._places)
            return rows > options.quota_rows or sum(place.bytes for place in self._places) > options.quota_bytes

    def _next(self, lane: int, place: Place, leave: Callable[[Place], Entry | None]) -> Entry | None:
        """Return what `leave` makes of the next entry of a lane, read from where it is."""
        tail = self._memory.tails[lane]
        while True:
            with self._memory.lock:
                if not (place.again or place.ahead) and place.position >= tail.floor:
                    place.ahead.extend(tail.after(place.position, _READ_AT_ONCE))
                if (entry := leave(place)) is not None:
                    return entry
                if place.position >= tail.floor:
                    place.is_at_end()
                    return None
                position, floor = place.position, tail.floor
            entries = self._archive.after(lane, position, _READ_AT_ONCE)
            if entries is None:
                return None
            with self._memory.lock:
                place.read(position, entries, floor=floor)
