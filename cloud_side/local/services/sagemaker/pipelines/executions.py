"""Operations on executions of pipelines: started, looked at, stopped, and going on from what failed."""

import json
import secrets
import sqlite3
import string
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cloud_side.local.jobs.kinds import arn
from cloud_side.local.services.pages import page as page_of
from cloud_side.local.services.sagemaker.names import stamp, whoever_calls
from cloud_side.local.services.sagemaker.pages import Listing, page
from cloud_side.local.services.sagemaker.pipelines import rows
from cloud_side.local.services.sagemaker.pipelines.definition import (
    DefinitionError,
    PipelineDefinition,
    read_definition,
)
from cloud_side.local.services.sagemaker.pipelines.parameters import ParameterError, Value, given_values
from cloud_side.local.services.sagemaker.pipelines.pipelines import (
    as_listed,
    find_pipeline,
    refuse_what_is_not_there,
)
from cloud_side.local.services.sagemaker.pipelines.rows import KIND, Execution, Status, StepState
from cloud_side.local.services.sagemaker.pipelines.telling import emit_execution, step_told
from cloud_side.local.wiring import Answer, Read, RefusedRequest, Request, Write, refusing

TABLES = rows.TABLES
_LISTING = Listing("pipeline_executions", sorts={"CreationTime": "created", "PipelineExecutionArn": "name"}, filters={})
_STEPS = Listing("pipeline_steps", sorts={"CreationTime": "created"}, filters={})
_KEPT = ("PipelineExecutionDisplayName", "PipelineExecutionDescription", "ParallelismConfiguration", "RoleArn")
_LETTERS, _LENGTH = string.ascii_lowercase + string.digits, 12
_USUAL = 100


def start_pipeline_execution(  # noqa: PLR0913 - what an execution begins with
    connection: sqlite3.Connection,
    *,
    pipeline: str,
    parameters: Sequence[Mapping[str, str]],
    token: str,
    now: datetime,
    more: Mapping[str, Any] | None = None,
) -> str:
    """Start an execution in the caller's transaction, or find the one that was started with the same token.

    Args:
        connection: Of the transaction.
        pipeline: Its name or ARN.
        parameters: Name and Value of each that is given.
        token: Unique for the wish to start it.
        now: Aware UTC.
        more: Further parameters of StartPipelineExecution.

    Returns:
        The execution's ARN.

    Raises:
        RefusedRequest: If there is no such pipeline, or its parameters are others.
    """
    row = find_pipeline(connection, pipeline)
    before = connection.execute(
        "SELECT * FROM pipeline_executions WHERE pipeline = ? AND client_token = ?", (row["name"], token)
    ).fetchone()
    if before is not None:
        return Execution.from_row(before).arn
    definition = _read(row["definition"])
    with refusing("ValidationException", ParameterError):
        given = given_values(definition.parameters, parameters)
    own = json.loads(row["request"])
    asked = {name: own[name] for name in ("ParallelismConfiguration", "RoleArn") if name in own}
    asked |= {name: value for name, value in (more or {}).items() if name in _KEPT}
    execution = _insert(connection, row, given, asked=asked, token=token, now=now)
    connection.execute("UPDATE pipelines SET run = ? WHERE name = ?", (stamp(now), row["name"]))
    emit_execution(connection, execution, None, now)
    return execution.arn


def _insert(  # noqa: PLR0913 - a row has so many columns
    connection: sqlite3.Connection,
    pipeline: sqlite3.Row,
    given: Mapping[str, Value],
    *,
    asked: Mapping[str, Any],
    token: str,
    now: datetime,
) -> Execution:
    name = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    display: dict[str, Any] = {"PipelineExecutionDisplayName": f"execution-{round(now.timestamp() * 1000)}"}
    row = connection.execute(
        "INSERT INTO pipeline_executions (name, pipeline, definition, given, request, client_token, creator, status,"
        " version, created, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) RETURNING *",
        (
            name,
            pipeline["name"],
            pipeline["definition"],
            json.dumps(given),
            json.dumps({**display, **asked}),
            token,
            json.dumps(whoever_calls()),
            Status.EXECUTING,
            stamp(now),
            stamp(now),
        ),
    ).fetchone()
    return Execution.from_row(row)


