"""How an execution begins: its row, its first strand and its first event, in one transaction."""

import sqlite3
from dataclasses import dataclass

from cloud_side.local.states.store import Event, Json, Seed, dumps, plant, record


@dataclass(frozen=True)
class Beginning:
    """An execution to be.

    Attributes:
        machine: The state machine's ARN.
        definition: Hash of the definition.
        scope: Where in it the execution runs: empty, or the processor of a distributed map.
        start_at: The first state.
        deadline: Seconds since 1970 at which it is out of time.
        map_run: ARN of the map run that it is a child of.
        place: Its place among the children.
        items: How many items it takes.
        has_history: Whether its events are kept.
    """

    arn: str
    name: str
    machine: str
    role: str
    definition: str
    scope: tuple[str | int, ...]
    start_at: str
    input: Json
    deadline: float | None = None
    map_run: str | None = None
    place: int = 0
    items: int = 1
    has_history: bool = True


def begin_execution(connection: sqlite3.Connection, beginning: Beginning, *, now: float) -> None:
    """Let an execution begin with the caller's transaction."""
    given = dumps(beginning.input)
    connection.execute(
        "INSERT INTO executions (arn, name, machine, definition, scope, input, status, started_at, deadline, map_run,"
        " place, items, has_history) VALUES (?, ?, ?, ?, ?, ?, 'RUNNING', ?, ?, ?, ?, ?, ?)",
        (
            beginning.arn,
            beginning.name,
            beginning.machine,
            beginning.definition,
            dumps(beginning.scope),
            given,
            now,
            beginning.deadline,
            beginning.map_run,
            beginning.place,
            beginning.items,
            beginning.has_history,
        ),
    )
    started = Event("ExecutionStarted", {"input": given, "roleArn": beginning.role})
    last = record(connection, beginning.arn, [started], previous=0, now=now)
    seed = Seed(0, beginning.scope, beginning.start_at, beginning.input)
    plant(connection, beginning.arn, [seed], parent=None, now=now, last_event=last)
