"""Is the rate of the latest parts what it was before? Pure: counts in, a chance out.

Both are samples: were the latest and the earlier parts drawn from one pot, how likely were so many hits among the
latest (Fisher's exact test, one-sided)? That needs neither a rate known beforehand nor a learning phase: two rejects
among the first parts prove little, and the test knows it.
"""

from collections import deque
from math import exp, lgamma

UNLIKELY = 1e-5  # asked again with every part: what is taken for chance must be this rare
_NEGLIGIBLE = 1e-9


def chance_of(latest_hits: int, latest: int, earlier_hits: int, earlier: int) -> float:
    """Return the chance that of all hits so many or more are among the latest, if it made no difference which are late.

    Args:
        latest_hits: Hits among the latest.
        latest: How many the latest are.
        earlier_hits: Hits among the earlier.
        earlier: How many the earlier are.

    Returns:
        A probability in [0, 1], the upper tail of the hypergeometric distribution; 1 where the latest have no more
        hits than their share, of which nobody wants to know more.
    """
    if latest_hits * earlier <= earlier_hits * latest:
        return 1.0
    hits, count = latest_hits + earlier_hits, latest_hits
    ways = _log_choose(latest, count) + _log_choose(earlier, earlier_hits)
    term = chance = exp(ways - _log_choose(latest + earlier, hits))
    while count < min(latest, hits) and term > chance * _NEGLIGIBLE:
        term *= (latest - count) * (hits - count) / ((count + 1) * (earlier - hits + count + 1))
        chance += term
        count += 1
    return min(1.0, chance)


def _log_choose(total: int, chosen: int) -> float:
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)


class Window:
    """Counts hits among the latest parts, from counters that only grow."""

    def __init__(self, size: int) -> None:
        """Start empty.

        Args:
            size: Parts that it holds; up to one step of the counters more.
        """
        self._size = size
        self._steps: deque[tuple[int, int]] = deque()
        self._seen: tuple[int, int] | None = None
        self.parts = self.hits = 0

    def advance(self, parts: int, hits: int) -> tuple[int, int]:
        """Take the counters as they are now, and return the parts and hits that left the window.

        Counters that went back belong to a new session; what they tell then is counted from there.
        """
        before, self._seen = self._seen, (parts, hits)
        if before is None or parts < before[0] or hits < before[1]:
            return 0, 0
        step = parts - before[0], hits - before[1]
        if step == (0, 0):
            return 0, 0
        self._steps.append(step)
        self.parts, self.hits = self.parts + step[0], self.hits + step[1]
        left_parts = left_hits = 0
        while self.parts - self._steps[0][0] >= self._size:
            parts, hits = self._steps.popleft()
            self.parts, self.hits = self.parts - parts, self.hits - hits
            left_parts, left_hits = left_parts + parts, left_hits + hits
        return left_parts, left_hits

    def forget(self) -> None:
        """Empty it."""
        self._steps.clear()
        self.parts = self.hits = 0
