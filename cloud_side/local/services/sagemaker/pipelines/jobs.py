"""The jobs that do the work of steps: named, begun, stopped, and what became of them."""

import hashlib
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloud_side.local.calling import Caller
from cloud_side.local.jobs import rows
from cloud_side.local.jobs.describe import emit
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.places import PlanError
from cloud_side.local.jobs.planning import plan_of
from cloud_side.local.jobs.report import JobStatus
from cloud_side.local.jobs.rows import Job
from cloud_side.local.services.sagemaker.pipelines.checking import argument_problems
from cloud_side.local.services.sagemaker.pipelines.rows import Execution, StepState

_LONGEST_STEP, _LONGEST_MARK = 28, 10


def job_name(execution: str, step: str, attempt: int) -> str:
    """Return the name of a step's job, as SageMaker makes it: the same one for the same attempt."""
    mark = hashlib.sha256(f"{execution}/{step}/{attempt}".encode()).hexdigest()[:_LONGEST_MARK]
    word = step.replace("_", "-")[:_LONGEST_STEP].strip("-") or "step"
    return f"pipelines-{execution}-{word}-{mark}"


def job_problem(connection: sqlite3.Connection, kind: JobKind, name: str, arguments: Mapping[str, Any]) -> str | None:
    """Return why a job cannot be begun; None where it can."""
    if problems := argument_problems(kind, arguments):
        return f"ClientError: {'; '.join(problems)}"
    try:
        plan_of(kind, {f"{kind.word}Name": name, **arguments})
    except PlanError as error:
        return f"ClientError: {error}"
    if rows.find(connection, kind, name) is not None:
        return f"ClientError: a job with the name {name} is there already"
    return None


def begin_job(
    connection: sqlite3.Connection, execution: Execution, state: StepState, arguments: Mapping[str, Any], now: datetime
) -> None:
    """Keep the job of a step, which the engine will run, in the transaction in which the step begins."""
    assert state.job_kind is not None and state.job is not None  # noqa: S101, PT018 - for the type checker
    request = {f"{state.job_kind.word}Name": state.job, **arguments}
    caller = Caller(execution.arn, f"{execution.arn}/{state.name}/{state.attempt}")
    emit(connection, rows.insert(connection, state.job_kind, state.job, request, now=now, caller=caller), now)


def job_of(connection: sqlite3.Connection, state: StepState) -> Job | None:
    """Return the job of a step; None where it has none, or it was forgotten."""
    if state.job_kind is None or state.job is None:
        return None
    return rows.find(connection, state.job_kind, state.job)


def stop_job(connection: sqlite3.Connection, state: StepState, now: datetime) -> None:
    """Have the job of a step stopped, if it runs."""
    job = job_of(connection, state)
    if job is not None and job.status is JobStatus.IN_PROGRESS:
        emit(connection, rows.update(connection, job, JobStatus.STOPPING, job.report, now), now)
