"""Executions on a stage: the real service and interpreter, tasks from a table, and a clock that is set."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloud_side.local import outbox, wiring
from cloud_side.local.calling import Caller
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.stepfunctions import STEP_FUNCTIONS
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.interpreter import Interpreter, Task
from cloud_side.local.states.store import Json
from tests.cloud.local.shapes import validate_answers

ROLE = "arn:aws:iam::000000000000:role/machine"
TOKEN_TASK = "arn:aws:states:::aws-sdk:sns:publish.waitForTaskToken"
SYNC_TASK = "arn:aws:states:::sagemaker:createTrainingJob.sync"
CALL_TASK = "arn:aws:states:::aws-sdk:sns:publish"


class Stage:
    """One home's executions; nothing moves but by `run`, and the clock stands until it is moved."""

    def __init__(self, client: Any, database: Database) -> None:
        self.client = client
        self.database = database
        self.now = 1_800_000_000.0
        self.answers: dict[str, Callable[[Task], Json]] = {}
        self.started: list[Task] = []
        self.succeeded: list[Task] = []
        self.callers: list[Caller] = []
        self.done: dict[str, Json] = {}
        self.items: list[Json] = []
        self.written: list[dict[str, Any]] = []
        self.interpreter = Interpreter(database, self, self, clock=lambda: self.now, draw=random.Random(1))

    def start(self, task: Task, caller: Caller) -> Json:
        self.started.append(task)
        self.callers.append(caller)
        answer = self.answers.get(task.state, lambda task: task.arguments)(task)
        self.succeeded.append(task)
        return answer

    def check(self, task: Task, handle: Json) -> Json | None:
        return self.done.get(task.state)

    def pause_s(self, age_s: float) -> float:
        return 10.0

    def read(self, reader: Json, cursor: Json, limit: int) -> tuple[list[Json], Json | None]:
        begin = cursor or 0
        end = begin + limit
        return self.items[begin:end], None if end >= len(self.items) else end

    def write(self, writer: Json, run: str, records: Iterator[dict[str, Any]]) -> Json:
        self.written = list(records)
        return {"Bucket": "bucket", "Key": f"{run}/manifest.json"}

    def begin(self, states: Json, execution_input: Json = None, *, start_at: str | None = None, **more: Json) -> str:
        """Start an execution of these states and return its ARN; nothing has moved yet."""
        definition = {"QueryLanguage": "JSONata", "StartAt": start_at or next(iter(states)), "States": states, **more}
        machines = self.client.list_state_machines()["stateMachines"]
        machine = self.client.create_state_machine(
            name=f"machine-{len(machines)}", definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        started = self.client.start_execution(stateMachineArn=machine, input=json.dumps(execution_input))
        return str(started["executionArn"])

    def run(self, *, until: float = float("inf")) -> None:
        """Move everything, and the clock, until nothing is due before an instant."""
        while True:
            self.interpreter.expire()
            if due := self.interpreter.due(besides=(), most=1):
                self.interpreter.advance(due[0])
                continue
            at = self.interpreter.next_due_at()
            if at is None or at > until:
                return
            self.now = max(self.now, at)

    def ended(self, arn: str) -> tuple[str, Json]:
        """Return how an execution stands: status, and output or error."""
        told = self.client.describe_execution(executionArn=arn)
        if "output" in told:
            return told["status"], json.loads(told["output"])
        return told["status"], told.get("error")

    def history(self, arn: str) -> list[str]:
        """Return the types of all that happened."""
        pages = self.client.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event["type"] for page in pages for event in page["events"]]

    def token(self, state: str) -> str:
        """Return the token of the strand that is in a state."""
        row = self.database.connection().execute("SELECT token FROM strands WHERE state = ?", (state,)).fetchone()
        return str(row["token"])


class Theater:
    """A home that is kept for many stages, one after the other: opening one takes longer than most tests."""

    def __init__(self, folder: Path) -> None:
        home = Home(folder / "engine")
        home.make()
        self.database = Database(home.database, [wiring.TABLES, outbox.TABLES, STEP_FUNCTIONS.tables])
        session = wiring.local_session(home, self.database, [STEP_FUNCTIONS], clock=lambda: self._stage.now)
        validate_answers(session)
        self._client = session.client("stepfunctions")

    def stage(self) -> Stage:
        """Return an empty one."""
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        with self.database.transaction() as connection:
            for (name,) in connection.execute(tables).fetchall():
                connection.execute(f"DELETE FROM {name}")
        self._stage = Stage(self._client, self.database)
        return self._stage


@contextmanager
def theater(folder: Path) -> Iterator[Theater]:
    opened = Theater(folder)
    yield opened
    opened.database.close()


def fails(error: str, cause: str = "") -> Callable[[Task], Json]:
    """Return an answer that is a failure."""

    def fail(_: Task) -> Json:
        raise StateFailure(error, cause)

    return fail
