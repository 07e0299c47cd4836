"""Pipelines, their executions, and the steps of these, as they are kept."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cloud_side.local.jobs.kinds import JobKind, arn
from cloud_side.local.services.sagemaker.names import stamp
from cloud_side.local.services.sagemaker.pipelines.parameters import Value

TABLES = """
CREATE TABLE IF NOT EXISTS pipelines (
    name TEXT PRIMARY KEY, definition TEXT NOT NULL, request TEXT NOT NULL, client_token TEXT NOT NULL,
    creator TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL, run TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pipeline_executions (
    name TEXT PRIMARY KEY, pipeline TEXT NOT NULL, definition TEXT NOT NULL, given TEXT NOT NULL, request TEXT NOT NULL,
    client_token TEXT NOT NULL, creator TEXT NOT NULL, status TEXT NOT NULL, failure TEXT, version INTEGER NOT NULL,
    created TEXT NOT NULL, modified TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pipeline_steps (
    execution TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL, job_kind TEXT,
    job TEXT, outcome TEXT, failure TEXT, created TEXT NOT NULL, ended TEXT, due TEXT, PRIMARY KEY (execution, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pipeline_executions_token ON pipeline_executions (pipeline, client_token);
CREATE INDEX IF NOT EXISTS pipeline_executions_moving ON pipeline_executions (created)
    WHERE status IN ('Executing', 'Stopping')
"""
KIND = "pipeline"
_LONGEST_REASON = 1300


class Status(StrEnum):
    """PipelineExecutionStatus and StepStatus."""

    STARTING = "Starting"
    EXECUTING = "Executing"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    FAILED = "Failed"
    SUCCEEDED = "Succeeded"


MOVING = (Status.EXECUTING, Status.STOPPING)


@dataclass(frozen=True)
class StepState:
    """How far a step has come.

    Attributes:
        status: Starting, while it waits for its next attempt, has nothing that runs.
        attempt: Counted from 1.
        job_kind: Of the job that does its work; None where none does.
        outcome: Of a Condition that has been decided.
        due: When a step that is starting may begin.
    """

    name: str
    status: Status
    created: datetime
    attempt: int = 1
    job_kind: JobKind | None = None
    job: str | None = None
    outcome: bool | None = None
    failure: str | None = None
    ended: datetime | None = None
    due: datetime | None = None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "StepState":
        """Return the state of a row."""
        return cls(
            name=row["name"],
            status=Status(row["status"]),
            created=datetime.fromisoformat(row["created"]),
            attempt=row["attempt"],
            job_kind=None if row["job_kind"] is None else JobKind(row["job_kind"]),
            job=row["job"],
            outcome=None if row["outcome"] is None else row["outcome"] == "True",
            failure=row["failure"],
            ended=_time(row["ended"]),
            due=_time(row["due"]),
        )


@dataclass(frozen=True)
class Execution:
    """One execution of a pipeline.

    Attributes:
        name: Its id.
        definition: The text with which it began.
        given: The value of each parameter.
        request: What StartPipelineExecution was given, but for parameters.
        version: Another one after each change: whoever decided by an old one decides again.
    """

    name: str
    pipeline: str
    definition: str
    given: Mapping[str, Value]
    request: Mapping[str, Any]
    creator: Mapping[str, Any]
    status: Status
    failure: str | None
    version: int
    created: datetime
    modified: datetime

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"{arn(KIND, self.pipeline)}/execution/{self.name}"

    @property
    def most_at_once(self) -> int | None:
        """How many steps run at the same time; None without end."""
        most: int | None = self.request.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps")
        return most

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Execution":
        """Return the execution of a row."""
        return cls(
            name=row["name"],
            pipeline=row["pipeline"],
            definition=row["definition"],
            given=json.loads(row["given"]),
            request=json.loads(row["request"]),
            creator=json.loads(row["creator"]),
            status=Status(row["status"]),
            failure=row["failure"],
            version=row["version"],
            created=datetime.fromisoformat(row["created"]),
            modified=datetime.fromisoformat(row["modified"]),
        )


def find_execution(connection: sqlite3.Connection, name: str) -> Execution | None:
    """Return an execution by its id; None where there is none."""
    row = connection.execute("SELECT * FROM pipeline_executions WHERE name = ?", (name,)).fetchone()
    return None if row is None else Execution.from_row(row)


def moving_executions(connection: sqlite3.Connection) -> list[Execution]:
    """Return the executions that have not ended, the oldest first."""
    rows = connection.execute(
        "SELECT * FROM pipeline_executions WHERE status IN ('Executing', 'Stopping') ORDER BY created"
    )
    return [Execution.from_row(row) for row in rows]


def update_execution(  # noqa: PLR0913 - what may change of an execution
    connection: sqlite3.Connection,
    execution: Execution,
    status: Status,
    *,
    failure: str | None = None,
    request: Mapping[str, Any] | None = None,
    now: datetime,
) -> Execution | None:
    """Keep how an execution stands, and return it; None where it has changed meanwhile, and nothing is kept.

    Of the failure as much is kept as DescribePipelineExecution tells.
    """
    row = connection.execute(
        "UPDATE pipeline_executions SET status = ?, failure = ?, request = ?, modified = ?, version = version + 1"
        " WHERE name = ? AND version = ? RETURNING *",
        (
            status,
            None if failure is None else failure[:_LONGEST_REASON],
            json.dumps(dict(execution.request if request is None else request)),
            stamp(now),
            execution.name,
            execution.version,
        ),
    ).fetchone()
    return None if row is None else Execution.from_row(row)


def steps_of(connection: sqlite3.Connection, execution: str) -> dict[str, StepState]:
    """Return how far the steps of an execution have come, by name; one that has not begun is not there."""
    rows = connection.execute("SELECT * FROM pipeline_steps WHERE execution = ? ORDER BY created, name", (execution,))
    return {row["name"]: StepState.from_row(row) for row in rows}


def keep_step(connection: sqlite3.Connection, execution: str, state: StepState) -> None:
    """Keep how far a step has come."""
    values = (
        execution,
        state.name,
        state.status,
        state.attempt,
        state.job_kind,
        state.job,
        None if state.outcome is None else str(state.outcome),
        state.failure,
        stamp(state.created),
        None if state.ended is None else stamp(state.ended),
        None if state.due is None else stamp(state.due),
    )
    connection.execute(
        "INSERT OR REPLACE INTO pipeline_steps (execution, name, status, attempt, job_kind, job, outcome, failure,"
        " created, ended, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def delete_executions(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Forget executions with their steps."""
    for table, column in (("pipeline_steps", "execution"), ("pipeline_executions", "name")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(name,) for name in names])  # noqa: S608 - ours


def delete_ended_before(connection: sqlite3.Connection, moment: datetime, most: int) -> int:
    """Forget some of the executions that ended before a moment, and return how many."""
    found = connection.execute(
        "SELECT name FROM pipeline_executions WHERE status NOT IN ('Executing', 'Stopping') AND modified < ? LIMIT ?",
        (stamp(moment), most),
    ).fetchall()
    delete_executions(connection, [row["name"] for row in found])
    return len(found)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
