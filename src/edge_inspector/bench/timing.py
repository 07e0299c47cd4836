"""Timing of calls: one, many, or several that take turns."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

Call: TypeAlias = Callable[[], object]

_LEAST_TURNS = 4


def timed_ms(call: Call) -> float:
    """Return the milliseconds that one call takes."""
    began_ns = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began_ns) / 1e6


def repeat(call: Call, *, seconds: float, least: int = 1) -> float:
    """Call again and again for some seconds, `least` times at least, and return the calls a second."""
    began_s, count = time.monotonic(), 0
    while count < least or time.monotonic() - began_s < seconds:
        call()
        count += 1
    return count / (time.monotonic() - began_s)


def take_turns(
    calls: Sequence[Call], *, seconds: float = math.inf, least: int = _LEAST_TURNS, most: float = math.inf
) -> list[list[float]]:
    """Return the milliseconds of each call, one list a call: they take turns, so that what slows one slows all.

    Args:
        calls: What to time.
        seconds: No turn begins after so many.
        least: Turns however long they take.
        most: Turns at most.
    """
    times: list[list[float]] = [[] for _ in calls]
    until_s, turns = time.monotonic() + seconds, 0
    while turns < most and (turns < least or time.monotonic() < until_s):
        for call, spent in zip(calls, times, strict=True):
            spent.append(timed_ms(call))
        turns += 1
    return times
