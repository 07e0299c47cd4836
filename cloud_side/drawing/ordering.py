"""In which order things stand on their level, so that few lines cross."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

Slot: TypeAlias = Hashable  # an item, or the place where a link passes a level
Pairs: TypeAlias = Sequence[tuple[Slot, Slot]]
Neighbors: TypeAlias = Mapping[Slot, Sequence[Slot]]

_SWEEPS = 8


def ordered(rows: Sequence[Sequence[Slot]], pairs: Pairs) -> list[list[Slot]]:
    """Return the rows with their slots ordered by barycenters.

    Args:
        rows: Slots by level.
        pairs: Which slot is linked with which one of the next level.

    Source:
        Sugiyama, Tagawa and Toda, IEEE Transactions on Systems, Man, and Cybernetics, 1981.
    """
    above, below = neighbors(pairs)
    current = [list(row) for row in rows]
    best, fewest = current, _crossings(current, below)
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        current = [list(row) for row in current]
        levels = range(1, len(current)) if is_down else reversed(range(len(current) - 1))
        for level in levels:
            place = {slot: at for at, slot in enumerate(current[level - 1 if is_down else level + 1])}
            current[level] = _by_mean(current[level], above if is_down else below, place)
        if (found := _crossings(current, below)) < fewest:
            best, fewest = current, found
    return best


def neighbors(pairs: Pairs) -> tuple[Neighbors, Neighbors]:
    """Return what is linked with each slot on the level above, and on the one below."""
    above: defaultdict[Slot, list[Slot]] = defaultdict(list)
    below: defaultdict[Slot, list[Slot]] = defaultdict(list)
    for upper, lower in pairs:
        above[lower].append(upper)
        below[upper].append(lower)
    return above, below


def _by_mean(row: Sequence[Slot], linked: Neighbors, place: Mapping[Slot, int]) -> list[Slot]:
    means = {}
    for at, slot in enumerate(row):
        places = [place[other] for other in linked[slot]]
        means[slot] = sum(places) / len(places) if places else at
    return sorted(row, key=means.__getitem__)


def _crossings(rows: Sequence[Sequence[Slot]], below: Neighbors) -> int:
    found = 0
    for upper, lower in pairwise(rows):
        place = {slot: at for at, slot in enumerate(lower)}
        passed: list[int] = []
        for slot in upper:
            reached = sorted(place[other] for other in below[slot])
            found += sum(len(passed) - bisect_right(passed, each) for each in reached)
            for each in reached:
                insort(passed, each)
    return found
