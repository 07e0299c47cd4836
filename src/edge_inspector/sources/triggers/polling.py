"""A thread that asks the outside world again and again, says when it does not answer, and is patient then."""

import logging
import random
import threading
from collections.abc import Callable

from edge_inspector import backoff
from edge_inspector.errors import FieldbusError

_log = logging.getLogger(__name__)
_CLOSE_S = 0.1  # a stop waits so long for an answer
_SHORTEST_S, _LONGEST_S = 0.2, 5.0  # pauses while there is none


class Polling:
    """Runs a piece of work on a thread until it is closed, whatever becomes of it."""

    def __init__(
        self,
        name: str,
        work: Callable[[threading.Event], None],
        *,
        failed: Callable[[str], None],
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            name: Of the thread.
            work: Opens what it needs, uses it until the event is set, and closes it.
            failed: Called with what went wrong each time that work ends before; it is begun again after a pause.
        """
        self.closing = threading.Event()
        self._name, self._work, self._failed = name, work, failed
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._attempts = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; a thread that waits for an answer is left behind and ends when that comes."""
        self.closing.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_S)

    def is_well(self) -> None:
        """Note that it got on: the next pause is a short one again. For the work."""
        self._attempts = 0

    def _run(self) -> None:
        while not self.closing.is_set():
            try:
                self._work(self.closing)
            except FieldbusError as error:
                self._failed(str(error))
            except Exception as error:  # noqa: BLE001 - thread boundary: a defect in a driver must not end the watch
                _log.exception("%s failed", self._name)
                self._failed(f"{type(error).__name__}: {error}")
            jitter = random.random()  # noqa: S311 - no secret
            self.closing.wait(backoff.pause_s(self._attempts, _SHORTEST_S, _LONGEST_S, jitter=jitter))
            self._attempts += 1
