"""Counters that should stand still: a probe that tells while one of them has grown lately."""

import time
from collections.abc import Callable

_LATELY_S = 60.0


def growth_probe(
    count: Callable[[], int], *, what: str, now_s: Callable[[], float] = time.monotonic
) -> Callable[[], str | None]:
    """Return a probe that is bad for a minute after a counter has grown.

    Args:
        count: Reads the counter; what it says at the first look is where it stood.
        what: What is counted, in words that go behind the number.
        now_s: The monotonic clock.
    """
    last: int | None = None
    began_at = grown = 0
    grew_s = float("-inf")

    def probe() -> str | None:
        nonlocal last, began_at, grown, grew_s
        found, at_s = count(), now_s()
        if last is None:
            last = found
        if found > last:
            if at_s - grew_s > _LATELY_S:
                began_at = last
            grew_s = at_s
        last = found
        grown = found - began_at
        return f"{grown} {what}" if at_s - grew_s <= _LATELY_S else None

    return probe
