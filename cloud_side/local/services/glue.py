"""Glue's data catalog on one machine: which tables lie over which objects of S3; operations that the product uses."""

import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloud_side.local.home import ACCOUNT
from cloud_side.local.services.pages import page
from cloud_side.local.wiring import Answer, Parameters, RefusedRequest, Request, Service

_TABLES = """
CREATE TABLE IF NOT EXISTS glue_databases (
    name TEXT PRIMARY KEY, input TEXT NOT NULL, created REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS glue_tables (
    database TEXT NOT NULL, name TEXT NOT NULL, input TEXT NOT NULL, version INTEGER NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, PRIMARY KEY (database, name)
) WITHOUT ROWID
"""
_NAME = re.compile(r"[a-z0-9_-]{1,255}")  # what is more can be no name for Athena
_PAGE = 100
_EVERYWHERE = {"CatalogId", "NextToken", "MaxResults"}  # there is one catalog


def tables_in(connection: sqlite3.Connection, database: str) -> dict[str, dict[str, Any]] | None:
    """Return the `TableInput` of each table of a database by its name; None if there is no such database."""
    if connection.execute("SELECT 1 FROM glue_databases WHERE name = ?", (database,)).fetchone() is None:
        return None
    rows = connection.execute("SELECT name, input FROM glue_tables WHERE database = ?", (database,))
    return {row["name"]: json.loads(row["input"]) for row in rows}


def _create_database(request: Request, connection: sqlite3.Connection) -> Answer:
    _require_known(request.parameters, {"DatabaseInput"})
    given = request.parameters["DatabaseInput"]
    name = _checked(given["Name"])
    if connection.execute("SELECT 1 FROM glue_databases WHERE name = ?", (name,)).fetchone():
        raise RefusedRequest("AlreadyExistsException", f"Database {name} already exists.")
    values = (name, json.dumps(given), request.now.timestamp())
    connection.execute("INSERT INTO glue_databases VALUES (?, ?, ?)", values)
    return {}


def _get_database(request: Request) -> Answer:
    _require_known(request.parameters, {"Name"})
    return {"Database": _database_told(_database_row(request.database.connection(), request.parameters["Name"]))}


def _get_databases(request: Request) -> Answer:
    _require_known(request.parameters, set())
    limit = request.parameters.get("MaxResults", _PAGE)
    rows = request.database.connection().execute(
        "SELECT * FROM glue_databases WHERE name > ? ORDER BY name LIMIT ?",
        (request.parameters.get("NextToken", ""), limit + 1),
    )
    return page("DatabaseList", [_database_told(row) for row in rows], limit, "Name")


def _create_table(request: Request, connection: sqlite3.Connection) -> Answer:
    _require_known(request.parameters, {"DatabaseName", "TableInput"})
    database = _database_row(connection, request.parameters["DatabaseName"])["name"]
    given = request.parameters["TableInput"]
    name, now = _checked(given["Name"]), request.now.timestamp()
    if connection.execute("SELECT 1 FROM glue_tables WHERE (database, name) = (?, ?)", (database, name)).fetchone():
        raise RefusedRequest("AlreadyExistsException", f"Table {name} already exists.")
    connection.execute("INSERT INTO glue_tables VALUES (?, ?, ?, 0, ?, ?)", (database, name, _kept(given), now, now))
    return {}


def _update_table(request: Request, connection: sqlite3.Connection) -> Answer:
    _require_known(request.parameters, {"DatabaseName", "TableInput", "SkipArchive"})
    given = request.parameters["TableInput"]
    row = _table_row(connection, request.parameters["DatabaseName"], given["Name"])
    connection.execute(
        "UPDATE glue_tables SET input = ?, version = version + 1, updated = ? WHERE (database, name) = (?, ?)",
        (_kept(given), request.now.timestamp(), row["database"], row["name"]),
    )
    return {}


def _get_table(request: Request) -> Answer:
    _require_known(request.parameters, {"DatabaseName", "Name"})
    database, name = request.parameters["DatabaseName"], request.parameters["Name"]
    return {"Table": _table_told(_table_row(request.database.connection(), database, name))}


def _get_tables(request: Request) -> Answer:
    _require_known(request.parameters, {"DatabaseName"})
    connection, limit = request.database.connection(), request.parameters.get("MaxResults", _PAGE)
    database = _database_row(connection, request.parameters["DatabaseName"])["name"]
    rows = connection.execute(
        "SELECT * FROM glue_tables WHERE database = ? AND name > ? ORDER BY name LIMIT ?",
        (database, request.parameters.get("NextToken", ""), limit + 1),
    )
    return page("TableList", [_table_told(row) for row in rows], limit, "Name")


def _delete_table(request: Request, connection: sqlite3.Connection) -> Answer:
    _require_known(request.parameters, {"DatabaseName", "Name"})
    row = _table_row(connection, request.parameters["DatabaseName"], request.parameters["Name"])
    connection.execute("DELETE FROM glue_tables WHERE (database, name) = (?, ?)", (row["database"], row["name"]))
    return {}


def _require_known(parameters: Parameters, known: set[str]) -> None:
    if others := sorted(parameters.keys() - known - _EVERYWHERE):
        msg = f"{', '.join(others)}: not there on the local engine, which has {', '.join(sorted(known | _EVERYWHERE))}"
        raise RefusedRequest("NotOnLocalEngine", msg, status=501)


def _checked(name: str) -> str:
    """Return a name as Glue keeps it, in lower case."""
    if not _NAME.fullmatch(name.lower()):
        msg = f"Name {name!r}: expected letters, digits, underscores and hyphens, 255 at most"
        raise RefusedRequest("InvalidInputException", msg)
    return name.lower()


def _kept(given: Mapping[str, Any]) -> str:
    columns = given.get("StorageDescriptor", {}).get("Columns", [])
    for column in columns:
        _checked(column["Name"])
    return json.dumps(given)


def _database_row(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
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


def _table_row(connection: sqlite3.Connection, database: str, name: str) -> sqlite3.Row:
    """Return a table.

    Raises:
        RefusedRequest: If there is no such database, or no such table in it.
    """
    there = _database_row(connection, database)
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM glue_tables WHERE (database, name) = (?, ?)", (there["name"], name.lower())
    ).fetchone()
    if row is None:
        raise RefusedRequest("EntityNotFoundException", f"Table {name} not found.")
    return row


def _database_told(row: sqlite3.Row) -> dict[str, Any]:
    """Return a database as AWS tells it."""
    return {**json.loads(row["input"]), "Name": row["name"], "CreateTime": _time(row["created"]), "CatalogId": ACCOUNT}


def _table_told(row: sqlite3.Row) -> dict[str, Any]:
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


GLUE = Service(
    "glue",
    reads={
        "GetDatabase": _get_database,
        "GetDatabases": _get_databases,
        "GetTable": _get_table,
        "GetTables": _get_tables,
    },
    writes={
        "CreateDatabase": _create_database,
        "CreateTable": _create_table,
        "UpdateTable": _update_table,
        "DeleteTable": _delete_table,
    },
    tables=_TABLES,
)
