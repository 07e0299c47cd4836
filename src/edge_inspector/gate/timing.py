"""When a part is at the gate: by time, or by an encoder. Pure: time comes in as a number.

A *place* is where a part was at its exposure, in nanoseconds of the clock or in counts of the encoder; from it follows
the *window* in which its pulse has to begin.
"""

from bisect import bisect_left
from dataclasses import dataclass
from math import inf
from typing import Protocol

_TRUSTED_NS = 200_000_000  # for so long an encoder goes on as it did at its last reading
_STEPS = 4  # readings over which the speed is taken
_REMEMBERED = 8192  # readings, at least
_SURELY = 1.5  # a line may have become so much faster since its last reading


@dataclass(frozen=True, slots=True)
class Window:
    """Monotonic nanoseconds from which on a pulse may begin, and after which it would hit the wrong part.

    `inf` where that is not in sight; both `-inf` where nobody can tell any more.
    """

    due_ns: float
    latest_ns: float


NOT_IN_SIGHT = Window(inf, inf)
GONE = Window(-inf, -inf)


class Timing(Protocol):
    """Tells when a part is at the gate."""

    def place(self, captured_ns: int) -> float | None:
        """Return where a part was at its exposure; None where that is not known yet."""

    def window(self, place: float) -> Window:
        """Return when its pulse has to begin, as far as it is known now."""


class ByTime:
    """Every part takes the same time to the gate."""

    def __init__(self, *, delay_ns: int, deadline_ns: int) -> None:
        """Take the times from exposure: to the gate, and until it is too late."""
        self._delay_ns, self._deadline_ns = delay_ns, deadline_ns

    def place(self, captured_ns: int) -> float | None:
        """Return the time of the exposure."""
        return captured_ns

    def window(self, place: float) -> Window:
        """Return the window; it never changes."""
        return Window(place + self._delay_ns, place + self._deadline_ns)


class ByEncoder:
    """Every part takes the same counts of an encoder to the gate, however fast the line runs.

    Between two readings the line is taken to go on at its speed. A count that wraps around is followed as long as it
    changes by less than half of its range between two readings; at the speed that it has, that must be sure.
    """

    def __init__(self, *, counts: int, late_counts: int, bits: int) -> None:
        """Take the counts from exposure to the gate, those from there until it is too late, and the width in bits."""
        self._counts, self._late_counts, self._range = counts, late_counts, 1 << bits
        self._times: list[int] = []
        self._unwrapped: list[int] = []

    def read(self, count: int, at_ns: int) -> bool:
        """Take a reading; return False where it may have wrapped unseen, so that all before is forgotten.

        Args:
            count: As the encoder shows it, in [0, 2^bits).
            at_ns: Monotonic time, later than that of the reading before it.
        """
        is_followed = True
        if self._times and abs(self._counts_per_ns()) * (at_ns - self._times[-1]) * _SURELY > self._range / 2:
            is_followed = False
            self.forget()
        if not self._times:
            self._times.append(at_ns)
            self._unwrapped.append(count)
            return is_followed
        half, last = self._range // 2, self._unwrapped[-1]
        step = (count - last + half) % self._range - half
        self._times.append(at_ns)
        self._unwrapped.append(last + step)
        if len(self._times) >= 2 * _REMEMBERED:
            del self._times[:_REMEMBERED], self._unwrapped[:_REMEMBERED]
        return True

    def forget(self) -> None:
        """Forget the readings: the encoder was out of sight, and may have been set back or wrapped unseen."""
        self._times.clear()
        self._unwrapped.clear()

    def place(self, captured_ns: int) -> float | None:
        """Return the count at a time between two readings; None after the last one, `-inf` before the first."""
        times = self._times
        if not times or captured_ns > times[-1]:
            return None
        if captured_ns < times[0]:
            return -inf
        after = max(1, bisect_left(times, captured_ns))
        if after == len(times):  # there is only one reading
            return self._unwrapped[0]
        (start_ns, end_ns), (start, end) = times[after - 1 : after + 1], self._unwrapped[after - 1 : after + 1]
        return start + (end - start) * (captured_ns - start_ns) / (end_ns - start_ns)

    def window(self, place: float) -> Window:
        """Return the window as it looks by the readings so far."""
        if not self._times:
            return NOT_IN_SIGHT if place > -inf else GONE
        at_ns, count = self._times[-1], self._unwrapped[-1]
        target = place + self._counts
        if count > target + self._late_counts:
            return GONE
        speed = self._counts_per_ns()
        if count >= target:
            return Window(-inf, at_ns + (target + self._late_counts - count) / speed if speed > 0 else inf)
        if speed <= 0 or (due_ns := at_ns + (target - count) / speed) > at_ns + _TRUSTED_NS:
            return NOT_IN_SIGHT
        return Window(due_ns, due_ns + self._late_counts / speed)

    def _counts_per_ns(self) -> float:
        times, counts = self._times[-_STEPS:], self._unwrapped[-_STEPS:]
        return (counts[-1] - counts[0]) / (times[-1] - times[0]) if len(times) > 1 else 0.0
