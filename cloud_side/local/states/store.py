"""What the interpreter remembers: executions, their strands, and what happened; SQL and nothing else.

A strand is one thread of an execution: its root, a branch of a Parallel, or an iteration of a Map. It is a row that
says in which state it is and what comes next, so that whoever reads it can go on. A row is written by whoever
holds its version; what others may say to it meanwhile (an answer to its token, an abort) has columns of its own.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self, TypeAlias

Json: TypeAlias = Any
MOST_EVENTS = 25_000  # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_HALF = re.compile("[\ud800-\udfff]")

TABLES = """
CREATE TABLE IF NOT EXISTS definitions (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS machines (
    arn TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, definition TEXT NOT NULL, revision TEXT NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (
    arn TEXT PRIMARY KEY, name TEXT NOT NULL, machine TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
    input TEXT NOT NULL, status TEXT NOT NULL, started_at REAL NOT NULL, stopped_at REAL, deadline REAL,
    output TEXT, error TEXT, cause TEXT, map_run TEXT, place INTEGER NOT NULL DEFAULT 0,
    items INTEGER NOT NULL DEFAULT 1, has_history INTEGER NOT NULL,
    last_event INTEGER NOT NULL DEFAULT 0, redrives INTEGER NOT NULL DEFAULT 0, redriven_at REAL
);
CREATE INDEX IF NOT EXISTS executions_by_machine ON executions (machine, started_at);
CREATE INDEX IF NOT EXISTS executions_by_map_run ON executions (map_run, place) WHERE map_run IS NOT NULL;
CREATE INDEX IF NOT EXISTS executions_by_deadline ON executions (deadline)
    WHERE deadline IS NOT NULL AND status = 'RUNNING';
CREATE TABLE IF NOT EXISTS strands (
    id INTEGER PRIMARY KEY AUTOINCREMENT, execution TEXT NOT NULL, parent INTEGER, place INTEGER NOT NULL,
    scope TEXT NOT NULL, state TEXT NOT NULL, phase TEXT NOT NULL, status TEXT NOT NULL, version INTEGER NOT NULL,
    due REAL, input TEXT NOT NULL, variables TEXT NOT NULL, retries TEXT NOT NULL, work TEXT NOT NULL,
    entered_at REAL NOT NULL, token TEXT, deadline REAL, heartbeat_s REAL, heartbeat_at REAL, answer TEXT,
    pending INTEGER NOT NULL DEFAULT 0, output TEXT, last_event INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS strands_due ON strands (due) WHERE due IS NOT NULL AND status = 'RUNNING';
CREATE INDEX IF NOT EXISTS strands_by_execution ON strands (execution);
CREATE INDEX IF NOT EXISTS strands_by_parent ON strands (parent, place) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS strands_held_back ON strands (parent, place)
    WHERE due IS NULL AND phase = 'ENTER' AND status = 'RUNNING';
CREATE UNIQUE INDEX IF NOT EXISTS strands_by_token ON strands (token) WHERE token IS NOT NULL;
CREATE TABLE IF NOT EXISTS history (
    execution TEXT NOT NULL, id INTEGER NOT NULL, previous INTEGER NOT NULL, at REAL NOT NULL, type TEXT NOT NULL,
    details TEXT NOT NULL, PRIMARY KEY (execution, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stops (id INTEGER PRIMARY KEY, resource TEXT NOT NULL, handle TEXT NOT NULL)
"""


class Status(StrEnum):
    """How an execution, a strand or a map run stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


class Phase(StrEnum):
    """What a strand does next in its state."""

    ENTER = "ENTER"
    AGAIN = "AGAIN"  # enter after a failure, as its retrier says
    WAIT = "WAIT"
    CALL = "CALL"
    CHECK = "CHECK"  # is what a .sync task began at its end
    TOKEN = "TOKEN"  # noqa: S105 - not a password
    CHILDREN = "CHILDREN"
    JOIN = "JOIN"
    FEED = "FEED"  # a distributed map: more children, or what they came to


@dataclass(frozen=True)
class Strand:
    """One row of `strands`: one thread of an execution, and where it is."""

    id: int
    execution: str
    parent: int | None
    place: int
    scope: tuple[str | int, ...]
    state: str
    phase: Phase
    status: Status
    version: int
    due: float | None
    input: Json
    variables: dict[str, Json]
    retries: tuple[int, ...]
    work: Json
    entered_at: float
    token: str | None
    deadline: float | None
    heartbeat_s: float | None
    heartbeat_at: float | None
    answer: Json
    pending: int
    output: Json
    last_event: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Read a row."""
        values = dict(row)
        for name in ("input", "variables", "work"):
            values[name] = json.loads(values[name])
        for name in ("answer", "output"):
            values[name] = None if values[name] is None else json.loads(values[name])
        scope, retries = tuple(json.loads(values.pop("scope"))), tuple(json.loads(values.pop("retries")))
        phase, status = Phase(values.pop("phase")), Status(values.pop("status"))
        return cls(**values, scope=scope, retries=retries, phase=phase, status=status)


@dataclass(frozen=True)
class Event:
    """Something that happened in an execution, as GetExecutionHistory tells it."""

    type: str
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    """A strand to be: where it begins and with what."""

    place: int
    scope: tuple[str | int, ...]
    state: str
    input: Json


class SupersededError(Exception):
    """Somebody else has moved, ended or aborted the strand meanwhile: what was done for it no longer counts."""


def dumps(value: Json) -> str:
    """Return JSON as it is kept: no blanks, characters as they are, but for halves of one, which no UTF-8 has."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if not text.isascii() and _HALF.search(text):
        return json.dumps(value, separators=(",", ":"))
    return text


def keep_definition(connection: sqlite3.Connection, text: str) -> str:
    """Keep a definition and return the hash under which it is found."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    connection.execute("INSERT OR IGNORE INTO definitions VALUES (?, ?)", (digest, text))
    return digest


def definition_text(connection: sqlite3.Connection, digest: str) -> str:
    """Return a definition by its hash."""
    (text,) = connection.execute("SELECT text FROM definitions WHERE hash = ?", (digest,)).fetchone()
    return str(text)


def strand_of(connection: sqlite3.Connection, strand: int) -> Strand | None:
    """Return a strand as it is now."""
    row = connection.execute("SELECT * FROM strands WHERE id = ?", (strand,)).fetchone()
    return None if row is None else Strand.of(row)


def plant(  # noqa: PLR0913 - a row's columns
    connection: sqlite3.Connection,
    execution: str,
    seeds: Iterable[Seed],
    *,
    parent: int | None,
    now: float,
    limit: int | None = None,
    last_event: int = 0,
) -> int:
    """Add strands that enter their first state now, and return how many; each follows from `last_event`.

    With a limit at most so many begin now, and the others when `release` lets them.
    """
    rows = [
        (
            execution,
            parent,
            seed.place,
            dumps(seed.scope),
            seed.state,
            dumps(seed.input),
            now if limit is None or number < limit else None,
            now,
            last_event,
        )
        for number, seed in enumerate(seeds)
    ]
    connection.executemany(
        "INSERT INTO strands (execution, parent, place, scope, state, input, due, entered_at, last_event,"
        " phase, status, version, variables, retries, work)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'ENTER', 'RUNNING', 0, '{}', '[]', 'null')",
        rows,
    )
    return len(rows)


def release(connection: sqlite3.Connection, parent: int, now: float) -> None:
    """Let the next child begin that had to wait for its turn."""
    connection.execute(
        "UPDATE strands SET due = ? WHERE id = (SELECT id FROM strands WHERE parent = ? AND due IS NULL"
        " AND phase = 'ENTER' AND status = 'RUNNING' ORDER BY place LIMIT 1)",
        (now, parent),
    )


def save(connection: sqlite3.Connection, strand: Strand) -> Strand:
    """Write a strand that is where it was read, and return it as it is now; what is said to it meanwhile stays.

    Raises:
        SupersededError: If it was moved, ended or aborted since it was read.
    """
    after = replace(strand, version=strand.version + 1)
    written = connection.execute(
        "UPDATE strands SET state = ?, phase = ?, status = ?, version = ?, due = ?, input = ?, variables = ?,"
        " retries = ?, work = ?, entered_at = ?, token = ?, deadline = ?, heartbeat_s = ?, heartbeat_at = ?,"
        " pending = ?, output = ?, last_event = ? WHERE id = ? AND version = ? AND status = 'RUNNING'",
        (
            after.state,
            after.phase,
            after.status,
            after.version,
            after.due,
            dumps(after.input),
            dumps(after.variables),
            dumps(after.retries),
            dumps(after.work),
            after.entered_at,
            after.token,
            after.deadline,
            after.heartbeat_s,
            after.heartbeat_at,
            after.pending,
            None if after.status is Status.RUNNING else dumps(after.output),
            after.last_event,
            after.id,
            strand.version,
        ),
    ).rowcount
    if not written:
        raise SupersededError
    return after


def outputs_of_children(connection: sqlite3.Connection, parent: int) -> list[Json]:
    """Return what the children came to, in their places."""
    rows = connection.execute("SELECT output FROM strands WHERE parent = ? ORDER BY place", (parent,))
    return [json.loads(row["output"]) for row in rows]


def size_of_outputs(connection: sqlite3.Connection, parent: int) -> int:
    """Return how many characters the outputs of the children have; in bytes they are no fewer."""
    (size,) = connection.execute("SELECT SUM(LENGTH(output)) FROM strands WHERE parent = ?", (parent,)).fetchone()
    return size or 0


_BELOW = (
    "WITH RECURSIVE below (id) AS (SELECT id FROM strands WHERE parent = ?"
    " UNION ALL SELECT s.id FROM strands s JOIN below b ON s.parent = b.id)"
)


def running_below(connection: sqlite3.Connection, strand: int) -> list[sqlite3.Row]:
    """Return all below a strand that still run."""
    running = f"{_BELOW} SELECT * FROM strands WHERE id IN below AND status = 'RUNNING'"  # noqa: S608 - text of ours
    return connection.execute(running, (strand,)).fetchall()


def uproot(connection: sqlite3.Connection, strand: int) -> None:
    """Delete all below a strand: its state begins anew, or is left."""
    connection.execute(f"{_BELOW} DELETE FROM strands WHERE id IN below", (strand,))  # noqa: S608 - text of ours


def record(
    connection: sqlite3.Connection, execution: str, events: Sequence[Event], *, previous: int, now: float
) -> int:
    """Append events that follow one from the other, and return the last one's id; `previous` where none is kept."""
    if not events:
        return previous
    row = connection.execute(
        "UPDATE executions SET last_event = last_event + ? WHERE arn = ? AND has_history RETURNING last_event",
        (len(events), execution),
    ).fetchone()
    if row is None:
        return previous
    for number, event in enumerate(events, start=row["last_event"] - len(events) + 1):
        connection.execute(
            "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)",
            (execution, number, previous, now, event.type, dumps(event.details)),
        )
        previous = number
    return previous
