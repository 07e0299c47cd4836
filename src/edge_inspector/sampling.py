"""Which results deserve a person's time, and how many of each kind.

A reason is found for a result, then its budget is asked. The draw of the audit depends on the inspection id alone, so
that a replay chooses the same parts.
"""

import hashlib
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from edge_inspector.decision import NoVerdict, Verdict
from edge_inspector.inspection import InspectionResult

HOUR_S, DAY_S = 3600.0, 86_400.0
_BUCKETS = 60  # of a window: what was taken counts at most a sixtieth longer than it must
_DRAW_BYTES = 8


class SampleReason(StrEnum):
    """Why a frame is kept, the most valuable first: the last one is the first to go."""

    OPERATOR = "operator"  # a person disagreed, or asked for it
    DEFECT = "defect"
    UNCERTAIN = "uncertain"  # a score in the review band, or no verdict
    DRIFT = "drift"
    COLLECT = "collect"  # there is no model yet
    RANDOM = "random"  # an audit of accepted parts, so that escapes can be measured


BY_VALUE: tuple[SampleReason, ...] = tuple(SampleReason)


class EvictionCause(StrEnum):
    """Why a stored sample was given up before it was uploaded."""

    QUOTA = "quota"  # of its reason
    DISK_LOW = "disk_low"


@dataclass(frozen=True, slots=True)
class Evicted:
    """A kind of samples that were given up.

    Attributes:
        label: Class of their most confident box; None for samples without one.
        reason: Why they were kept.
        cause: Why they were given up.
    """

    label: str | None
    reason: SampleReason
    cause: EvictionCause


def reason_to_keep(
    result: InspectionResult, *, collect: bool, random_share: float, is_wished: bool = False
) -> SampleReason | None:
    """Return why the pictures behind a result are worth a person's time, or None.

    Args:
        result: What was found.
        collect: Everything is kept, for the first data set.
        random_share: Share of the accepted parts that is kept, in [0, 1].
        is_wished: A person asked for the next ones.
    """
    if is_wished:
        return SampleReason.OPERATOR
    if collect:
        return SampleReason.COLLECT
    outcome = result.outcome
    if isinstance(outcome, NoVerdict):
        return SampleReason.UNCERTAIN
    match outcome.verdict:
        case Verdict.REJECT:
            return SampleReason.DEFECT
        case Verdict.REVIEW:
            return SampleReason.UNCERTAIN
        case Verdict.ACCEPT:
            return SampleReason.RANDOM if draw(result.inspection_id) < random_share else None


def draw(inspection_id: str) -> float:
    """Return a number in [0, 1) that is random over ids and always the same for one."""
    digest = hashlib.blake2b(inspection_id.encode(), digest_size=_DRAW_BYTES, person=b"audit").digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


class Budget:
    """How many samples a reason may take in any hour, and in any day.

    Both windows slide in steps of a sixtieth: never more than that in any hour or day, and what was taken is given
    back at most a sixtieth late.
    """

    def __init__(self, *, per_hour: int, per_day: int) -> None:
        self._windows = (_Window(per_hour, HOUR_S), _Window(per_day, DAY_S))

    def take(self, count: int, now_s: float) -> bool:
        """Take `count` samples, all or none, at a time on a clock that never goes back; return whether they fit."""
        fits = all(window.has_room(count, now_s) for window in self._windows)
        if fits:
            for window in self._windows:
                window.add(count, now_s)
        return fits


class _Window:
    """What was taken within the last so many seconds, by buckets of a sixtieth of them."""

    def __init__(self, limit: int, length_s: float) -> None:
        self._limit, self._bucket_s = limit, length_s / _BUCKETS
        self._buckets: deque[_Bucket] = deque()
        self._taken = 0

    def has_room(self, count: int, now_s: float) -> bool:
        oldest = int(now_s // self._bucket_s) - _BUCKETS
        while self._buckets and self._buckets[0].number < oldest:
            self._taken -= self._buckets.popleft().taken
        return self._taken + count <= self._limit

    def add(self, count: int, now_s: float) -> None:
        number = int(now_s // self._bucket_s)
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
        self._buckets[-1].taken += count
        self._taken += count


@dataclass(slots=True)
class _Bucket:
    number: int
    taken: int = 0
