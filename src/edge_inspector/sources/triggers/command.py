"""Triggers by command: somebody says that a part is in front of the camera."""

import threading

from edge_inspector.errors import RefusedError
from edge_inspector.sources.triggers.signal import Trigger, TriggerDesk


class CommandSignal:
    """Passes triggers on that come from outside; it outlives the sources that it serves, one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._desk: TriggerDesk | None = None

    def start(self, desk: TriggerDesk) -> None:
        """Pass triggers to this one from now on."""
        with self._lock:
            self._desk = desk

    def close(self) -> None:
        """Pass nothing on, until it is started for another source."""
        with self._lock:
            self._desk = None

    def bring(self, trigger: Trigger) -> None:
        """Pass a trigger on.

        Raises:
            RefusedError: If no source is open yet, or any more.
        """
        with self._lock:
            desk = self._desk
        if desk is None or not desk.take(trigger):
            msg = "no source is open that could take a trigger; try again in a moment"
            raise RefusedError(msg)
