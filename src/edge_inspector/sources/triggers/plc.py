"""Triggers by the PLC: a coil or an input that it sets when a part is there."""

import threading
import time
from contextlib import closing

from edge_inspector.alarms import TRIGGER_UNAVAILABLE
from edge_inspector.fieldbus.modbus import ModbusLink
from edge_inspector.settings import PlcSettings, PlcTrigger
from edge_inspector.sources.triggers.polled import PolledSignal
from edge_inspector.sources.triggers.polling import Polling
from edge_inspector.sources.triggers.signal import Trigger, TriggerDesk


class PlcSignal(PolledSignal):
    """Reads one bit again and again and brings a trigger at each rising edge; one that is high at first is none."""

    def __init__(self, plc: PlcSettings, settings: PlcTrigger) -> None:
        """Prepare; the PLC is asked from the start on.

        Args:
            plc: Where it is.
            settings: Which bit, and how often.
        """
        super().__init__("trigger-plc")
        self._plc, self._settings = plc, settings

    def _watch(self, desk: TriggerDesk, polling: Polling, stop: threading.Event) -> None:
        settings, period_s = self._settings, self._settings.poll_ms / 1e3
        was_high: bool | None = None
        with closing(ModbusLink(self._plc)) as link:
            while not stop.is_set():
                asked_ns = time.monotonic_ns()
                (is_high,) = link.read_bits(settings.address, 1, kind=settings.kind)
                if was_high is None:
                    desk.well(TRIGGER_UNAVAILABLE, f"the PLC answers at {self._plc.host}:{self._plc.port}")
                    polling.is_well()
                elif is_high and not was_high:
                    desk.take(Trigger(asked_ns))
                was_high = is_high
                stop.wait(max(0.0, period_s - (time.monotonic_ns() - asked_ns) / 1e9))
