"""A camera's clock against this machine's: when the exposure of a frame began.

By GenICam a frame's time stamp is the begin of its exposure on the camera's own clock, which starts anywhere. Two
things tell how far the clocks are apart:

- The latch. Told to, the camera keeps the time of its clock, which is then read. That happened between the question
  and the answer, so the clocks are known to half of that time, well under a millisecond; it is done again every few
  seconds, as clocks drift.
- Without a latch, arrival. No frame arrives before its stamp, so the smallest delay seen so far is the most by which
  the clocks can be apart. It contains what every frame takes at least to be exposed, read out and sent: a constant by
  which frames are older than they seem. What varies is found: a frame that waited is as old as it is.

A clock that was set back, or that tells of the future, is another clock; a latch that says so again and again is not
of the clock that stamps the frames, and is not asked any more. All times are nanoseconds, given by the caller.
"""

_DRIFT = 2e-4  # two crystals are off by less
_LATCH_EVERY_NS = 5_000_000_000
_LATCH_JITTER_NS = 20_000_000  # a stamp so far in the future is rounding, not another clock
_REFUTED = 3  # so many times by stamps of the future; a clock that is set does it once
_UNIT_WINDOW_NS = 1_000_000_000
_ODD_WINDOWS = 3  # one or two are a clock that is being set
_LEAST_SPEED, _MOST_SPEED = 0.5, 2.0  # of nanoseconds; frames that are late on their way do not change it so much


class CameraClock:
    """Says when frames were captured, on this machine's monotonic clock."""

    def __init__(self) -> None:
        self._last_stamp_ns: int | None = None
        self._refuted = 0
        self.restart()

    def restart(self) -> None:
        """Forget everything: the camera's clock is another one."""
        self._last_stamp_ns = None
        self._apart_ns: float | None = None  # this machine's clock less the camera's
        self._error_ns = 0.0  # of that, by the latch
        self._at_ns = 0  # when that was found
        self._is_latched = False

    def wants_latch(self, now_ns: int) -> bool:
        """Return whether the clocks should be compared by the latch now, if the camera has one."""
        is_old = not self._is_latched or now_ns - self._at_ns > _LATCH_EVERY_NS
        return is_old and self._refuted < _REFUTED

    def forgo_latch(self) -> None:
        """Go by arrival from now on: there is no latch that tells of this clock."""
        self._refuted = _REFUTED

    def latch(self, asked_ns: int, stamp_ns: int, answered_ns: int) -> None:
        """Compare the clocks.

        Args:
            asked_ns: When the camera was told to keep its time, on this machine's monotonic clock.
            stamp_ns: What it kept, on its own clock.
            answered_ns: When it had confirmed.
        """
        error_ns = (answered_ns - asked_ns) / 2
        known_ns = self._error_ns + (answered_ns - self._at_ns) * _DRIFT
        if self._is_latched and known_ns < error_ns:
            return  # that answer was slow: what is known is better
        self._apart_ns = (asked_ns + answered_ns) / 2 - stamp_ns
        self._error_ns, self._at_ns, self._is_latched = error_ns, answered_ns, True

    def captured_ns(self, stamp_ns: int, arrived_ns: int) -> int | None:
        """Return when the exposure of a frame began, on this machine's monotonic clock; None without a stamp.

        Args:
            stamp_ns: The frame's stamp on the camera's clock; 0 where it has none.
            arrived_ns: When it was there, on this machine's monotonic clock.
        """
        if stamp_ns <= 0:
            return None
        if self._last_stamp_ns is not None and stamp_ns < self._last_stamp_ns:
            self.restart()
        self._last_stamp_ns = stamp_ns
        delay_ns = float(arrived_ns - stamp_ns)
        if self._is_latched and self._apart_ns is not None:
            if delay_ns >= self._apart_ns - _LATCH_JITTER_NS:
                return min(arrived_ns, stamp_ns + round(self._apart_ns))
            self._refuted += 1
            self.restart()  # it would arrive before it was captured
            self._last_stamp_ns = stamp_ns
        drifted_ns = delay_ns if self._apart_ns is None else self._apart_ns + (arrived_ns - self._at_ns) * _DRIFT
        self._apart_ns, self._at_ns = min(delay_ns, drifted_ns), arrived_ns
        return stamp_ns + round(self._apart_ns)


class StampUnit:
    """Finds a camera whose stamps are not nanoseconds, against its standard: by the driver's own time of arrival."""

    def __init__(self) -> None:
        self._began: tuple[int, int] | None = None
        self._odd = 0
        self._is_settled = False

    def is_ns(self, stamp_ns: int, received_ns: int) -> bool:
        """Return whether the stamps go as fast as nanoseconds, for all that is known; for each frame in turn.

        Args:
            stamp_ns: The frame's stamp on the camera's clock.
            received_ns: When it began to arrive, however long nobody took it then.
        """
        if not self._is_settled:
            self._compare(stamp_ns, received_ns)
        return self._odd < _ODD_WINDOWS

    def _compare(self, stamp_ns: int, received_ns: int) -> None:
        if self._began is not None:
            gone_stamp_ns, gone_ns = stamp_ns - self._began[0], received_ns - self._began[1]
            if gone_ns < _UNIT_WINDOW_NS:
                return
            is_odd = not _LEAST_SPEED <= gone_stamp_ns / gone_ns <= _MOST_SPEED
            self._odd = self._odd + 1 if is_odd else 0
            self._is_settled = not is_odd or self._odd == _ODD_WINDOWS
        self._began = stamp_ns, received_ns
