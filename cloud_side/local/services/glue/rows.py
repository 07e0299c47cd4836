"""Databases and tables of the catalog, as they are kept."""

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from cloud_side.local.home import ACCOUNT
from cloud_side.local.wiring import RefusedRequest

TABLES = """
CREATE TABLE IF NOT EXISTS glue_databases (
    name TEXT PRIMARY KEY, input TEXT NOT NULL, created REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS glue_tables (
    database TEXT NOT NULL, name TEXT NOT NULL, input TEXT NOT NULL, version INTEGER NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, PRIMARY KEY (database, name)
) WITHOUT ROWID
"""


def database_row(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Return a database.

    Raises:
        RefusedRequest: If there is none of that name.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM glue_databases WHERE name = ?", (name.lower(),)
    ).fetchone()
    if row is None:
        raise RefusedRequest("EntityNotFoundException", f"Database {name} not found.")
    return row


def table_row(connection: sqlite3.Connection, database: str, name: str) -> sqlite3.Row:
    """Return a table.

    Raises:
        RefusedRequest: If there is no such database, or no such table in it.
    """
    there = database_row(connection, database)
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM glue_tables WHERE (database, name) = (?, ?)", (there["name"], name.lower())
    ).fetchone()
    if row is None:
        raise RefusedRequest("EntityNotFoundException", f"Table {name} not found.")
    return row


def tables_in(connection: sqlite3.Connection, database: str) -> dict[str, dict[str, Any]] | None:
    """Return the `TableInput` of each table of a database by its name; None if there is no such database."""
    if connection.execute("SELECT 1 FROM glue_databases WHERE name = ?", (database,)).fetchone() is None:
        return None
    rows = connection.execute("SELECT name, input FROM glue_tables WHERE database = ?", (database,))
    return {row["name"]: json.loads(row["input"]) for row in rows}


def database_told(row: sqlite3.Row) -> dict[str, Any]:
    """Return a database as AWS tells it."""
    return {**json.loads(row["input"]), "Name": row["name"], "CreateTime": _time(row["created"]), "CatalogId": ACCOUNT}


def table_told(row: sqlite3.Row) -> dict[str, Any]:
    """Return a table as AWS tells it."""
    return {
        **json.loads(row["input"]),
        "Name": row["name"],
        "DatabaseName": row["database"],
        "CreateTime": _time(row["created"]),
        "UpdateTime": _time(row["updated"]),
        "IsRegisteredWithLakeFormation": False,
        "CatalogId": ACCOUNT,
        "VersionId": str(row["version"]),
    }


def _time(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
