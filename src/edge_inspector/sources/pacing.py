"""Pacing: things that happen at a fixed rate, whether or not anyone keeps up."""

import threading
import time


class Pace:
    """Waits for the next beat of a fixed rate, or for the stop."""

    def __init__(self, rate_hz: float, stop: threading.Event) -> None:
        self._period_ns = int(1e9 / rate_hz)
        self._stop = stop
        self._next_ns: int | None = None

    def wait(self, timeout_s: float) -> bool:
        """Return True once the next beat has come, False if it has not within `timeout_s` seconds or at the stop.

        Beats do not drift: a late caller gets the missed ones at once, as a camera's triggers would come.
        """
        now_ns = time.monotonic_ns()
        if self._next_ns is None:
            self._next_ns = now_ns
        remaining_s = (self._next_ns - now_ns) / 1e9
        if remaining_s > 0 and (self._stop.wait(min(remaining_s, timeout_s)) or remaining_s > timeout_s):
            return False
        self._next_ns += self._period_ns
        return True
