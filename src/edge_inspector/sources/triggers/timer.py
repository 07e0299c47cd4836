"""Triggers at every beat of a clock."""

import threading
import time

from edge_inspector.sources.triggers.signal import Trigger, TriggerDesk

_CLOSE_S = 0.1


class TimerSignal:
    """Brings a trigger at each beat, counted from the first: a beat that came late moves none that follow."""

    def __init__(self, rate_hz: float) -> None:
        """Prepare.

        Args:
            rate_hz: Beats a second.
        """
        self._period_ns = 1e9 / rate_hz
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, desk: TriggerDesk) -> None:
        """Begin to beat."""
        self._thread = threading.Thread(target=self._run, args=(desk,), name="trigger-timer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Beat no more."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)

    def _run(self, desk: TriggerDesk) -> None:
        began_ns, beat = time.monotonic_ns(), 0
        while True:
            at_ns = began_ns + int(beat * self._period_ns)
            if self._closing.wait(max(0.0, (at_ns - time.monotonic_ns()) / 1e9)):
                return
            desk.take(Trigger(at_ns))
            beat += 1
