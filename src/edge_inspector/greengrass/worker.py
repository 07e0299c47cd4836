"""One thread for everything that the nucleus asks of us: one after the other, off the SDK's thread."""

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

_MOST_WAITING = 100
_END_S = 0.2  # who hangs ends with the process: together less than a stop may take

_log = logging.getLogger(__name__)


class Worker:
    """Runs calls in order on the thread `nucleus-events`, from entering to leaving."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], None] | None] = queue.Queue(_MOST_WAITING)
        self._is_over = self._is_flooded = False
        self._thread = threading.Thread(target=self._run, name="nucleus-events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Start no further call, and wait a moment for the one that runs."""
        self._is_over = True
        with suppress(queue.Full):  # then it looks at the end after the call that runs
            self._calls.put_nowait(None)
        self._thread.join(_END_S)

    def put(self, call: Callable[[], None]) -> None:
        """Have something called; never waits. Where too much waits already it is not called, which is logged."""
        try:
            self._calls.put_nowait(call)
            self._is_flooded = False
        except queue.Full:
            level = logging.DEBUG if self._is_flooded else logging.ERROR
            self._is_flooded = True
            _log.log(level, "the nucleus asks faster than it can be answered: more than %d wait", _MOST_WAITING)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None and not self._is_over:
            try:
                call()
            except Exception:  # noqa: BLE001 - thread boundary: what one request does must not stop the next
                _log.exception("a request of the nucleus failed")
