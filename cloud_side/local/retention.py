"""What ended long ago is forgotten, as Step Functions forgets it, so that the database does not grow for ever."""

import time
from collections.abc import Callable

from cloud_side.local.database import Database
from cloud_side.local.home import KEPT

KEPT_S = KEPT.total_seconds()
_AT_ONCE = 500
_TABLES = (("history", "execution"), ("strands", "execution"), ("map_runs", "execution"), ("answered", "scope"))
_OLD = (
    "SELECT arn FROM executions WHERE map_run IS NULL AND stopped_at < ?"
    " UNION ALL SELECT arn FROM executions"  # a child lives as long as the execution whose map it belongs to
    " WHERE map_run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM map_runs WHERE map_runs.arn = map_run) LIMIT ?"
)


class Retention:
    """Deletes executions that ended more than 90 days ago, then the children of their maps."""

    name = "retention"

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        """Look after a database."""
        self._database = database
        self._clock = clock

    def turn(self) -> float:
        """Delete a few of what is old."""
        with self._database.transaction() as connection:
            rows = connection.execute(_OLD, (self._clock() - KEPT_S, _AT_ONCE)).fetchall()
            old = [(row["arn"],) for row in rows]
            for table, column in _TABLES:
                connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", old)  # noqa: S608 - names of ours
            connection.executemany("DELETE FROM executions WHERE arn = ?", old)
            if not old:
                connection.execute(
                    "DELETE FROM definitions WHERE hash NOT IN"
                    " (SELECT definition FROM executions UNION SELECT definition FROM machines)"
                )
        return 1.0 if old else 3600.0

    def close(self) -> None:
        """Hold nothing."""
