"""Rates over the latest parts, read from the part ledger once a second: parts themselves cost nothing here.

Whether the latest are what is usual, `edge_inspector.rates` says.
"""

from collections.abc import Callable, Mapping

from edge_inspector.rates import UNLIKELY, Window, chance_of

CLEAR_ABOVE = 1e-2
_LONGER = 5  # windows in the longer one, which sees what is too little for the short one
_LONG_RUN = 50  # windows over which the usual rate is learned; older parts count less and less


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
        self._is_other_line = False

    def relearn(self) -> None:
        """Know nothing of what is usual any more, as for another product; for any thread."""
        self._is_other_line = True

    def probe(self) -> str | None:
        """Return in words that the rate has jumped, until it is back; call it about every second."""
        counts = self._outcomes()
        rejects = counts.get("reject", 0)
        judged = rejects + counts.get("accept", 0) + counts.get("review", 0)
        if self._is_other_line:
            self._is_other_line = False
            self._begin_anew(judged, rejects)
        self._short.advance(judged, rejects)
        left = self._long.advance(judged, rejects)
        if self._jump is None:  # what is not usual is not learned
            self._learn(*left)
        if self._parts < self._least:
            return None
        if self._jump is None:
            jumped = (window for window in (self._short, self._long) if self._chance(window) < UNLIKELY)
            self._jump = next(jumped, None)
        elif self._chance(self._jump) > CLEAR_ABOVE:
            if self._jump is self._short:
                self._long.forget()  # it still holds the burst that is over
            self._jump = None
        if self._jump is None:
            return None
        latest, usual = self._jump, self._rejects / self._parts
        return f"{latest.hits} of the last {latest.parts} parts were rejected; usual is {usual:.1%}"

    def _begin_anew(self, judged: int, rejects: int) -> None:
        for window in (self._short, self._long):
            window.advance(judged, rejects)
            window.forget()
        self._parts = self._rejects = 0.0
        self._jump = None

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
