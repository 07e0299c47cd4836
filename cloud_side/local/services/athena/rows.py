"""Queries as they are kept: what was asked, how far each is, and how it ended."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from cloud_side.local.wiring import RefusedRequest

TABLES = """
CREATE TABLE IF NOT EXISTS athena_queries (
    id TEXT PRIMARY KEY, token TEXT UNIQUE, request TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    submitted REAL NOT NULL, started REAL, completed REAL, scanned INTEGER NOT NULL DEFAULT 0, columns TEXT
);
CREATE INDEX IF NOT EXISTS athena_by_state ON athena_queries (state, submitted);
CREATE INDEX IF NOT EXISTS athena_by_time ON athena_queries (submitted, id)
"""


class QueryState(StrEnum):
    """How far a query is."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


UNFINISHED = (QueryState.QUEUED, QueryState.RUNNING)


@dataclass(frozen=True)
class Query:
    """One query; times are timestamps.

    Attributes:
        request: Parameters of StartQueryExecution.
        reason: Why it failed, or was cancelled.
        started: When it was begun last: one that was cut off begins again.
        scanned: Bytes of the objects that it read.
        columns: Name and type of each column of its result; None before it has one.
    """

    id: str
    request: Mapping[str, Any]
    state: QueryState
    reason: str | None
    submitted: float
    started: float | None
    completed: float | None
    scanned: int
    columns: list[tuple[str, str]] | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Return the query of a row."""
        return cls(
            row["id"],
            json.loads(row["request"]),
            QueryState(row["state"]),
            row["reason"],
            row["submitted"],
            row["started"],
            row["completed"],
            row["scanned"],
            None if row["columns"] is None else [(name, kind) for name, kind in json.loads(row["columns"])],
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state not in UNFINISHED

    @property
    def text(self) -> str:
        """The statement."""
        return str(self.request["QueryString"])

    @property
    def database(self) -> str:
        """The database whose tables it names."""
        return str(self.request.get("QueryExecutionContext", {}).get("Database", "default")).lower()

    @property
    def output(self) -> str:
        """Where its result is, or will be."""
        return f"{self.request['ResultConfiguration']['OutputLocation'].rstrip('/')}/{self.id}.csv"


def find(connection: sqlite3.Connection, identity: str) -> Query:
    """Return a query.

    Raises:
        RefusedRequest: If there is none of that id.
    """
    row = connection.execute("SELECT * FROM athena_queries WHERE id = ?", (identity,)).fetchone()
    if row is None:
        raise RefusedRequest("InvalidRequestException", f"QueryExecution {identity} was not found")
    return Query.of(row)


def unfinished(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of the queries that are still to be run, or run; the oldest first."""
    rows = connection.execute("SELECT id FROM athena_queries WHERE state IN (?, ?) ORDER BY submitted, id", UNFINISHED)
    return [row["id"] for row in rows]


def begin(connection: sqlite3.Connection, identity: str, now: float) -> None:
    """Say that a query runs, from now on or again."""
    connection.execute(
        "UPDATE athena_queries SET state = ?, started = ? WHERE id = ? AND state IN (?, ?)",
        (QueryState.RUNNING, now, identity, *UNFINISHED),
    )


def end(
    connection: sqlite3.Connection, identity: str, state: QueryState, now: float, reason: str | None = None
) -> None:
    """Say how a query ended, unless it has ended already."""
    connection.execute(
        "UPDATE athena_queries SET state = ?, reason = ?, completed = ? WHERE id = ? AND state IN (?, ?)",
        (state, reason, now, identity, *UNFINISHED),
    )


def keep_result(connection: sqlite3.Connection, identity: str, columns: list[tuple[str, str]], scanned: int) -> None:
    """Keep what is known of a result beside its rows."""
    connection.execute(
        "UPDATE athena_queries SET columns = ?, scanned = ? WHERE id = ?", (json.dumps(columns), scanned, identity)
    )
