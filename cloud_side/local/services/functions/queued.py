"""Invocations that nobody waits for: kept until the function has ended well, or failed for the last time."""

import json
import logging
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from cloud_side.local.calling import Caller
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.functions.configuration import Function, find
from cloud_side.local.services.functions.pool import Pool, PoolClosed
from cloud_side.local.services.functions.unpacking import sweep
from cloud_side.local.services.functions.warm import Event
from cloud_side.local.wiring import RefusedRequest, forget_answers, refusing

TABLES = """
CREATE TABLE IF NOT EXISTS invocations (
    id TEXT PRIMARY KEY, function TEXT NOT NULL, payload TEXT NOT NULL, attempt INTEGER NOT NULL, due_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS invocations_by_due ON invocations (due_at)
"""
PAUSES_S = (60.0, 120.0)  # AWS tries a failed one twice again, after so long

_AT_ONCE = 4
_LOOK_S = 0.1
_PUT_OFF_S = 10.0
_SWEEP_S = 3600.0

_log = logging.getLogger(__name__)


def enqueue(connection: sqlite3.Connection, function: str, payload: str, *, identity: str) -> None:
    """Have a function invoked, once the caller's transaction is committed.

    Args:
        connection: In that transaction.
        function: Its name or ARN.
        payload: JSON.
        identity: The request's id; the same one again is the same invocation.

    Raises:
        RefusedRequest: If there is no such function, or the payload is not JSON.
    """
    name = find(connection, function).name
    with refusing("InvalidRequestContentException", ValueError):
        json.loads(payload)
    row = (identity, name, payload, time.time())
    connection.execute("INSERT OR IGNORE INTO invocations VALUES (?, ?, ?, 0, ?)", row)


class Invocations:
    """Invokes what was enqueued, several at once. After a kill, what was not done is done, under the same token."""

    name = "invocations"

    def __init__(
        self,
        home: Home,
        database: Database,
        pool: Pool,
        *,
        at_once: int = _AT_ONCE,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """Start nothing yet.

        Args:
            home: Where the code of functions is.
            database: Holds what was enqueued.
            pool: Runs the functions; closed with this chore.
            at_once: Invocations that run at the same time.
            pauses_s: Before each further attempt after a failed one, in seconds.
        """
        self._home = home
        self._database = database
        self._pool = pool
        self._at_once = at_once
        self._pauses_s = pauses_s
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="invocation")
        self._running: dict[str, Future[None]] = {}
        self._sweep_at_s = 0.0

    def turn(self) -> float:
        """Begin what is due, as far as there is room for it."""
        for identity in [identity for identity, future in self._running.items() if future.done()]:
            if (error := self._running.pop(identity).exception()) is not None and not isinstance(error, PoolClosed):
                self._put_off(identity, error)
        for row in self._due():
            self._running[row["id"]] = self._threads.submit(self._carry_out, row)
        self._tidy()
        return _LOOK_S

    def close(self) -> None:
        """Kill what runs; it runs again in the next engine."""
        self._pool.close()
        self._threads.shutdown(cancel_futures=True)

    def _due(self) -> list[sqlite3.Row]:
        marks = ", ".join("?" * len(self._running))
        query = f"SELECT * FROM invocations WHERE due_at <= ? AND id NOT IN ({marks}) ORDER BY due_at LIMIT ?"  # noqa: S608
        values = (time.time(), *self._running, self._at_once - len(self._running))
        return self._database.connection().execute(query, values).fetchall()

    def _carry_out(self, row: sqlite3.Row) -> None:
        try:
            function = find(self._database.connection(), row["function"])
        except RefusedRequest as refusal:
            _log.warning("invocation %s is dropped: %s", row["id"], refusal.message)
            self._forget(row)
            return
        if not self._fails(function, row) or row["attempt"] >= len(self._pauses_s):
            self._forget(row)
            return
        with self._database.transaction() as connection:
            values = (row["attempt"] + 1, time.time() + self._pauses_s[row["attempt"]], row["id"])
            connection.execute("UPDATE invocations SET attempt = ?, due_at = ? WHERE id = ?", values)
            forget_answers(connection, _scope(row))

    def _fails(self, function: Function, row: sqlite3.Row) -> bool:
        caller = Caller(_scope(row), f"{row['id']}/{row['attempt']}")
        outcome = self._pool.run(function, Event(row["id"], json.loads(row["payload"]), caller))
        if outcome.is_failure:
            failed: dict[str, Any] = json.loads(outcome.payload)
            text = f"{failed['errorType']}: {failed['errorMessage']}"
            left = len(self._pauses_s) - row["attempt"]
            _log.warning("function %s failed, %d attempts are left: %s", function.name, left, text)
        return outcome.is_failure

    def _put_off(self, identity: str, error: BaseException) -> None:
        """Try again later what the engine, not the function, has failed at."""
        message = "invocation %s: it could not be carried out; trying again in %.0f s"
        _log.error(message, identity, _PUT_OFF_S, exc_info=error)
        with self._database.transaction() as connection:
            values = (time.time() + _PUT_OFF_S, identity)
            connection.execute("UPDATE invocations SET due_at = ? WHERE id = ?", values)

    def _forget(self, row: sqlite3.Row) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM invocations WHERE id = ?", (row["id"],))
            forget_answers(connection, _scope(row))

    def _tidy(self) -> None:
        self._pool.close_idle()
        if time.monotonic() >= self._sweep_at_s:
            self._sweep_at_s = time.monotonic() + _SWEEP_S
            rows = self._database.connection().execute("SELECT DISTINCT code FROM functions")
            sweep(self._home, {row["code"] for row in rows})


def _scope(row: sqlite3.Row) -> str:
    return f"invocation/{row['id']}"
