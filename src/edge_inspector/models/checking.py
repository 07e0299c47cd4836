"""What a candidate must do before it may take over: keep its promises, and keep up with the line."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_inspector.errors import ModelError
from edge_inspector.models.packages import Opened
from edge_inspector.models.probation import SLOW_SHARE
from edge_inspector.models.watched import Watched, percentile

_RUNS, _FEWEST_RUNS = 60, 3  # so many that a hiccup of the machine is forgiven
_LONGEST_S = 6.0  # a slow one is known by then
LONGEST_REST_S = 1.0
_NEXT_FRAME_S = 1.0  # a line that stands still brings none
_AS_FAST = 1.25  # as the model that runs: where that does not keep up, no one asks more of the next


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model must be.

    Attributes:
        limit_ms: 95 of 100 inspections must be faster; no limit when None.
        keeps_up_ms: One of two must be faster, to keep up with the line; no limit when None.
    """

    limit_ms: float | None
    keeps_up_ms: float | None

    def problem(self, times_ms: Sequence[float]) -> str | None:
        """Return in words that a model is too slow, or None."""
        p50_ms, p95_ms = percentile(times_ms, 0.5), percentile(times_ms, 1 - SLOW_SHARE)
        if self.limit_ms is not None and p95_ms > self.limit_ms:
            return f"too slow: 95 of 100 inspections take up to {p95_ms:.1f} ms; expected at most {self.limit_ms:g} ms"
        if self.keeps_up_ms is not None and p50_ms > self.keeps_up_ms:
            return f"too slow for the line: an inspection takes {p50_ms:.1f} ms; expected {self.keeps_up_ms:.1f} ms"
        return None


def speed_on(watched: Watched, limit_ms: float | None) -> Speed:
    """Return how fast a model must be on the line as it runs now."""
    period_ms = watched.period_ms()
    running_ms = percentile(watched.times_ms(), 0.5)
    return Speed(limit_ms, None if period_ms is None else max(period_ms, _AS_FAST * running_ms))


def resting(go_on: Callable[[], None]) -> Callable[[], None]:
    """Return a `go_on` that rests as long as was worked since it was called last: the line comes first."""
    since_s = time.monotonic()

    def rest() -> None:
        nonlocal since_s
        go_on()
        time.sleep(min(time.monotonic() - since_s, LONGEST_REST_S))
        since_s = time.monotonic()

    return rest


def check(opened: Opened, watched: Watched, limit_ms: float | None, *, go_on: Callable[[], None]) -> str:
    """Return in words what was found good about a candidate.

    Args:
        opened: The candidate.
        watched: The line, whose next frame it is timed on.
        limit_ms: As in `Speed`.
        go_on: Called between two pieces of work; an exception from it ends the check.

    Raises:
        ModelError: If the candidate breaks a promise, or is too slow.
    """
    test = opened.self_test(go_on=resting(go_on))
    if test.problems:
        msg = f"golden images: {'; '.join(test.problems)}"
        raise ModelError(msg)
    sight = watched.next(_NEXT_FRAME_S)
    frame = opened.blank() if sight is None else sight.frame
    times_ms: list[float] = []
    began_s = time.monotonic()
    while len(times_ms) < _FEWEST_RUNS or (len(times_ms) < _RUNS and time.monotonic() - began_s < _LONGEST_S):
        go_on()
        started_s = time.monotonic()
        opened.judge(frame)
        took_s = time.monotonic() - started_s
        times_ms.append(took_s * 1e3)
        time.sleep(min(took_s, LONGEST_REST_S))  # it rests as long as it has worked: the line comes first
    if (problem := speed_on(watched, limit_ms).problem(times_ms)) is not None:
        raise ModelError(problem)
    promises = f"{test.images} golden images as promised" if test.images else "no golden images: not tested"
    return f"{promises}; {percentile(times_ms, 0.5):.1f} ms an inspection"