def _start(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    refuse_what_is_not_there(parameters)
    started = start_pipeline_execution(
        connection,
        pipeline=parameters["PipelineName"],
        parameters=parameters.get("PipelineParameters", ()),
        token=parameters.get("ClientRequestToken") or str(uuid.uuid4()),
        now=request.now,
        more=parameters,
    )
    return {"PipelineExecutionArn": started}


def _stop(request: Request, connection: sqlite3.Connection) -> Answer:
    execution = _found(connection, request)
    if execution.status is Status.EXECUTING:
        _change(connection, execution, Status.STOPPING, request.now)
    elif execution.status is not Status.STOPPING:
        message = f"Pipeline execution '{execution.arn}' is {execution.status}, expected one that is Executing"
        raise RefusedRequest("ConflictException", message)
    return {"PipelineExecutionArn": execution.arn}


def _retry(request: Request, connection: sqlite3.Connection) -> Answer:
    execution = _found(connection, request)
    if execution.status not in {Status.FAILED, Status.STOPPED}:
        message = f"Pipeline execution '{execution.arn}' is {execution.status}, expected one that is Failed or Stopped"
        raise RefusedRequest("ConflictException", message)
    for state in rows.steps_of(connection, execution.name).values():
        if state.status in {Status.FAILED, Status.STOPPED}:
            again = StepState(state.name, Status.STARTING, request.now, attempt=state.attempt + 1)
            rows.keep_step(connection, execution.name, again)
    more = {name: request.parameters[name] for name in ("ParallelismConfiguration",) if name in request.parameters}
    _change(connection, execution, Status.EXECUTING, request.now, asked={**execution.request, **more})
    return {"PipelineExecutionArn": execution.arn}


def _change(
    connection: sqlite3.Connection,
    execution: Execution,
    status: Status,
    now: datetime,
    asked: Mapping[str, Any] | None = None,
) -> None:
    changed = rows.update_execution(connection, execution, status, request=asked, now=now)
    assert changed is not None  # noqa: S101 - for the type checker: it was read in this transaction
    emit_execution(connection, changed, execution.status, now)


def _describe(request: Request) -> Answer:
    execution = _found(request.database.connection(), request)
    failure = {} if execution.failure is None else {"FailureReason": execution.failure}
    return {
        **execution.request,
        **failure,
        "PipelineArn": arn(KIND, execution.pipeline),
        "PipelineExecutionArn": execution.arn,
        "PipelineExecutionStatus": execution.status,
        "CreationTime": execution.created,
        "LastModifiedTime": execution.modified,
        "CreatedBy": execution.creator,
    }


def _list(request: Request) -> Answer:
    connection, parameters = request.database.connection(), request.parameters
    refuse_what_is_not_there(parameters)
    pipeline = find_pipeline(connection, parameters["PipelineName"])["name"]
    found, token = page(connection, _LISTING, as_listed(parameters, order="Descending"), {"pipeline": pipeline})
    return {"PipelineExecutionSummaries": [_summary(Execution.from_row(row)) for row in found]} | token


def _summary(execution: Execution) -> dict[str, Any]:
    names = ("PipelineExecutionDisplayName", "PipelineExecutionDescription")
    failure = {} if execution.failure is None else {"PipelineExecutionFailureReason": execution.failure}
    return {
        **{name: execution.request[name] for name in names if name in execution.request},
        **failure,
        "PipelineExecutionArn": execution.arn,
        "StartTime": execution.created,
        "PipelineExecutionStatus": execution.status,
    }


def _list_steps(request: Request) -> Answer:
    connection = request.database.connection()
    execution = _found(connection, request)
    steps = _read(execution.definition).steps
    parameters = as_listed(request.parameters, order="Descending")
    found, token = page(connection, _STEPS, parameters, {"execution": execution.name})
    states = [StepState.from_row(row) for row in found]
    return {"PipelineExecutionSteps": [step_told(steps[state.name], state) for state in states]} | token


def _list_parameters(request: Request) -> Answer:
    execution = _found(request.database.connection(), request)
    after = request.parameters.get("NextToken", "")
    texts = [{"Name": name, "Value": _text(value)} for name, value in sorted(execution.given.items()) if name > after]
    return page_of("PipelineParameters", texts, request.parameters.get("MaxResults", _USUAL), "Name")


def _describe_definition(request: Request) -> Answer:
    execution = _found(request.database.connection(), request)
    return {"PipelineDefinition": execution.definition, "CreationTime": execution.created}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(text: str) -> PipelineDefinition:
    with refusing("ValidationException", DefinitionError):  # one that an engine has kept which knew more
        return read_definition(text)


def _found(connection: sqlite3.Connection, request: Request) -> Execution:
    asked = request.parameters["PipelineExecutionArn"]
    execution = rows.find_execution(connection, asked.rpartition("/")[2])
    if execution is None or execution.arn != asked:
        raise RefusedRequest("ResourceNotFound", f"Pipeline execution '{asked}' does not exist.")
    return execution


READS: Final[Mapping[str, Read]] = {
    "DescribePipelineExecution": _describe,
    "ListPipelineExecutions": _list,
    "ListPipelineExecutionSteps": _list_steps,
    "ListPipelineParametersForExecution": _list_parameters,
    "DescribePipelineDefinitionForExecution": _describe_definition,
}
WRITES: Final[Mapping[str, Write]] = {
    "StartPipelineExecution": _start,
    "StopPipelineExecution": _stop,
    "RetryPipelineExecution": _retry,
}
