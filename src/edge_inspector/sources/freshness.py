"""Freshness: the earliest instant at which a picture can have been captured, so that no old one passes for new.

Buffers lie between a camera and us: in the camera, in both ends of a connection, in the decoder. They are first in,
first out; what waits in them is old, and looks like any other picture when it comes. Two things tell the difference:

- Time of arrival. A picture for which we waited about a normal interval found the buffers empty, and is as fresh as
  its arrival. One that came sooner was captured an interval after the one before it, or later, but not when it
  arrived. The first one after a long silence may have been stuck all the while. What follows a backlog must have been
  waited for twice in a row: once may be chance.
- The stream's own clock, where it has a real one (RTP). Pictures that travel and are decoded without waiting arrive
  with the smallest delay against it; any more of it is age. This also finds what arrival cannot: a connection that
  is a little too slow for the camera, and a decoder that holds pictures back.

All times are monotonic nanoseconds, given by the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

_EARLY, _LATE = 0.7, 1.7  # normal intervals between which a picture counts as waited for: jitter is no backlog
_PROMPT = 0.9  # the same for a stream's clock, which has no jitter of its own
_MEMORY = 16  # pictures over which the normal interval is learned
SETTLING_NS = 1_000_000_000  # a camera seen for the first time is watched for so long before it is trusted
_CLOCK_DRIFT = 2e-3  # cameras that count frames instead of reading a clock are off by as much


class ByArrival:
    """Judges by the time of arrival alone."""

    def __init__(self, staleness_s: float) -> None:
        """Know nothing yet.

        Args:
            staleness_s: What may be older is a backlog, which teaches nothing about the normal interval.
        """
        self._staleness_ns = staleness_s * 1e9
        self.forget()

    def forget(self) -> None:
        """Learn the camera's interval anew, for one that has changed."""
        self._interval_ns = 0.0
        self._is_known = False  # until a picture was trusted by it, the interval is a guess and made anew
        self.restart()

    def restart(self) -> None:
        """Begin a connection: what it brings first may have waited anywhere."""
        self._opened_ns: int | None = None
        self._last_ns = 0
        self._earliest_ns: int | None = None
        self._gaps: list[int] = []  # since the buffers were last empty
        self._is_backlog = True
        self._gap_before_ns = 0

    def earliest_ns(self, now_ns: int, _stream_ns: int | None = None) -> int | None:
        """Return the earliest instant at which the picture that arrives now was captured; None if nobody can tell."""
        if self._opened_ns is None:
            self._opened_ns = self._last_ns = now_ns
            return None
        gap_ns, self._last_ns = now_ns - self._last_ns, now_ns
        self._gaps.append(gap_ns)
        if not self._is_known:
            while sum(self._gaps[1:]) >= SETTLING_NS:
                del self._gaps[0]
            if now_ns - self._opened_ns < SETTLING_NS:
                return None
            self._interval_ns = _usual(self._gaps)
        normal_ns = self._interval_ns
        was_normal, is_normal = (_EARLY <= gap / normal_ns <= _LATE for gap in (self._gap_before_ns, gap_ns))
        self._gap_before_ns = gap_ns
        if is_normal and (was_normal or not self._is_backlog):
            self._earliest_ns = now_ns
            self._is_known = True
            self._learn()
        elif self._earliest_ns is not None:
            self._earliest_ns = min(now_ns, self._earliest_ns + int(_EARLY * normal_ns))
            if now_ns - self._earliest_ns > self._staleness_ns:
                self._is_backlog = True
            elif self._earliest_ns == now_ns and len(self._gaps) >= _MEMORY:
                self._learn()
        return self._earliest_ns

    def _learn(self) -> None:
        """Take the mean of what came since the buffers were last empty: a short stall and its burst even out."""
        if not self._is_backlog:  # half of a long one would not
            weight = min(1.0, len(self._gaps) / _MEMORY)
            self._interval_ns += (fmean(self._gaps) - self._interval_ns) * weight
        self._is_backlog = False
        self._gaps.clear()


def _usual(gaps: Sequence[int]) -> int:
    """Return the gap up to which half of the time was spent: pictures that come all at once take none of it."""
    half, spent = sum(gaps) / 2, 0
    for gap in sorted(gaps):
        spent += gap
        if spent >= half:
            break
    return gap


@dataclass(slots=True)
class _Seen:
    arrived_ns: int
    stream_ns: int
    shortest_delay_ns: float
    settled: bool = False


class ByStreamClock:
    """Judges by the stream's clock; a picture without its time cannot be judged."""

    def __init__(self) -> None:
        self._seen: _Seen | None = None

    def restart(self) -> None:
        """Begin a connection: its clock is another one."""
        self._seen = None

    forget = restart

    def earliest_ns(self, now_ns: int, stream_ns: int | None) -> int | None:
        """Return the earliest instant at which the picture that arrives now was captured; None if nobody can tell."""
        if stream_ns is None:
            return None
        delay_ns, seen = float(now_ns - stream_ns), self._seen
        if seen is None or stream_ns < seen.stream_ns:  # a clock that was set back is another clock
            self._seen = _Seen(now_ns, stream_ns, delay_ns)
            return None
        gap_ns, step_ns = now_ns - seen.arrived_ns, stream_ns - seen.stream_ns
        seen.shortest_delay_ns = min(delay_ns, seen.shortest_delay_ns + gap_ns * _CLOCK_DRIFT)
        seen.settled |= step_ns > 0 and _PROMPT * step_ns <= gap_ns <= _LATE * step_ns
        seen.arrived_ns, seen.stream_ns = now_ns, stream_ns
        return now_ns - int(delay_ns - seen.shortest_delay_ns) if seen.settled else None


Freshness = ByArrival | ByStreamClock
