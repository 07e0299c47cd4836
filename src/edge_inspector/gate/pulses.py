"""The reject output over time: pulses that wait for their part, and the one that lasts. Pure: time is a number."""

from bisect import insort
from collections.abc import Sequence
from math import inf

from edge_inspector.gate.part import Part
from edge_inspector.gate.timing import NOT_IN_SIGHT, Timing, Window


class Pulses:
    """Every pulse that is asked for is begun once, in the order of the exposures, or given up.

    Pulses that overlap make one long one: the output goes off `pulse_ns` after the last of them began.
    """

    def __init__(self, timing: Timing, *, pulse_ns: int) -> None:
        """Wait for none.

        Args:
            timing: Tells when a part is at the gate.
            pulse_ns: Length of a pulse.
        """
        self._timing = timing
        self._pulse_ns = pulse_ns
        self._waiting: list[Part] = []  # by exposure
        self._until_ns: float = -inf

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def ask(self, part: Part) -> None:
        """Take a part that shall be thrown out."""
        insort(self._waiting, part, key=lambda waiting: waiting.captured_ns)

    def take_late(self, now_ns: int) -> list[Part]:
        """Give up the parts whose pulse can no longer begin in time, and return them."""
        late = [part for part in self._waiting if now_ns > self._window(part).latest_ns]
        if late:
            self._waiting = [part for part in self._waiting if part not in late]
        return late

    def take_all(self) -> list[Part]:
        """Give up all parts that wait, and return them."""
        left, self._waiting = self._waiting, []
        return left

    def due(self, now_ns: int) -> list[tuple[Part, Window]]:
        """Return the parts whose pulse has to begin now, with their windows; they wait until it has `begun`."""
        found = []
        for part in self._waiting:
            window = self._window(part)
            if window.due_ns > now_ns:
                break  # the next ones are behind it
            found.append((part, window))
        return found

    def begun(self, due: Sequence[tuple[Part, Window]], at_ns: int) -> None:
        """Note that the output is on for those that were `due`; one that came too late must not stay on for it."""
        del self._waiting[: len(due)]
        if any(at_ns <= window.latest_ns for _, window in due):
            self._until_ns = max(self._until_ns, at_ns + self._pulse_ns)

    def cut(self, until_ns: int) -> None:
        """End what lasts at a moment at the latest."""
        self._until_ns = min(self._until_ns, until_ns)

    def is_on(self, now_ns: int) -> bool:
        """Return whether a pulse lasts."""
        return now_ns < self._until_ns

    def lasts_ns(self, now_ns: int) -> float:
        """Return for how long a pulse still lasts; 0 when none does."""
        return max(0.0, self._until_ns - now_ns)

    def wakes_at_ns(self, now_ns: int) -> float:
        """Return when something changes next, as far as it is known now; `inf` when nothing does."""
        ends_ns = self._until_ns if self.is_on(now_ns) else inf
        due_ns = self._window(self._waiting[0]).due_ns if self._waiting else inf
        return min(ends_ns, due_ns)

    def _window(self, part: Part) -> Window:
        if part.place is None:
            part.place = self._timing.place(part.captured_ns)
        return NOT_IN_SIGHT if part.place is None else self._timing.window(part.place)
