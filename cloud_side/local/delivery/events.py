"""The chore that takes events off the bus and brings them to the targets of the rules that they match."""

import json
import logging
import random
import sqlite3
import time
from datetime import UTC, datetime

from cloud_side.local.database import Database
from cloud_side.local.delivery.targets import StartExecution, bring
from cloud_side.local.services.events.deliveries import deliver_by
from cloud_side.local.services.events.patterns import Pattern
from cloud_side.local.services.events.rules import ENABLED, Rule
from cloud_side.local.wiring import RefusedRequest
from edge_inspector.backoff import pause_s

MOST_DEAD_LETTERS = 1000
_BATCH = 100
_LOOK_S = 0.1
_PAUSES_S = (1.0, 60.0)

_log = logging.getLogger(__name__)


class Delivery:
    """Delivers each event once to each target, over kills; what a target does not take is tried again for a while.

    An event becomes a row for each target in the transaction that takes it off the bus; a row goes in the transaction
    of its effect. So at any moment something is on the bus, on its way, or done, and never two of them.
    """

    name = "delivery"

    def __init__(self, database: Database, start: StartExecution, *, pauses_s: tuple[float, float] = _PAUSES_S) -> None:
        """Be ready.

        Args:
            database: Holds bus, rules and deliveries.
            start: Starts executions.
            pauses_s: The shortest and the longest pause before another attempt, in seconds.
        """
        self._database = database
        self._start = start
        self._pauses_s = pauses_s

    def turn(self) -> float:
        """Take what is on the bus, and deliver what is due, a batch of each."""
        is_busy = self._take_events()
        is_busy = self._deliver() or is_busy
        return 0.0 if is_busy else _LOOK_S

    def close(self) -> None:
        """Do nothing: all is in the database."""

    def _take_events(self) -> bool:
        query = "SELECT * FROM emitted ORDER BY seq LIMIT ?"
        rows = self._database.connection().execute(query, (_BATCH,)).fetchall()  # nobody else takes any
        if not rows:
            return False
        with self._database.transaction() as connection:
            patterns = _patterns(connection)
            for row in rows:
                event = json.loads(row["event"])
                for rule in (rule for rule, pattern in patterns if pattern.matches(event)):
                    deliver_by(rule, event, connection, now=datetime.now(UTC))
            connection.execute("DELETE FROM emitted WHERE seq <= ?", (rows[-1]["seq"],))
        return True

    def _deliver(self) -> bool:
        query = "SELECT * FROM deliveries WHERE due_at <= ? ORDER BY due_at LIMIT ?"
        rows = self._database.connection().execute(query, (time.time(), _BATCH)).fetchall()
        for row in rows:
            try:
                with self._database.transaction() as connection:
                    bring(connection, row, self._start, now=datetime.now(UTC))
                    connection.execute("DELETE FROM deliveries WHERE id = ?", (row["id"],))
            except (sqlite3.Error, OSError):
                raise  # nothing is wrong with this delivery: the disk is full
            except Exception as error:  # noqa: BLE001 - one target never stops the others; it is told and counted
                self._try_later(row, error)
        return bool(rows)

    def _try_later(self, row: sqlite3.Row, error: Exception) -> None:
        reason = error.message if isinstance(error, RefusedRequest) else f"{type(error).__name__}: {error}"
        attempt, now = row["attempt"] + 1, time.time()
        pause = pause_s(row["attempt"], *self._pauses_s, jitter=random.random())  # noqa: S311 - no secret
        if attempt >= row["attempts"] or now + pause > row["expires_at"]:
            self._give_up(row, reason)
            return
        with self._database.transaction() as connection:
            values = (attempt, now + pause, row["id"])
            connection.execute("UPDATE deliveries SET attempt = ?, due_at = ? WHERE id = ?", values)
        _log.info("%s to %s: attempt %d of %d failed: %s", row["source"], row["arn"], attempt, row["attempts"], reason)

    def _give_up(self, row: sqlite3.Row, reason: str) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM deliveries WHERE id = ?", (row["id"],))
            connection.execute(
                "INSERT INTO dead_letters (at, source, arn, input, reason) VALUES (?, ?, ?, ?, ?)",
                (time.time(), row["source"], row["arn"], row["input"], reason),
            )
            connection.execute(
                "DELETE FROM dead_letters WHERE seq <= (SELECT max(seq) FROM dead_letters) - ?", (MOST_DEAD_LETTERS,)
            )
        _log.warning("%s to %s: given up after %d attempts: %s", row["source"], row["arn"], row["attempt"] + 1, reason)


def _patterns(connection: sqlite3.Connection) -> list[tuple[Rule, Pattern]]:
    query = "SELECT * FROM rules WHERE state = ? AND pattern IS NOT NULL ORDER BY name"
    return [(Rule(**dict(row)), Pattern(row["pattern"])) for row in connection.execute(query, (ENABLED,))]
