"""Triggers by a digital input of this device."""

import threading
from contextlib import closing

from edge_inspector.alarms import TRIGGER_LOST, TRIGGER_UNAVAILABLE
from edge_inspector.fieldbus.digital import DigitalInput
from edge_inspector.settings import DigitalTrigger
from edge_inspector.sources.triggers.polled import PolledSignal
from edge_inspector.sources.triggers.polling import Polling
from edge_inspector.sources.triggers.signal import Trigger, TriggerDesk

_WAIT_S = 0.1


class DigitalSignal(PolledSignal):
    """Brings a trigger at every edge, with the kernel's time of it."""

    def __init__(self, settings: DigitalTrigger) -> None:
        """Prepare; the line is opened at the start.

        Args:
            settings: Which line, and which edge.
        """
        super().__init__("trigger-digital")
        self._settings = settings

    def _watch(self, desk: TriggerDesk, polling: Polling, stop: threading.Event) -> None:
        settings, lost = self._settings, 0
        with closing(DigitalInput(settings.chip, settings.line, settings.edge, settings.debounce_ms)) as line:
            desk.well(TRIGGER_UNAVAILABLE, f"digital input {settings.line} of {settings.chip} is read")
            polling.is_well()
            while not stop.is_set():
                if (at_ns := line.wait(_WAIT_S)) is None:
                    continue
                for _ in range(line.lost - lost):  # they came before this one, and nobody knows when
                    desk.take(Trigger(at_ns))
                if line.lost != lost:
                    text = f"digital input {settings.line} of {settings.chip}: {line.lost - lost} edges at once"
                    desk.happened(TRIGGER_LOST, text)
                lost = line.lost
                desk.take(Trigger(at_ns))
