"""Runs the queries of an engine, a few at once, and forgets old ones."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.athena import rows
from cloud_side.local.services.athena.running import run

_AT_ONCE = 2
_LOOK_S = 0.1
_PUT_OFF_S = 10.0
_TIDY_S = 3600.0
_KEPT_S = 45 * 86_400.0  # https://docs.aws.amazon.com/athena/latest/ug/queries-viewing-history.html

_log = logging.getLogger(__name__)


class Queries:
    """The engine's chore for queries. What it is stopped in, or killed in, runs again in the next engine."""

    name = "queries"

    def __init__(self, home: Home, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        """Start nothing yet; the clock tells seconds since 1970."""
        self._home, self._database, self._clock = home, database, clock
        self._ending = threading.Event()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="query")
        self._running: dict[str, Future[None]] = {}
        self._tidy_at = 0.0

    def turn(self) -> float:
        """Begin what waits, as far as there is room for it."""
        for identity in [identity for identity, future in self._running.items() if future.done()]:
            if (error := self._running.pop(identity).exception()) is not None:
                _log.error("query %s: could not be run; trying again in %.0f s", identity, _PUT_OFF_S, exc_info=error)
                return _PUT_OFF_S
        for identity in rows.unfinished(self._database.connection()):
            if len(self._running) < _AT_ONCE and identity not in self._running:
                work = partial(run, self._home, self._database, identity, is_ending=self._ending.is_set)
                self._running[identity] = self._threads.submit(work)
        self._forget_old()
        return _LOOK_S

    def close(self) -> None:
        """Cut off what runs."""
        self._ending.set()
        self._threads.shutdown(cancel_futures=True)

    def _forget_old(self) -> None:
        if self._clock() < self._tidy_at:
            return
        self._tidy_at = self._clock() + _TIDY_S
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM athena_queries WHERE completed < ?", (self._clock() - _KEPT_S,))
