"""What a line's verdicts are worth, held against its truth: escapes, also by look, and overkill, with intervals.

Source:
    The interval of a difference from those of its two sides: Zou and Donner, Statistics in Medicine 27, 2008.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import hypot
from typing import Any, Final

import numpy as np

from cloud_side.drawing.reports import percent
from cloud_side.training.evaluation.bootstrap import Interval, grouped_share
from edge_inspector.simulation import Tag

_ACCEPT: Final = "accept"
_NO_VERDICT: Final = "no_verdict"


class Look(StrEnum):
    """What a part's scratches are like."""

    BRIGHT = "bright"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Judged:
    """A part with its truth and what the station said of it.

    Attributes:
        look: Of its scratches; None is a good part.
        outcome: The station's.
    """

    look: Look | None
    outcome: str

    @property
    def is_accepted(self) -> bool:
        """Whether it goes on: neither a review nor a part without a verdict does."""
        return self.outcome == _ACCEPT


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of how many, and the share with its 95 % interval; of none, nothing is known: 0 to 1."""

    hits: int
    of: int
    share: Interval


@dataclass(frozen=True, slots=True)
class Measured:
    """What some parts came to.

    Attributes:
        parts: All of them.
        without_verdict: Those that got none; they are stopped, so they count as no escape, and as overkill if good.
        escapes: Accepted ones among the defective.
        by_look: The same, of those with scratches of a look; every look is there.
        overkill: Stopped ones among the good.
    """

    parts: int
    without_verdict: int
    escapes: Rate
    by_look: Mapping[Look, Rate]
    overkill: Rate


def look_of(tag: Tag) -> Look | None:
    """Return what a part's scratches are like, or None if it has none."""
    if not tag.defects:
        return None
    return Look.DARK if any(defect.is_dark for defect in tag.defects) else Look.BRIGHT


def judged(results: Iterable[Mapping[str, Any]], truth: Callable[[str], Tag]) -> tuple[Judged, ...]:
    """Return the parts of one count of a line, each once however often its result was delivered.

    Args:
        results: Data of `result` events: at least `part_id` and `outcome`.
        truth: The plan of a part, by its id.
    """
    outcomes = {result["part_id"]: str(result["outcome"]) for result in results}
    return tuple(Judged(look_of(truth(part_id)), outcome) for part_id, outcome in outcomes.items())


def measure(parts: Sequence[Judged], *, seed: int = 0) -> Measured:
    """Return what parts came to, of one station or of several together; the same seed gives the same intervals.

    The intervals are those of drawing parts again: every part is its own group.
    """
    defective = [part for part in parts if part.look is not None]
    return Measured(
        parts=len(parts),
        without_verdict=sum(part.outcome == _NO_VERDICT for part in parts),
        escapes=_rate([part.is_accepted for part in defective], seed),
        by_look={look: _rate([part.is_accepted for part in defective if part.look is look], seed) for look in Look},
        overkill=_rate([not part.is_accepted for part in parts if part.look is None], seed),
    )


def change(before: Rate, after: Rate) -> Interval:
    """Return by how much a share has risen (negative: fallen), with its 95 % interval, from different parts each."""
    one, other = before.share, after.share
    value = other.value - one.value
    return Interval(
        value,
        max(-1.0, value - hypot(other.value - other.low, one.high - one.value)),
        min(1.0, value + hypot(other.high - other.value, one.value - one.low)),
    )


def told(rate: Rate) -> str:
    """Return a rate for people."""
    if not rate.of:
        return "unknown: there was none"
    share = rate.share
    return f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)}; {rate.hits} of {rate.of})"


def told_change(before: Rate, after: Rate) -> str:
    """Return for people by how much a share has changed, in percentage points."""
    if not (before.of and after.of):
        return "unknown"
    found = change(before, after)
    value, low, high = (f"{100 * each:+.1f}" for each in (found.value, found.low, found.high))
    return f"{value} ({low} to {high}) points"


def _rate(hits: Sequence[bool], seed: int) -> Rate:
    groups = [str(number) for number in range(len(hits))]
    share = grouped_share(np.array(hits, dtype=np.bool_), np.ones(len(hits), dtype=np.bool_), groups, seed=seed)
    return Rate(sum(hits), len(hits), share)
