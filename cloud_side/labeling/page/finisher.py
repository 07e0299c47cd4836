"""The finisher: a thread that finishes orders once they are complete, those too that another server left behind."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from cloud_side.catalog.labels import LabelError
from cloud_side.labeling.work.desk import Desk
from cloud_side.labeling.work.finishing import finish, give_up, is_waited_for
from cloud_side.labeling.work.orders import Order, OrderError

_log = logging.getLogger(__name__)
_EXPECTED: Final = (OrderError, LabelError, BotoCoreError, ClientError, OSError)
_PAUSE_S: Final = 5.0
_LISTED_S: Final = 30.0  # so old may be what it knows of other servers' answers
_ASKED_S: Final = 600.0  # between two questions whether an execution still waits


class Finisher:
    """Looks at the open orders every few seconds, and whenever it is woken."""

    def __init__(
        self,
        desk: Desk,
        states: Any,  # noqa: ANN401 - boto3's clients have no type
        *,
        pause_s: float = _PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the desk, and a client of Step Functions; the thread begins with the block."""
        self._desk, self._states, self._pause_s, self._clock = desk, states, pause_s, clock
        self._asked_at: dict[str, float] = {}  # by token
        self._problems: dict[str, str] = {}  # by key of the order
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="finisher", daemon=True)

    def wake(self) -> None:
        """Have it look now."""
        self._wake.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - thread boundary: what fails now is tried again
                self._say("orders", error)
            self._wake.wait(self._pause_s)

    def look(self) -> None:
        """Finish what is complete; an order that cannot be finished keeps no other from it."""
        orders = list(self._desk.orders())
        self._asked_at = {order.token: self._asked_at.get(order.token, self._clock()) for order in orders}
        for order in orders:
            try:
                self._look_at(order)
                self._problems.pop(order.key, None)
            except Exception as error:  # noqa: BLE001 - as above
                self._say(order.key, error)

    def _look_at(self, order: Order) -> None:
        ledger = self._desk.ledger(order, oldest_s=_LISTED_S)
        if finish(self._desk.bucket, self._states, ledger):
            return
        if self._clock() - self._asked_at[order.token] >= _ASKED_S:
            self._asked_at[order.token] = self._clock()
            if not is_waited_for(self._states, order):
                give_up(self._desk.bucket, order)

    def _say(self, what: str, error: Exception) -> None:
        """Log a problem when it is new."""
        if self._problems.get(what) != repr(error):
            self._problems[what] = repr(error)
            trace = None if isinstance(error, _EXPECTED) else error
            _log.error("%s: cannot be finished, tried again: %r", what, error, exc_info=trace)
