"""Gaps: stretches of the journal that the index has still to read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of the journal, none of them looked at.

    Attributes:
        after: The last number before them.
        through: The last of them.
    """

    after: int
    through: int


def with_gap(gaps: Iterable[Gap], after: int, through: int) -> list[Gap]:
    """Return gaps with one more, in order, joined where they touch."""
    joined: list[Gap] = []
    new = (Gap(after, through),) if after < through else ()
    for gap in sorted((*gaps, *new), key=lambda each: each.after):
        if joined and gap.after <= joined[-1].through:
            joined[-1] = Gap(joined[-1].after, max(joined[-1].through, gap.through))
        else:
            joined.append(gap)
    return joined


def filled_up_to(gaps: Sequence[Gap], through: int) -> list[Gap]:
    """Return what is left of gaps once all up to a number has been read."""
    return [Gap(max(gap.after, through), gap.through) for gap in gaps if gap.through > through]


def width(gaps: Iterable[Gap]) -> int:
    """Return how many numbers they have in all; not every number has an event."""
    return sum(gap.through - gap.after for gap in gaps)
