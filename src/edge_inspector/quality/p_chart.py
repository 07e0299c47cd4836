"""p-chart: is the share of rejected parts what it always is, or did something change?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

SIGMAS = 3
FEWEST_EXPECTED = 5.0  # of either kind in a group: below it limits from a normal distribution mean little


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of one time.

    Attributes:
        at: When it began.
        parts: Parts that have a verdict.
        rejects: How many of them were rejected.
    """

    at: datetime
    parts: int
    rejects: int


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the chart.

    Attributes:
        at: When its group began.
        parts, rejects: Of its group.
        share: Rejects by parts.
        lower, upper: Control limits for so many parts, in [0, 1].
        is_out: The share lies beyond a limit: that is hardly chance.
    """

    at: datetime
    parts: int
    rejects: int
    share: float
    lower: float
    upper: float
    is_out: bool


@dataclass(frozen=True, slots=True)
class PChart:
    """The chart.

    Attributes:
        center: Share of rejects over all; None where there are no parts.
        points: In order of time.
    """

    center: float | None
    points: tuple[Point, ...]


def p_chart(groups: Iterable[Group]) -> PChart:
    """Return the chart of groups of parts, with limits for the size of each group.

    Neighbors are put together until enough rejects, and enough others, are expected in each; what is too little at
    the end belongs to the group before it.

    Args:
        groups: In order of time.

    Source:
        D. C. Montgomery, "Introduction to Statistical Quality Control", 7th edition, section 7.2: limits
        p +- 3 sqrt(p (1 - p) / n), the variable-width form.
    """
    filled = [group for group in groups if group.parts]
    parts = sum(group.parts for group in filled)
    if not parts:
        return PChart(None, ())
    center = sum(group.rejects for group in filled) / parts
    rarer = min(center, 1 - center)
    fewest = FEWEST_EXPECTED / rarer if rarer else 0.0
    return PChart(center, tuple(_point(group, center) for group in _merged(filled, fewest)))


def _merged(groups: Sequence[Group], fewest: float) -> list[Group]:
    merged: list[Group] = []
    is_open = False
    for group in groups:
        merged.append(_joined(merged.pop(), group) if is_open else group)
        is_open = merged[-1].parts < fewest
    if is_open and len(merged) > 1:
        rest = merged.pop()
        merged.append(_joined(merged.pop(), rest))
    return merged


def _joined(first: Group, second: Group) -> Group:
    return Group(first.at, first.parts + second.parts, first.rejects + second.rejects)


def _point(group: Group, center: float) -> Point:
    share = group.rejects / group.parts
    reach = SIGMAS * sqrt(center * (1 - center) / group.parts)
    lower, upper = max(0.0, center - reach), min(1.0, center + reach)
    is_out = not lower <= share <= upper
    return Point(group.at, group.parts, group.rejects, share, lower, upper, is_out)
