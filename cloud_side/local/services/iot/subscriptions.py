"""What this home has subscribed to at its broker, which remembers it while the engine is down."""

import uuid
from collections.abc import Iterable

from cloud_side.local.database import Database

TABLES = """
CREATE TABLE IF NOT EXISTS iot_sessions (client_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS iot_subscriptions (id INTEGER PRIMARY KEY AUTOINCREMENT, filter TEXT NOT NULL UNIQUE)
"""


def client_id_of(database: Database) -> str:
    """Return the name by which the broker knows the session of this home, drawn when it is asked for first."""
    with database.transaction() as connection:
        row = connection.execute("SELECT client_id FROM iot_sessions").fetchone()
        if row is not None:
            return str(row["client_id"])
        drawn = f"edge-inspector-rules-{uuid.uuid4().hex[:12]}"
        connection.execute("INSERT INTO iot_sessions (client_id) VALUES (?)", (drawn,))
        return drawn


def subscribed(database: Database) -> dict[str, int]:
    """Return the filters that the broker may know, each with its subscription identifier."""
    rows = database.connection().execute("SELECT id, filter FROM iot_subscriptions").fetchall()
    return {row["filter"]: row["id"] for row in rows}


def note(database: Database, filters: Iterable[str]) -> None:
    """Keep that the broker will know these filters."""
    with database.transaction() as connection:
        new = [(each,) for each in filters]
        connection.executemany("INSERT OR IGNORE INTO iot_subscriptions (filter) VALUES (?)", new)


def forget(database: Database, filters: Iterable[str]) -> None:
    """Forget filters that the broker knows no more."""
    with database.transaction() as connection:
        gone = [(each,) for each in filters]
        connection.executemany("DELETE FROM iot_subscriptions WHERE filter = ?", gone)
