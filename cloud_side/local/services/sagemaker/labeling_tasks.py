"""The tasks of labeling jobs: one an image, open until a person has answered it; called by whoever shows them."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cloud_side.local.services.sagemaker.names import stamp

TABLES = """
CREATE TABLE IF NOT EXISTS labeling_jobs (
    name TEXT PRIMARY KEY, request TEXT NOT NULL, status TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
    opened TEXT, tasks INTEGER NOT NULL, answered INTEGER NOT NULL, expired INTEGER NOT NULL, ending TEXT, failure TEXT,
    output TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labeling_tasks (
    job TEXT NOT NULL, line INTEGER NOT NULL, content TEXT NOT NULL, label TEXT, metadata TEXT, answered TEXT,
    PRIMARY KEY (job, line)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labeling_jobs_unfinished ON labeling_jobs (created)
    WHERE status IN ('Initializing', 'InProgress', 'Stopping');
CREATE INDEX IF NOT EXISTS labeling_tasks_open ON labeling_tasks (job, line) WHERE answered IS NULL
"""


class LabelingStatus(StrEnum):
    """LabelingJobStatus."""

    INITIALIZING = "Initializing"
    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


ENDED = (LabelingStatus.COMPLETED, LabelingStatus.FAILED, LabelingStatus.STOPPED)


class AnswerError(Exception):
    """An answer that nobody can use; the message says why."""


@dataclass(frozen=True)
class LabelingTask:
    """One image to be labeled.

    Attributes:
        line: Of the input manifest, from 1.
        content: What that line says: `source-ref`, labels of before, and whatever else it has.
    """

    line: int
    content: Mapping[str, Any]


def open_tasks(connection: sqlite3.Connection, job: str, *, after: int = 0, most: int = 100) -> list[LabelingTask]:
    """Return the tasks of a job that nobody has answered, in the order of its manifest.

    Args:
        connection: For reading.
        job: Its name; there are none while it is not in progress.
        after: Only lines after this one.
        most: So many at most.
    """
    found = connection.execute(
        "SELECT line, content FROM labeling_tasks JOIN labeling_jobs ON name = job"
        " WHERE job = ? AND status = ? AND ending IS NULL AND labeling_tasks.answered IS NULL AND line > ?"
        " ORDER BY line LIMIT ?",
        (job, LabelingStatus.IN_PROGRESS, after, most),
    )
    return [LabelingTask(row["line"], json.loads(row["content"])) for row in found]


def answer(  # noqa: PLR0913 - what an answer is made of
    connection: sqlite3.Connection,
    job: str,
    line: int,
    label: Any,  # noqa: ANN401 - any JSON
    metadata: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Keep the answer to a task, in the caller's transaction; the last one counts, as long as the job is in progress.

    Args:
        connection: Of the transaction.
        job: Its name.
        line: Which task.
        label: What the output manifest says under the label attribute.
        metadata: What it says of that, e.g. `class-map`; `job-name`, `human-annotated` and `creation-date` are added.
        now: When the person answered.

    Raises:
        AnswerError: If there is no such task, or the job takes no answers.
    """
    found = find_job(connection, job)
    if found is None or found["status"] != LabelingStatus.IN_PROGRESS or found["ending"] is not None:
        status = "not there" if found is None else found["ending"] or found["status"]
        msg = f"labeling job {job!r} is {status}, expected one in progress"
        raise AnswerError(msg)
    task = connection.execute("SELECT answered FROM labeling_tasks WHERE job = ? AND line = ?", (job, line)).fetchone()
    if task is None:
        msg = f"labeling job {job!r} has no line {line}, expected one of its manifest's"
        raise AnswerError(msg)
    connection.execute(
        "UPDATE labeling_tasks SET label = ?, metadata = ?, answered = ? WHERE job = ? AND line = ?",
        (json.dumps(label), json.dumps(dict(metadata)), stamp(now), job, line),
    )
    if task["answered"] is None:
        connection.execute(
            "UPDATE labeling_jobs SET answered = answered + 1, modified = ? WHERE name = ?", (stamp(now), job)
        )


def insert_job(connection: sqlite3.Connection, name: str, request: Mapping[str, Any], now: datetime) -> None:
    """Keep a new job, whose manifest the engine's chore will read."""
    connection.execute(
        "INSERT INTO labeling_jobs (name, request, status, created, modified, tasks, answered, expired)"
        " VALUES (?, ?, ?, ?, ?, 0, 0, 0)",
        (name, json.dumps(request), LabelingStatus.INITIALIZING, stamp(now), stamp(now)),
    )


def find_job(connection: sqlite3.Connection, name: str) -> sqlite3.Row | None:
    """Return the row of a job; None where there is none of that name."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM labeling_jobs WHERE name = ?", (name,)).fetchone()
    return row


def unfinished_jobs(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Return the jobs that have not ended, the oldest first."""
    return connection.execute(
        "SELECT * FROM labeling_jobs WHERE status IN ('Initializing', 'InProgress', 'Stopping') ORDER BY created"
    ).fetchall()


def delete_ended_before(connection: sqlite3.Connection, moment: datetime, most: int) -> int:
    """Forget some of the jobs that ended before a moment, with their tasks, and return how many."""
    found = connection.execute(
        "SELECT name FROM labeling_jobs WHERE status NOT IN ('Initializing', 'InProgress', 'Stopping') AND modified < ?"
        " LIMIT ?",
        (stamp(moment), most),
    ).fetchall()
    names = [(row["name"],) for row in found]
    connection.executemany("DELETE FROM labeling_tasks WHERE job = ?", names)
    connection.executemany("DELETE FROM labeling_jobs WHERE name = ?", names)
    return len(names)
