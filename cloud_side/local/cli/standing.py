"""How a home stands: what runs, what waits for what, what is to be delivered, and how much room it takes."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cloud_side.local.home import Home, engine_in

_WAITS: Mapping[str, str] = {
    "ENTER": "its turn",
    "WAIT": "a time",
    "TOKEN": "an answer to its token",
    "CHECK": "what it began",
    "CALL": "a call under way",
    "AGAIN": "its next attempt",
    "FEED": "the executions of its items",
}
_QUEUES: Mapping[str, str] = {
    "emitted": "events",
    "deliveries": "deliveries",
    "invocations": "calls of functions",
    "messages": "messages",
    "dead_letters": "never delivered",
    "stops": "stops",
}
_TOLD = 20
_COUNTED_FILES = 200_000


@dataclass(frozen=True)
class Waiting:
    """A step that waits.

    Attributes:
        until: When it goes on at the latest; None where nobody can tell.
    """

    execution: str
    state: str
    wants: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Standing:
    """What is known of a home.

    Attributes:
        pid: Of its engine; None where none runs.
        executions: How many have which status, without those that distributed maps began.
        waits: How many steps wait for what.
        waiting: Those that wait longest.
        jobs: Jobs, and executions of pipelines, that have not ended.
        queues: How much is to be delivered.
        sizes: Bytes by folder; a large one is not counted to its end.
    """

    folder: Path
    pid: int | None
    executions: Mapping[str, int] = field(default_factory=dict)
    waits: Mapping[str, int] = field(default_factory=dict)
    waiting: Sequence[Waiting] = ()
    jobs: Sequence[str] = ()
    queues: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


def standing(home: Home) -> Standing:
    """Return how a home stands now; nothing of it is changed."""
    with closing(sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        there = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"executions", "strands"} <= there:
            return Standing(home.folder, engine_in(home), sizes=_sizes(home))
        return Standing(
            folder=home.folder,
            pid=engine_in(home),
            executions=_counts(
                connection, "SELECT status, COUNT(*) FROM executions WHERE map_run IS NULL GROUP BY status"
            ),
            waits=_waits(connection),
            waiting=list(_waiting(connection)),
            jobs=[*_pipelines(connection, there), *_jobs(connection, there)],
            queues={told: _size(connection, name) for name, told in _QUEUES.items() if name in there},
            sizes=_sizes(home),
        )


def _counts(connection: sqlite3.Connection, query: str) -> dict[str, int]:
    return {str(name): int(count) for name, count in connection.execute(query)}


def _size(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0])  # noqa: S608 - a name of ours


def _waits(connection: sqlite3.Connection) -> dict[str, int]:
    counts = _counts(connection, "SELECT phase, COUNT(*) FROM strands WHERE status = 'RUNNING' GROUP BY phase")
    return {told: counts[phase] for phase, told in _WAITS.items() if counts.get(phase)}


def _waiting(connection: sqlite3.Connection) -> Iterator[Waiting]:
    rows = connection.execute(
        "SELECT execution, state, phase, entered_at, due, deadline FROM strands WHERE status = 'RUNNING'"
        " AND phase IN (SELECT value FROM json_each(?)) ORDER BY entered_at LIMIT ?",
        (json.dumps(list(_WAITS)), _TOLD),
    )
    for row in rows:
        until = row["due"] if row["phase"] in {"WAIT", "AGAIN"} else row["deadline"]
        at = None if until is None else datetime.fromtimestamp(until, UTC)
        machine, _, name = row["execution"].partition(":execution:")[2].partition(":")
        since = datetime.fromtimestamp(row["entered_at"], UTC)
        yield Waiting(f"{machine}/{name}", row["state"], _WAITS[row["phase"]], since, at)


def _pipelines(connection: sqlite3.Connection, there: set[str]) -> Iterator[str]:
    if "pipeline_executions" not in there:  # of a home that an older version made
        return
    rows = connection.execute(
        "SELECT pipeline, name, status FROM pipeline_executions WHERE status IN ('Executing', 'Stopping')"
        " ORDER BY created"
    )
    for row in rows:
        yield f"{row['pipeline']}/{row['name']} (pipeline, {row['status']})"


def _jobs(connection: sqlite3.Connection, there: set[str]) -> Iterator[str]:
    if "jobs" not in there:
        return
    rows = connection.execute(
        "SELECT kind, name, status FROM jobs WHERE status IN ('InProgress', 'Stopping') ORDER BY created"
    )
    for row in rows:
        yield f"{row['name']} ({row['kind']}, {row['status']})"


def _sizes(home: Home) -> dict[str, int]:
    folders = {
        "objects": home.buckets,
        "jobs": home.jobs,
        "functions": home.functions,
        "devices": home.devices,
        "logs": home.logs,
    }
    database = sum(path.stat().st_size for path in home.folder.glob(f"{home.database.name}*") if path.is_file())
    return {"database": database} | {name: _bytes_in(folder) for name, folder in folders.items()}


def _bytes_in(folder: Path) -> int:
    found, left = 0, _COUNTED_FILES
    for here, _, names in os.walk(folder):
        for name in names[:left]:
            try:
                found += os.lstat(os.path.join(here, name)).st_size  # noqa: PTH118 - of very many
            except OSError:
                continue  # it has gone meanwhile
        left -= len(names)
        if left <= 0:
            break
    return found
