"""Training and processing jobs: created, described, listed and stopped; the engine's chore runs them."""

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from cloud_side.local.calling import current_caller
from cloud_side.local.jobs import rows
from cloud_side.local.jobs.describe import described, emit, ended
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.places import PlanError
from cloud_side.local.jobs.planning import plan_of
from cloud_side.local.jobs.report import JobStatus
from cloud_side.local.jobs.rows import Job
from cloud_side.local.services.sagemaker.names import checked, refused
from cloud_side.local.services.sagemaker.pages import Listing, page
from cloud_side.local.wiring import Answer, Read, RefusedRequest, Request, Write, refusing

TABLES = rows.TABLES
_LISTING = Listing(
    "jobs",
    sorts={"Name": "name", "CreationTime": "created", "Status": "status"},
    filters={"StatusEquals": "status = ?"},
)


def _create(request: Request, connection: sqlite3.Connection, *, kind: JobKind) -> Answer:
    name = checked(request.parameters[f"{kind.word}Name"], f"{kind.word}Name")
    with refusing("ValidationException", PlanError):
        plan_of(kind, request.parameters)
    if (before := rows.find(connection, kind, name)) is not None:
        msg = f"Job name must be unique within an account, and a job with this name already exists ({before.arn})"
        raise RefusedRequest("ResourceInUse", msg)
    job = rows.insert(connection, kind, name, dict(request.parameters), now=request.now, caller=current_caller())
    emit(connection, job, request.now)
    return {f"{kind.word}Arn": job.arn}


def _describe(request: Request, *, kind: JobKind) -> Answer:
    return described(_found(request.database.connection(), request, kind))


def _stop(request: Request, connection: sqlite3.Connection, *, kind: JobKind) -> Answer:
    job = _found(connection, request, kind)
    if job.status not in rows.UNFINISHED:
        msg = f"The request was rejected because the job {job.arn} is in status {job.status}"
        raise refused(msg)
    if job.status is JobStatus.IN_PROGRESS:
        emit(connection, rows.update(connection, job, JobStatus.STOPPING, job.report, request.now), request.now)
    return {}


def _list(request: Request, *, kind: JobKind) -> Answer:
    found, token = page(request.database.connection(), _LISTING, request.parameters, {"kind": kind})
    return {f"{kind.word}Summaries": [_summary(Job.from_row(row)) for row in found]} | token


def _found(connection: sqlite3.Connection, request: Request, kind: JobKind) -> Job:
    name = request.parameters[f"{kind.word}Name"]
    if (job := rows.find(connection, kind, name)) is None:
        msg = f"Requested resource not found: {kind.arn(name)}"
        raise refused(msg)  # AWS has ResourceNotFound for this in its model, and answers ValidationException
    return job


def _summary(job: Job) -> dict[str, Any]:
    word = job.kind.word
    summary: dict[str, Any] = {
        f"{word}Name": job.name,
        f"{word}Arn": job.arn,
        f"{word}Status": job.status,
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
    }
    if (end := ended(job)) is not None:
        summary[f"{word.removesuffix('Job')}EndTime"] = end
    match job.kind:
        case JobKind.TRAINING:
            return summary | {"SecondaryStatus": job.secondary}
        case JobKind.PROCESSING:
            full = described(job)
            return summary | {name: full[name] for name in ("FailureReason", "ExitMessage") if name in full}


READS: Final[Mapping[str, Read]] = {
    **{f"Describe{kind.word}": partial(_describe, kind=kind) for kind in JobKind},
    **{f"List{kind.word}s": partial(_list, kind=kind) for kind in JobKind},
}
WRITES: Final[Mapping[str, Write]] = {
    **{f"Create{kind.word}": partial(_create, kind=kind) for kind in JobKind},
    **{f"Stop{kind.word}": partial(_stop, kind=kind) for kind in JobKind},
}
