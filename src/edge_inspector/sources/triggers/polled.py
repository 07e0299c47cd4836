"""A signal that is asked for again and again, on a thread of its own."""

import threading
from abc import ABC, abstractmethod

from edge_inspector.alarms import TRIGGER_UNAVAILABLE
from edge_inspector.sources.triggers.polling import Polling
from edge_inspector.sources.triggers.signal import TriggerDesk


class PolledSignal(ABC):
    """Brings triggers from what it watches, and tells while that does not answer; as `Signal`."""

    def __init__(self, thread: str) -> None:
        """Prepare; nothing is opened before the start.

        Args:
            thread: Name of the thread.
        """
        self._thread_name = thread
        self._polling: Polling | None = None

    def start(self, desk: TriggerDesk) -> None:
        """Watch from now on."""
        self._polling = polling = Polling(
            self._thread_name,
            lambda stop: self._watch(desk, polling, stop),
            failed=lambda problem: desk.trouble(TRIGGER_UNAVAILABLE, problem),
        )
        polling.start()

    def close(self) -> None:
        """Watch no more."""
        if self._polling is not None:
            self._polling.close()

    @abstractmethod
    def _watch(self, desk: TriggerDesk, polling: Polling, stop: threading.Event) -> None:
        """Open what is watched, and bring triggers until the event is set.

        Raises:
            FieldbusError: If it does not answer; it is opened again after a pause.
        """
