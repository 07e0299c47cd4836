"""Our interpreter on a clock on which waiting takes no time, for the comparison with sfnx."""

import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cloud_side.local import outbox, wiring
from cloud_side.local.calling import Caller
from cloud_side.local.database import Database
from cloud_side.local.services.stepfunctions import STEP_FUNCTIONS, start_execution
from cloud_side.local.states import control, interpreter, machine, store
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.interpreter import Task
from tests.cloud.local.states.corpus import Json, TaskFailed
from tests.cloud.local.states.oracle import START, Call, Outcome, Tasks, Wait

MACHINE = "arn:aws:states:eu-central-1:000000000000:stateMachine:machine"
EXECUTION = MACHINE.replace("stateMachine", "execution") + ":execution"
_SFNX_EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:machine:execution"


@dataclass
class Stage:
    """Answers tasks and readers from a script, and notes what was asked; the clock stands until it is moved."""

    database: Database
    script: Tasks
    now: float = field(default_factory=START.timestamp)
    strand: int = 0
    calls: list[Call] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    drawn: dict[str, str] = field(default_factory=dict)
    _items: list[list[Json]] = field(default_factory=list)

    def start(self, task: Task, caller: Caller) -> Json:
        self.drawn[caller.token] = "token"
        self.calls.append(Call(task.state, task.resource, task.arguments))
        is_later = task.resource.endswith((".sync", ".sync:2", ".waitForTaskToken"))
        try:
            said: Json = {"output": self.script(task.state, task.resource, task.arguments)}
        except TaskFailed as failed:
            if failed.error in ("States.Timeout", "States.HeartbeatTimeout") and is_later and caller.deadline:
                if failed.error == "States.Timeout":  # it is never silent, and never done
                    with self.database.transaction() as connection:
                        connection.execute("UPDATE strands SET heartbeat_at = NULL WHERE token = ?", (caller.token,))
                return {"never": True}
            if not is_later:
                raise StateFailure(failed.error, failed.cause) from failed
            said = {"error": failed.error, "cause": failed.cause}
        if task.resource.endswith(".waitForTaskToken"):
            with self.database.transaction() as connection:
                assert control.answer(connection, caller.token, said, now=self.now)
            return {}
        return said if is_later else said["output"]

    def check(self, task: Task, handle: Json) -> Json | None:
        if "never" in handle:
            return None
        if "error" in handle:
            raise StateFailure(handle["error"], handle["cause"])
        return handle["output"]

    def pause_s(self, age_s: float) -> float:
        return max(1.0, age_s)

    def read(self, reader: Json, cursor: Json, limit: int) -> tuple[list[Json], Json | None]:
        if cursor is None:
            state = store.strand_of(self.database.connection(), self.strand).state
            self.calls.append(Call(state, reader["Resource"], reader.get("Arguments")))
            try:
                self._items.append(self.script(state, reader["Resource"], reader.get("Arguments")))
            except TaskFailed as failed:
                raise StateFailure(failed.error, failed.cause) from failed
            cursor = [len(self._items) - 1, 0]
        number, begin = cursor
        items = self._items[number]
        end = begin + limit
        return items[begin:end], None if end >= len(items) else [number, end]

    def write(self, writer: Json, run: str, records: Iterator[dict[str, Any]]) -> Json:
        for _ in records:
            pass
        arguments = writer["Arguments"]
        return {"Bucket": arguments["Bucket"], "Key": f"{arguments['Prefix']}/{run.rpartition(':')[2]}/manifest.json"}

    def enter(self, state: machine.State, view: machine.View) -> machine.Step:
        step = machine.enter(state, view)
        if isinstance(step, machine.Slept):
            until = None if step.until is None else step.until.astimezone(UTC)
            self.waits.append(Wait(view.context["State"]["Name"], step.seconds, until))
        return step


_TABLES = ("definitions", "machines", "executions", "strands", "history", "stops", "map_runs", "emitted", "answered")


