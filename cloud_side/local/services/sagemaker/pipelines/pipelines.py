"""Operations on pipelines: created, changed, described, listed and deleted."""

import json
import sqlite3
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cloud_side.local.jobs.kinds import arn
from cloud_side.local.services.sagemaker.names import bare, checked, refused, stamp, whoever_calls
from cloud_side.local.services.sagemaker.pages import Listing, page
from cloud_side.local.services.sagemaker.pipelines import rows
from cloud_side.local.services.sagemaker.pipelines.checking import parse_definition
from cloud_side.local.services.sagemaker.pipelines.definition import DefinitionError
from cloud_side.local.services.sagemaker.pipelines.rows import KIND
from cloud_side.local.wiring import Answer, Parameters, Read, RefusedRequest, Request, Write, refusing

TABLES = rows.TABLES
NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}"
_LISTING = Listing(
    "pipelines",
    sorts={"Name": "name", "CreationTime": "created"},
    filters={"PipelineNamePrefix": "instr(name, ?) = 1"},
)
_KEPT = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
_NOT_THERE = (
    "PipelineDefinitionS3Location",
    "PipelineVersionAliases",
    "PipelineVersionId",
    "PipelineVersionAlias",
    "SelectiveExecutionConfig",
    "MlflowExperimentName",
    "ManagedBy",
)


def find_pipeline(connection: sqlite3.Connection, name_or_arn: str) -> sqlite3.Row:
    """Return the row of a pipeline.

    Raises:
        RefusedRequest: If there is none.
    """
    name = bare(KIND, name_or_arn)
    row: sqlite3.Row | None = connection.execute("SELECT * FROM pipelines WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise RefusedRequest("ResourceNotFound", f"Pipeline '{arn(KIND, name)}' does not exist.")
    return row


def refuse_what_is_not_there(parameters: Parameters) -> None:
    """Check that a request has nothing that this engine knows nothing of.

    Raises:
        RefusedRequest: If it has.
    """
    for name in _NOT_THERE:
        if name in parameters:
            message = f"{name} is not there on the local engine: a pipeline has one version, its definition is inline"
            raise RefusedRequest("NotOnLocalEngine", message, status=501)


def as_listed(parameters: Parameters, *, order: str) -> dict[str, Any]:
    """Return the parameters of a List operation by the names that the other ones of SageMaker have."""
    names = {"CreatedAfter": "CreationTimeAfter", "CreatedBefore": "CreationTimeBefore"}
    return {"SortOrder": order} | {names.get(name, name): value for name, value in parameters.items()}


def _create(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    refuse_what_is_not_there(parameters)
    name = checked(parameters["PipelineName"], "PipelineName", NAME)
    token = parameters.get("ClientRequestToken") or str(uuid.uuid4())
    before = connection.execute("SELECT client_token FROM pipelines WHERE name = ?", (name,)).fetchone()
    if before is not None and before["client_token"] == token:
        return {"PipelineArn": arn(KIND, name)}
    if before is not None:
        msg = (
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        )
        raise refused(msg)
    if "PipelineDefinition" not in parameters:
        msg = "Either Pipeline Definition or Pipeline Definition S3 location should be provided"
        raise refused(msg)
    _check(parameters["PipelineDefinition"])
    kept = {name: parameters[name] for name in _KEPT if name in parameters}
    now = stamp(request.now)
    connection.execute(
        "INSERT INTO pipelines (name, definition, request, client_token, creator, created, modified)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, parameters["PipelineDefinition"], json.dumps(kept), token, json.dumps(whoever_calls()), now, now),
    )
    return {"PipelineArn": arn(KIND, name)}


def _check(text: str) -> None:
    with refusing("ValidationException", DefinitionError):
        parse_definition(text)


def _update(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    refuse_what_is_not_there(parameters)
    row = find_pipeline(connection, parameters["PipelineName"])
    definition = parameters.get("PipelineDefinition", row["definition"])
    _check(definition)
    kept = json.loads(row["request"]) | {name: parameters[name] for name in _KEPT if name in parameters}
    connection.execute(
        "UPDATE pipelines SET definition = ?, request = ?, modified = ? WHERE name = ?",
        (definition, json.dumps(kept), stamp(request.now), row["name"]),
    )
    return {"PipelineArn": arn(KIND, row["name"])}


def _delete(request: Request, connection: sqlite3.Connection) -> Answer:
    name = find_pipeline(connection, request.parameters["PipelineName"])["name"]
    found = connection.execute("SELECT name, status FROM pipeline_executions WHERE pipeline = ?", (name,)).fetchall()
    running = [row["name"] for row in found if row["status"] in rows.MOVING]
    if running:
        message = f"Pipeline '{arn(KIND, name)}' has executions that run: {', '.join(running)}; stop them first"
        raise RefusedRequest("ConflictException", message)
    rows.delete_executions(connection, [row["name"] for row in found])
    connection.execute("DELETE FROM pipelines WHERE name = ?", (name,))
    return {"PipelineArn": arn(KIND, name)}


def _describe(request: Request) -> Answer:
    refuse_what_is_not_there(request.parameters)
    row = find_pipeline(request.database.connection(), request.parameters["PipelineName"])
    return {
        "PipelineName": row["name"],
        "PipelineDisplayName": row["name"],
        **json.loads(row["request"]),
        "PipelineArn": arn(KIND, row["name"]),
        "PipelineDefinition": row["definition"],
        "PipelineStatus": "Active",
        "CreatedBy": json.loads(row["creator"]),
        **_times(row, run="LastRunTime"),
    }


def _list(request: Request) -> Answer:
    refuse_what_is_not_there(request.parameters)
    parameters = as_listed(request.parameters, order="Descending")
    found, token = page(request.database.connection(), _LISTING, parameters)
    return {"PipelineSummaries": [_summary(row) for row in found]} | token


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(row["request"])
    kept.pop("ParallelismConfiguration", None)
    names = {"PipelineName": row["name"], "PipelineDisplayName": row["name"], "PipelineArn": arn(KIND, row["name"])}
    return names | kept | _times(row, run="LastExecutionTime")


def _times(row: sqlite3.Row, *, run: str) -> dict[str, datetime]:
    found = {"CreationTime": row["created"], "LastModifiedTime": row["modified"], run: row["run"]}
    return {name: datetime.fromisoformat(text) for name, text in found.items() if text is not None}


READS: Final[Mapping[str, Read]] = {"DescribePipeline": _describe, "ListPipelines": _list}
WRITES: Final[Mapping[str, Write]] = {
    "CreatePipeline": _create,
    "UpdatePipeline": _update,
    "DeletePipeline": _delete,
}
