"""The jobs in the database: one row each, changed in the transaction in which its event is emitted."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_side.local.calling import Caller
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.report import JobStatus, Report, Stage, Transition

TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    kind TEXT NOT NULL, name TEXT NOT NULL, request TEXT NOT NULL, scope TEXT, token TEXT, status TEXT NOT NULL,
    created TEXT NOT NULL, modified TEXT NOT NULL, report TEXT NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (created) WHERE status IN ('InProgress', 'Stopping')
"""
UNFINISHED = (JobStatus.IN_PROGRESS, JobStatus.STOPPING)


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        request: As given to the client.
        caller: In whose name its programs act; None where a person started it.
    """

    kind: JobKind
    name: str
    request: dict[str, Any]
    status: JobStatus
    created: datetime
    modified: datetime
    report: Report
    caller: Caller | None = None

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.kind.arn(self.name)

    @property
    def secondary(self) -> Stage:
        """The stage that is shown: one that shall stop is stopping, whatever it still does."""
        return Stage.STOPPING if self.status is JobStatus.STOPPING else self.report.stage

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Job":
        """Return the job of a row."""
        return cls(
            JobKind(row["kind"]),
            row["name"],
            json.loads(row["request"]),
            JobStatus(row["status"]),
            datetime.fromisoformat(row["created"]),
            datetime.fromisoformat(row["modified"]),
            Report.from_json(row["report"]),
            None if row["token"] is None else Caller(row["scope"], row["token"]),
        )


def insert(  # noqa: PLR0913 - a row has so many columns
    connection: sqlite3.Connection,
    kind: JobKind,
    name: str,
    request: dict[str, Any],
    *,
    now: datetime,
    caller: Caller | None,
) -> Job:
    """Keep a new job, which the engine's chore will start.

    A caller's token is extended by the job's ARN: what the job calls is not what the task that created it called.
    """
    report = Report((Transition(Stage.STARTING, now, "Preparing the folder of the job"),))
    for_job = None if caller is None else Caller(caller.scope, f"{caller.token}/{kind.arn(name)}")
    scope, token = (None, None) if for_job is None else (for_job.scope, for_job.token)
    created = now.isoformat(timespec="microseconds")
    row = connection.execute(
        "INSERT INTO jobs (kind, name, request, scope, token, status, created, modified, report)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (kind, name, json.dumps(request), scope, token, JobStatus.IN_PROGRESS, created, created, report.to_json()),
    ).fetchone()
    return Job.from_row(row)


def find(connection: sqlite3.Connection, kind: JobKind, name: str) -> Job | None:
    """Return a job; None where there is none of that name."""
    row = connection.execute("SELECT * FROM jobs WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return None if row is None else Job.from_row(row)


def unfinished(connection: sqlite3.Connection) -> list[Job]:
    """Return the jobs that have not ended, the oldest first."""
    rows = connection.execute("SELECT * FROM jobs WHERE status IN ('InProgress', 'Stopping') ORDER BY created")
    return [Job.from_row(row) for row in rows]


def is_stopping(connection: sqlite3.Connection, kind: JobKind, name: str) -> bool:
    """Return whether somebody wishes that a job stops."""
    row = connection.execute("SELECT status FROM jobs WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return row is not None and row["status"] == JobStatus.STOPPING


def update(connection: sqlite3.Connection, job: Job, status: JobStatus, report: Report, now: datetime) -> Job:
    """Keep how far a job has come, and return it."""
    row = connection.execute(
        "UPDATE jobs SET status = ?, report = ?, modified = ? WHERE kind = ? AND name = ? RETURNING *",
        (status, report.to_json(), now.isoformat(timespec="microseconds"), job.kind, job.name),
    ).fetchone()
    return Job.from_row(row)


def ended_before(connection: sqlite3.Connection, moment: datetime, most: int) -> list[Job]:
    """Return some of the jobs that ended before a moment."""
    rows = connection.execute(
        "SELECT * FROM jobs WHERE status NOT IN ('InProgress', 'Stopping') AND modified < ? LIMIT ?",
        (moment.isoformat(timespec="microseconds"), most),
    )
    return [Job.from_row(row) for row in rows]


def delete(connection: sqlite3.Connection, job: Job) -> None:
    """Forget a job, whose name can be used again."""
    connection.execute("DELETE FROM jobs WHERE kind = ? AND name = ?", (job.kind, job.name))
