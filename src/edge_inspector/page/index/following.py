"""Following: what of the journal comes next for the index, what is new before what is past."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from edge_inspector.journal import Entry, Journal, Reader, Stretch
from edge_inspector.journal.entry import ALERTS, MOST_IMPORTANT_FIRST, RESULTS
from edge_inspector.page.index.gaps import Gap, width
from edge_inspector.page.index.told import Told, told

READER: Final = "page"
_AT_ONCE = 64  # entries
_LANES: Final = (ALERTS, RESULTS)


class Following:
    """Takes from the journal, on one thread.

    New events come by a reader that never holds the journal up: whenever a database is opened it begins at the end,
    and what the database lacks until there is a gap, which is read from the journal's past.
    """

    def __init__(self, journal: Journal, wake: Callable[[], None], random_share: float) -> None:
        """Join the journal; nothing is read yet.

        Args:
            journal: What is followed.
            wake: Called from other threads when there is something new.
            random_share: Share of the accepted parts that is audited.
        """
        self._journal, self._wake, self._random_share = journal, wake, random_share
        self._reader: Reader
        self._noted = 0
        self._may_be_known: tuple[int, str] | None = None

    @property
    def first_seq(self) -> int:
        """The last number of the journal before this session."""
        return self._journal.first_seq

    def begin(self) -> None:
        """Have the reader begin at the end."""
        self._reader = self._journal.reader(READER, wake=self._wake)
        self.skip()

    def skip(self) -> int:
        """Take nothing more of what is there now; return the number up to which all of it is past."""
        for priority in MOST_IMPORTANT_FIRST:
            self._reader.pass_over(priority)
        return self._journal.last_seq  # asked afterwards: what comes in between is met twice, and nothing never

    def is_of_this_journal(self, known: tuple[int, str]) -> bool:
        """Return whether this journal has that event under that number, or cannot tell."""
        seq, event_id = known
        if seq > self._journal.last_seq:
            return False
        stretch = self._journal.past.stretch(seq - 1, 1)
        if stretch is None or not stretch.entries:
            return True
        found = stretch.entries[0]
        return found.seq != seq or found.message.id == event_id

    def known(self, before: tuple[int, str]) -> tuple[int, str]:
        """Return number and id of an event that is on the journal's disk, a later one than before where there is one.

        What is not yet there may be lost, and its number given to another event.
        """
        if self._may_be_known is not None and self._may_be_known[0] <= self._journal.written_seq:
            before, self._may_be_known = self._may_be_known, None
        return before

    def take(self) -> list[Entry]:
        """Return what is new; it is in hand until it is settled."""
        self._noted = self._journal.last_seq
        entries: list[Entry] = []
        while len(entries) < _AT_ONCE and (entry := self._reader.take()) is not None:
            entries.append(entry)
        return entries

    def settle(self, entries: Iterable[Entry]) -> None:
        """Note that entries have been written."""
        for entry in entries:
            self._reader.settle(entry)

    def taken_through(self) -> int | None:
        """Return up to which number nothing is left, once `take` has returned nothing; None where something is."""
        return None if self._reader.waiting else self._noted

    def past(self, gap: Gap) -> Stretch | None:
        """Return the first part of a gap; None when it cannot be read now."""
        stretch = self._journal.past.stretch(gap.after, _AT_ONCE, _LANES)
        if stretch is None:
            return None
        entries = [entry for entry in stretch.entries if entry.seq <= gap.through]
        return Stretch(entries, min(stretch.through, gap.through))

    def told(self, entries: Sequence[Entry]) -> list[Told]:
        """Return what entries tell; there must be one."""
        self._may_be_known = self._may_be_known or (entries[-1].seq, entries[-1].message.id)
        found = (told(entry, random_share=self._random_share) for entry in entries)
        return [each for each in found if each is not None]

    def oldest(self) -> tuple[int, int] | None:
        """Return the lowest number of a result, and of an alert, in the journal; None when it cannot be read now."""
        lowest = []
        for lane in (RESULTS, ALERTS):
            if (stretch := self._journal.past.stretch(0, 1, (lane,))) is None:
                return None
            lowest.append(stretch.entries[0].seq if stretch.entries else stretch.through + 1)
        return lowest[0], lowest[1]

    def behind(self, gaps: Sequence[Gap]) -> int:
        """Return how many numbers of the journal are still to be looked at, about."""
        return width(gaps) + self._reader.waiting
