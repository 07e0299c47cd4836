"""The two stores of the feature store: the newest record of each identifier, and every version that ever came."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_side.local.services.sagemaker.names import stamp

TABLES = """
CREATE TABLE IF NOT EXISTS feature_online (
    serial INTEGER NOT NULL, identifier TEXT NOT NULL, event_s REAL NOT NULL, is_deleted INTEGER NOT NULL,
    record TEXT NOT NULL, PRIMARY KEY (serial, identifier)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feature_offline (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, serial INTEGER NOT NULL, identifier TEXT NOT NULL, event_s REAL NOT NULL,
    is_deleted INTEGER NOT NULL, record TEXT NOT NULL, write_time TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS feature_versions ON feature_offline (serial, identifier, event_s)
"""
_CASTS = {"Integral": "INTEGER", "Fractional": "REAL", "String": "TEXT"}


@dataclass(frozen=True)
class Version:
    """One version of a record.

    Attributes:
        serial: Of its group.
        event_s: Its event time, in seconds since 1970.
        record: Value by feature, as text.
        is_deleted: It says that the record is no more.
    """

    serial: int
    identifier: str
    event_s: float
    record: Mapping[str, str]
    is_deleted: bool = False


def newest(connection: sqlite3.Connection, serial: int, identifier: str) -> Version | None:
    """Return what the online store has of a record, be it that it was deleted; None if nothing."""
    row = connection.execute(
        "SELECT * FROM feature_online WHERE serial = ? AND identifier = ?", (serial, identifier)
    ).fetchone()
    if row is None:
        return None
    return Version(serial, identifier, row["event_s"], json.loads(row["record"]), is_deleted=bool(row["is_deleted"]))


def put_online(connection: sqlite3.Connection, version: Version) -> None:
    """Replace what the online store has, unless that is newer."""
    connection.execute(
        "INSERT INTO feature_online (serial, identifier, event_s, is_deleted, record) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (serial, identifier) DO UPDATE SET event_s = excluded.event_s, is_deleted = excluded.is_deleted,"
        " record = excluded.record WHERE excluded.event_s >= feature_online.event_s",
        (version.serial, version.identifier, version.event_s, version.is_deleted, json.dumps(version.record)),
    )


def remove_online(connection: sqlite3.Connection, serial: int, identifier: str) -> None:
    """Take a record out of the online store, without a trace."""
    connection.execute("DELETE FROM feature_online WHERE serial = ? AND identifier = ?", (serial, identifier))


def drop_online(connection: sqlite3.Connection, serial: int) -> None:
    """Take all records of a group out of the online store."""
    connection.execute("DELETE FROM feature_online WHERE serial = ?", (serial,))


def append_offline(connection: sqlite3.Connection, version: Version, now: datetime) -> None:
    """Keep a version for ever."""
    connection.execute(
        "INSERT INTO feature_offline (serial, identifier, event_s, is_deleted, record, write_time)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            version.serial,
            version.identifier,
            version.event_s,
            version.is_deleted,
            json.dumps(version.record),
            stamp(now),
        ),
    )


def make_view(connection: sqlite3.Connection, name: str, serial: int, definitions: Sequence[Mapping[str, Any]]) -> None:
    """Make a group's versions a table with the columns that Athena shows: the features, and three of the store.

    Args:
        connection: Of the transaction.
        name: Letters, digits and underscores.
        serial: Of the group.
        definitions: Of its features, with checked names.
    """
    columns = [_column(each["FeatureName"], _CASTS[each["FeatureType"]]) for each in definitions]
    connection.execute(f'DROP VIEW IF EXISTS "{name}"')  # of a group that was made and deleted in the same second
    connection.execute(
        f'CREATE VIEW "{name}" AS SELECT {", ".join(columns)}, write_time, write_time AS api_invocation_time,'  # noqa: S608
        f" is_deleted FROM feature_offline WHERE serial = {int(serial)}"
    )


def _column(name: str, kind: str) -> str:
    return f"""CAST(json_extract(record, '$."{name}"') AS {kind}) AS "{name}\""""  # quoted: a name may have a hyphen
