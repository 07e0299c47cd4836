"""What the services tell others, kept in the transaction in which it came true: events, and messages for the broker."""

import json
import sqlite3
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION

TABLES = """
CREATE TABLE IF NOT EXISTS emitted (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, bus TEXT NOT NULL, event TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL, retain INTEGER NOT NULL
)
"""


def emit(  # noqa: PLR0913 - an event's envelope has so many fields
    connection: sqlite3.Connection,
    *,
    source: str,
    detail_type: str,
    detail: Any,  # noqa: ANN401 - any JSON
    now: datetime,
    resources: Sequence[str] = (),
    bus: str = "default",
) -> str:
    """Put an event on a bus, in the caller's transaction, and return its id.

    Source:
        Amazon EventBridge User Guide, "AWS service event metadata".
    """
    identity = str(uuid.uuid4())
    event = {
        "version": "0",
        "id": identity,
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }
    connection.execute("INSERT INTO emitted (bus, event) VALUES (?, ?)", (bus, json.dumps(event)))
    return identity


def publish(connection: sqlite3.Connection, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Hand a message to the broker's connection, in the caller's transaction."""
    connection.execute("INSERT INTO messages (topic, payload, retain) VALUES (?, ?, ?)", (topic, payload, retain))