class Ours:
    """Runs definitions as tests.cloud.local.states.oracle.Interpreter, one after the other in one file."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "engine.sqlite"
        self._database = Database(path, [wiring.TABLES, outbox.TABLES, STEP_FUNCTIONS.tables])

    def close(self) -> None:
        self._database.close()
        self._folder.cleanup()

    def run(
        self,
        definition: str,
        execution_input: Json,
        tasks: Tasks,
        *,
        objects: object = None,
        seed: int | None = None,
    ) -> Outcome:
        del objects  # its readers have tests of their own
        told = definition.replace('"EXPRESS"', '"STANDARD"')  # so that children have a history
        with self._database.transaction() as connection:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")
        return self._run(self._database, told, execution_input, tasks, seed)

    def _run(
        self, database: Database, definition: str, execution_input: Json, tasks: Tasks, seed: int | None
    ) -> Outcome:
        stage = Stage(database, tasks)
        with database.transaction() as connection:
            digest = store.keep_definition(connection, definition)
            connection.execute(
                "INSERT INTO machines VALUES (?, 'machine', 'arn:aws:iam::000000000000:role/machine', ?, 'r', 0, 0)",
                (MACHINE, digest),
            )
            start_execution(
                connection,
                machine_arn=MACHINE,
                name="execution",
                input_text=json.dumps(execution_input),
                now=START,
            )
        moving = interpreter.Interpreter(database, stage, stage, clock=lambda: stage.now, draw=random.Random(seed or 0))
        draw = None if seed is None else random.Random(seed)
        with patch.object(interpreter, "enter", stage.enter):
            while (chosen := _next(database, draw, stage.now)) is not None:
                stage.strand = chosen["id"]
                stage.now = max(stage.now, min(chosen["due"], _deadline(database)))
                moving.expire()
                moving.advance(chosen["id"])
        return _outcome(database, stage)


def _next(database: Database, draw: random.Random | None, now: float) -> Any:
    """Return the strand that goes on: the first in the definition's order, or one drawn of those due next."""
    going = "SELECT * FROM strands WHERE status = 'RUNNING' AND due IS NOT NULL"
    rows = database.connection().execute(going).fetchall()
    if not rows:
        return None
    if draw is None:
        return min(rows, key=lambda row: _order(database, row))
    next_due = max(now, min(row["due"] for row in rows))
    return draw.choice([row for row in rows if row["due"] <= next_due])


def _deadline(database: Database) -> float:
    (at,) = database.connection().execute("SELECT MIN(deadline) FROM executions WHERE status = 'RUNNING'").fetchone()
    return float("inf") if at is None else float(at)


def _order(database: Database, row: Any) -> tuple[int, ...]:
    """Return the places on the way from the execution's root to a strand."""
    connection = database.connection()
    if row["parent"] is not None:
        above = connection.execute("SELECT * FROM strands WHERE id = ?", (row["parent"],)).fetchone()
        return (*_order(database, above), row["place"])
    above = connection.execute(
        "SELECT s.*, e.place AS child FROM executions e JOIN map_runs m ON m.arn = e.map_run"
        " JOIN strands s ON s.id = m.strand WHERE e.arn = ?",
        (row["execution"],),
    ).fetchone()
    return () if above is None else (*_order(database, above), above["child"])


def _outcome(database: Database, stage: Stage) -> Outcome:
    connection = database.connection()
    ended = connection.execute("SELECT * FROM executions WHERE arn = ?", (EXECUTION,)).fetchone()
    children = connection.execute("SELECT arn, name FROM executions WHERE map_run IS NOT NULL").fetchall()
    drawn = dict(stage.drawn)
    for child in children:
        drawn |= {child["arn"]: _SFNX_EXECUTION, child["name"]: "execution"}
    entered = connection.execute("SELECT details FROM history WHERE type LIKE '%StateEntered' ORDER BY at, id")
    return Outcome(
        status=ended["status"],
        output=None if ended["output"] is None else json.loads(ended["output"]),
        error=ended["error"],
        cause=ended["cause"],
        entered=tuple(json.loads(row["details"])["name"] for row in entered),
        calls=tuple(stage.calls),
        waits=tuple(stage.waits),
        elapsed_s=ended["stopped_at"] - ended["started_at"],
        drawn=drawn,
    )
