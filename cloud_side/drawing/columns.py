"""How far to the right things stand: near what they are linked with, never on each other, and lines straight."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from cloud_side.drawing.ordering import Neighbors, Pairs, Slot, neighbors

_SWEEPS = 9
_SPACE = 22.0
_PASSING_WEIGHT = 8.0  # what only passes wants to go straight


def centers(rows: Sequence[Sequence[Slot]], pairs: Pairs, widths: Mapping[Slot, float]) -> dict[Slot, float]:
    """Return the middle of each slot; slots of a row keep their order and do not overlap.

    Args:
        rows: Ordered.
        pairs: Which slot is linked with which one of the next level.
        widths: Of each slot; 0 for one that only passes.
    """
    above, below = neighbors(pairs)
    found = {slot: x for row in rows for slot, x in zip(row, spaced([0.0] * len(row), _gaps(row, widths)), strict=True)}
    for sweep in range(_SWEEPS):
        linked = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_mean(linked[slot], found, found[slot]) for slot in row]
            weights = [1.0 if widths[slot] else _PASSING_WEIGHT for slot in row]
            found.update(zip(row, spaced(wanted, _gaps(row, widths), weights), strict=True))
    _straighten(found, rows, list(_runs(above, below)), widths)
    return found


def spaced(wanted: Sequence[float], gaps: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Return the places nearest to those wanted, by least squares, of which each is its gap beyond the one before.

    Args:
        wanted: In order.
        gaps: Least distance of each place from the one before it; the first is not used.
        weights: How much each counts; all the same without.

    Source:
        Pool adjacent violators: Ayer et al., Annals of Mathematical Statistics, 1955.
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    offset, offsets = 0.0, []
    for at, place in enumerate(wanted):
        offset += gaps[at] if at else 0.0
        offsets.append(offset)
        mean, weight, count = place - offset, 1.0 if weights is None else weights[at], 1
        while blocks and blocks[-1][0] >= mean:
            before, heavy, many = blocks.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, count = weight + heavy, count + many
        blocks.append((mean, weight, count))
    flat = (mean for mean, _, count in blocks for _ in range(count))
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]


def _runs(above: Neighbors, below: Neighbors) -> Iterator[list[Slot]]:
    """Yield what is linked with each other and with nothing else, longest first come: it can stand in one line."""

    def following(slot: Slot) -> Slot | None:
        return below[slot][0] if len(below[slot]) == 1 and len(above[below[slot][0]]) == 1 else None

    for slot in list(below):
        if len(above[slot]) != 1 or following(above[slot][0]) is None:
            run: list[Slot] = [slot]
            while (after := following(run[-1])) is not None:
                run.append(after)
            if len(run) > 1:
                yield run


def _straighten(
    found: dict[Slot, float],
    rows: Sequence[Sequence[Slot]],
    runs: Sequence[Sequence[Slot]],
    widths: Mapping[Slot, float],
) -> None:
    """Move what can stand in one line there, as far as its neighbors on each level leave room."""
    beside: dict[Slot, tuple[Slot | None, Slot | None]] = {}
    for row in rows:
        beside.update(zip(row, zip((None, *row), (*row[1:], None), strict=False), strict=False))

    def room(slot: Slot) -> tuple[float, float]:
        left, right = beside[slot]
        low = -float("inf") if left is None else found[left] + (widths[left] + widths[slot]) / 2 + _SPACE
        high = float("inf") if right is None else found[right] - (widths[right] + widths[slot]) / 2 - _SPACE
        return low, high

    for run in runs:
        part: list[Slot] = []
        low, high = -float("inf"), float("inf")
        for slot in (*run, None):
            own = (float("inf"), -float("inf")) if slot is None else room(slot)
            if max(low, own[0]) > min(high, own[1]) + 1e-6:
                middle = sum(found[each] for each in part) / max(1, len(part))
                found.update(dict.fromkeys(part, min(max(middle, low), high)))
                part, low, high = [], *own
            else:
                low, high = max(low, own[0]), min(high, own[1])
            part.append(slot)


def _mean(slots: Sequence[Slot], found: Mapping[Slot, float], otherwise: float) -> float:
    return sum(found[slot] for slot in slots) / len(slots) if slots else otherwise


def _gaps(row: Sequence[Slot], widths: Mapping[Slot, float]) -> list[float]:
    return [0.0, *((widths[one] + widths[other]) / 2 + _SPACE for one, other in pairwise(row))]
