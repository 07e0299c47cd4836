"""One change of a running line at a time: a change-over, other settings, or other thresholds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from edge_inspector.errors import RefusedError, SourceError

_PATIENCE_S = 60.0  # a changed configuration waits so long for a change-over that takes place
_TURN_S = 0.05  # a stop is noticed within this


class BusyError(RefusedError):
    """Another change-over, or a change of the configuration, takes place."""


class OneChange:
    """Holds up all other changes while one takes place; for all threads."""

    def __init__(self, stop: threading.Event) -> None:
        """Begin at rest.

        Args:
            stop: Ends every wait.
        """
        self._stop, self._lock = stop, threading.Lock()

    @property
    def takes_place(self) -> bool:
        """Whether one does."""
        return self._lock.locked()

    @contextmanager
    def now(self) -> Iterator[None]:
        """Change something while the context lasts.

        Raises:
            BusyError: If another change takes place.
        """
        if not self._lock.acquire(blocking=False):
            msg = "busy: another change-over or a change of the configuration takes place"
            raise BusyError(msg)
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def soon(self) -> Iterator[None]:
        """Change something while the context lasts, once the change that takes place has ended.

        Raises:
            SourceError: If it does not end.
        """
        until_s = time.monotonic() + _PATIENCE_S
        while not self._lock.acquire(timeout=_TURN_S):
            if self._stop.is_set() or time.monotonic() > until_s:
                why = "the station stops" if self._stop.is_set() else f"it has not ended within {_PATIENCE_S:g} s"
                msg = f"a change-over takes place: {why}"
                raise SourceError(msg)
        try:
            yield
        finally:
            self._lock.release()
