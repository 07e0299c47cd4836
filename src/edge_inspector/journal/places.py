"""The places of all sinks, with a reader in this session or without."""

from collections.abc import Callable, Iterable, Iterator

from edge_inspector.journal.entry import HISTORY, MOST_IMPORTANT_FIRST
from edge_inspector.journal.place import Place, Standing
from edge_inspector.journal.tail import Tail


class Places:
    """Where each sink stands in each lane; used under the memory's lock.

    Attributes:
        wakes: How to tell a sink that something is new, for those that have a reader.
    """

    def __init__(self) -> None:
        self.wakes: dict[str, Callable[[], None]] = {}
        self._by_sink: dict[str, tuple[Place, ...]] = {}

    def __getitem__(self, sink: str) -> tuple[Place, ...]:
        return self._by_sink[sink]

    def open(self, sink: str, wake: Callable[[], None], *, end: int) -> tuple[Place, ...]:
        """Return a sink's places, at the `end` of the journal where it is new."""
        if sink not in self._by_sink:
            self._by_sink[sink] = tuple(Place(end) for _ in MOST_IMPORTANT_FIRST)
        self.wakes[sink] = wake
        for place in self._by_sink[sink]:
            place.rewind()
        return self._by_sink[sink]

    def join(self, standings: Iterable[Standing], *, end: int) -> None:
        """Take over what is written down; a sink that was here before goes back to where it stood then."""
        before = set(self._by_sink)
        for standing in standings:
            if standing.sink not in self._by_sink:
                self._by_sink[standing.sink] = tuple(Place(end) for _ in MOST_IMPORTANT_FIRST)
            place = self._by_sink[standing.sink][standing.lane]
            place.step_back(standing.cursor)
            place.is_dirty = standing.sink in before
            place.evicted += standing.evicted
            place.refused += standing.refused

    def came(self, lane: int, size: int) -> None:
        """Note that an entry waits for every sink with a reader."""
        for sink in self.wakes:
            place = self._by_sink[sink][lane]
            place.rows += 1
            place.bytes += size

    def missed(self, lane: int, seq: int, size: int) -> None:
        """Note that an entry is gone for all."""
        if lane != HISTORY:
            for places in self._by_sink.values():
                places[lane].misses(seq, size)

    def passed(self, lane: int) -> int | None:
        """Return the number up to which all sinks with a reader have settled a lane; None when there is no sink."""
        if lane == HISTORY:
            return None
        return min((self._by_sink[sink][lane].cursor for sink in self.wakes), default=None)

    @property
    def are_all_read(self) -> bool:
        """Whether every sink that was ever here has a reader in this session."""
        return self.wakes.keys() == self._by_sink.keys()

    def changes(self, through: int) -> list[Standing]:
        """Return the places that have to be written down, none of them beyond `through`."""
        standings = []
        for sink, lane, place in self._all():
            if place.is_dirty:
                cursor = min(place.cursor, through)
                place.is_dirty = cursor < place.cursor
                standings.append(Standing(sink, lane, cursor, place.evicted, place.refused))
        return standings

    def unwritten(self, standings: Iterable[Standing]) -> None:
        """Note that places have to be written down after all."""
        for standing in standings:
            self._by_sink[standing.sink][standing.lane].is_dirty = True

    def forget_disk(self, tails: tuple[Tail, ...]) -> None:
        """Note that nothing is on the disk any more, and count what sinks with a reader miss by that."""
        for sink, lane, place in self._all():
            place.is_dirty = True
            if sink in self.wakes:
                rows, size = place.in_memory(tails[lane])
                place.evicted += max(0, place.rows - rows)
                place.rows, place.bytes = rows, size

    def waiting(self) -> dict[str, int]:
        """Return the entries not yet settled, by sink with a reader."""
        return {sink: sum(place.rows for place in self._by_sink[sink]) for sink in self.wakes}

    def evicted(self) -> dict[str, dict[str, int]]:
        """Return what sinks never got, by sink and priority, where it is not zero."""
        counts: dict[str, dict[str, int]] = {}
        for sink, lane, place in self._all():
            if place.evicted:
                counts.setdefault(sink, {})[MOST_IMPORTANT_FIRST[lane].value] = place.evicted
        return counts

    def refused(self) -> dict[str, int]:
        """Return what receivers refused, by sink, where it is not zero."""
        counts = {sink: sum(place.refused for place in places) for sink, places in self._by_sink.items()}
        return {sink: count for sink, count in counts.items() if count}

    def _all(self) -> Iterator[tuple[str, int, Place]]:
        return (
            (sink, lane, place) for sink, places in self._by_sink.items() for lane, place in enumerate(places)
        )  # fmt: skip
