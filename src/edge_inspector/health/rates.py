"""Rates over the latest parts, read from the part ledger once a second: parts themselves cost nothing here.

Is the reject rate of the latest parts what it usually is? Both are samples: were the latest and the earlier parts drawn
from one pot, how likely were so many rejects among the latest (Fisher's exact test, one-sided)? That needs neither a
rate known beforehand nor a learning phase: two rejects among the first parts prove little, and the test knows it.
"""

from collections import deque
from collections.abc import Callable, Mapping
from math import exp, lgamma

RAISE_BELOW = 1e-5  # chance of so many rejects at the usual rate; looked at with every part, so it must be small
CLEAR_ABOVE = 1e-2
_LONGER = 5  # windows in the longer one, which sees what is too little for the short one
_NEGLIGIBLE = 1e-9
_LONG_RUN = 50  # windows over which the usual rate is learned; older parts count less and less


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


class RejectRate:
    """Compares the reject rate of the latest parts with the usual one; parts without a verdict do not count.

    Twice: over a short window, which is fast, and over one five times as long, which sees a jump from 1 % to 3 %.
    """

    def __init__(self, outcomes: Callable[[], Mapping[str, int]], window: int) -> None:
        """Know nothing yet; the first answer comes after six windows.

        Args:
            outcomes: Parts by outcome since the start, for example the part ledger's; for any thread.
            window: How many parts the latest ones are.
        """
        self._outcomes = outcomes
        self._short, self._long = Window(window), Window(window * _LONGER)
        self._least, self._most = window, float(_LONG_RUN * window)
        self._parts = self._rejects = 0.0  # of the long run, before the windows
        self._jump: Window | None = None

    def probe(self) -> str | None:
        """Return in words that the rate has jumped, until it is back; call it about every second."""
        counts = self._outcomes()
        rejects = counts.get("reject", 0)
        judged = rejects + counts.get("accept", 0) + counts.get("review", 0)
        self._short.advance(judged, rejects)
        left = self._long.advance(judged, rejects)
        if self._jump is None:  # what is not usual is not learned
            self._learn(*left)
        if self._parts < self._least:
            return None
        if self._jump is None:
            jumped = (window for window in (self._short, self._long) if self._chance(window) < RAISE_BELOW)
            self._jump = next(jumped, None)
        elif self._chance(self._jump) > CLEAR_ABOVE:
            if self._jump is self._short:
                self._long.forget()  # it still holds the burst that is over
            self._jump = None
        if self._jump is None:
            return None
        latest, usual = self._jump, self._rejects / self._parts
        return f"{latest.hits} of the last {latest.parts} parts were rejected; usual is {usual:.1%}"

    def _chance(self, latest: Window) -> float:
        return chance_of(latest.hits, latest.parts, round(self._rejects), round(self._parts))

    def _learn(self, parts: int, rejects: int) -> None:
        self._parts, self._rejects = self._parts + parts, self._rejects + rejects
        if self._parts > self._most:
            self._parts, self._rejects = self._most, self._rejects * self._most / self._parts


class DeadlineMisses:
    """The share of the latest parts that missed their deadline.

    Attributes:
        share: In [0, 1], as at the last look; 0 before the first part. For any thread.
    """

    def __init__(self, parts: Callable[[], tuple[int, int]], window: int) -> None:
        """Know nothing yet.

        Args:
            parts: Parts that got their outcome since the start, and how many of them missed the deadline.
            window: How many parts the latest ones are.
        """
        self._parts = parts
        self._window = Window(window)
        self.share = 0.0

    def look(self) -> None:
        """Bring the share up to date; on one thread, about every second."""
        latest = self._window
        latest.advance(*self._parts())
        self.share = latest.hits / latest.parts if latest.parts else 0.0
