"""Labeling jobs: created, described, listed and stopped; people answer, and the engine's chore does the rest."""

import json
import sqlite3
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cloud_side.local.jobs.kinds import arn
from cloud_side.local.jobs.places import Address, PlanError
from cloud_side.local.services.sagemaker import labeling_tasks
from cloud_side.local.services.sagemaker.labeling_tasks import LabelingStatus, find_job
from cloud_side.local.services.sagemaker.names import checked, refused, stamp
from cloud_side.local.services.sagemaker.pages import Listing, page
from cloud_side.local.wiring import Answer, Parameters, Read, RefusedRequest, Request, Write, refusing

TABLES = labeling_tasks.TABLES
KIND = "labeling-job"
_LISTING = Listing(
    "labeling_jobs",
    sorts={"Name": "name", "CreationTime": "created", "Status": "status"},
    filters={"StatusEquals": "status = ?"},
)
_DESCRIBED = (
    "LabelingJobName",
    "LabelAttributeName",
    "InputConfig",
    "OutputConfig",
    "RoleArn",
    "LabelCategoryConfigS3Uri",
    "HumanTaskConfig",
    "Tags",
)
_ATTRIBUTE = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,126}"


def _create(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    name = checked(parameters["LabelingJobName"], "LabelingJobName")
    _check(parameters)
    if find_job(connection, name) is not None:
        msg = f"a labeling job with the name {name!r} already exists ({arn(KIND, name)})"
        raise RefusedRequest("ResourceInUse", msg)
    labeling_tasks.insert_job(connection, name, dict(parameters), request.now)
    return {"LabelingJobArn": arn(KIND, name)}


def _check(parameters: Parameters) -> None:
    attribute = checked(parameters["LabelAttributeName"], "LabelAttributeName", _ATTRIBUTE)
    if attribute.endswith(("-metadata", "-ref")):
        msg = f"LabelAttributeName is {attribute!r}, expected one that ends neither in -metadata nor in -ref"
        raise refused(msg)
    source = parameters["InputConfig"]["DataSource"].get("S3DataSource")
    if source is None:
        msg = "InputConfig has no S3DataSource, expected one: this engine knows no streaming labeling jobs"
        raise refused(msg)
    for member in ("LabelingJobAlgorithmsConfig", "StoppingConditions"):
        if member in parameters:
            msg = f"{member} is there, expected none: on this engine people label everything"
            raise refused(msg)
    with refusing("ValidationException", PlanError):
        Address.parse(source["ManifestS3Uri"])
        Address.parse(parameters["OutputConfig"]["S3OutputPath"])


def _describe(request: Request) -> Answer:
    row = _found(request.database.connection(), request)
    asked = json.loads(row["request"])
    return {
        **{name: asked[name] for name in _DESCRIBED if name in asked},
        "LabelingJobStatus": row["status"],
        "LabelingJobArn": arn(KIND, row["name"]),
        "JobReferenceCode": str(uuid.uuid5(uuid.NAMESPACE_URL, arn(KIND, row["name"]))),
        "LabelCounters": _counters(row),
        "CreationTime": datetime.fromisoformat(row["created"]),
        "LastModifiedTime": datetime.fromisoformat(row["modified"]),
        **_outcome(row),
    }


def _stop(request: Request, connection: sqlite3.Connection) -> Answer:
    row = _found(connection, request)
    if row["status"] in labeling_tasks.ENDED:
        msg = f"The request was rejected because the labeling job is in status {row['status']}"
        raise refused(msg)
    connection.execute(
        "UPDATE labeling_jobs SET status = ?, modified = ? WHERE name = ?",
        (LabelingStatus.STOPPING, stamp(request.now), row["name"]),
    )
    return {}


def _list(request: Request) -> Answer:
    found, token = page(request.database.connection(), _LISTING, request.parameters)
    return {"LabelingJobSummaryList": [_summary(row) for row in found]} | token


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    asked = json.loads(row["request"])
    human = asked["HumanTaskConfig"]
    consolidation = human.get("AnnotationConsolidationConfig", {})
    optional = {
        name: where[name]
        for name, where in (
            ("PreHumanTaskLambdaArn", human),
            ("AnnotationConsolidationLambdaArn", consolidation),
        )
        if name in where
    }
    return optional | {
        "LabelingJobName": row["name"],
        "LabelingJobArn": arn(KIND, row["name"]),
        "LabelingJobStatus": row["status"],
        "LabelCounters": _counters(row),
        "WorkteamArn": human["WorkteamArn"],
        "CreationTime": datetime.fromisoformat(row["created"]),
        "LastModifiedTime": datetime.fromisoformat(row["modified"]),
        "InputConfig": asked["InputConfig"],
        **_outcome(row),
    }


def _counters(row: sqlite3.Row) -> dict[str, int]:
    return {
        "TotalLabeled": row["answered"],
        "HumanLabeled": row["answered"],
        "MachineLabeled": 0,
        "FailedNonRetryableError": row["expired"],
        "Unlabeled": row["tasks"] - row["answered"] - row["expired"],
    }


def _outcome(row: sqlite3.Row) -> dict[str, Any]:
    failure = {} if row["failure"] is None else {"FailureReason": row["failure"]}
    return failure | ({} if row["output"] is None else {"LabelingJobOutput": {"OutputDatasetS3Uri": row["output"]}})


def _found(connection: sqlite3.Connection, request: Request) -> sqlite3.Row:
    name = request.parameters["LabelingJobName"]
    if (row := find_job(connection, name)) is None:
        msg = f"labeling job {arn(KIND, name)} does not exist"
        raise RefusedRequest("ResourceNotFound", msg)
    return row


READS: Final[Mapping[str, Read]] = {"DescribeLabelingJob": _describe, "ListLabelingJobs": _list}
WRITES: Final[Mapping[str, Write]] = {"CreateLabelingJob": _create, "StopLabelingJob": _stop}
