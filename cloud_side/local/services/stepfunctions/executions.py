"""Executions: started, looked at, stopped, and going on from where they failed."""

import json
import sqlite3
import uuid
from datetime import datetime
from typing import Any

from cloud_side.local.services.stepfunctions.rows import (
    PAGE,
    at,
    check_name,
    execution_row,
    machine_row,
    page,
    parsed,
    window,
)
from cloud_side.local.states import control, ending, store
from cloud_side.local.states.starting import Beginning, begin_execution
from cloud_side.local.states.store import MOST_EVENTS, Status
from cloud_side.local.wiring import Answer, RefusedRequest, Request


def start(request: Request, connection: sqlite3.Connection) -> Answer:
    """Start an execution; the same once more is the same one as long as it runs."""
    arn = start_execution(
        connection,
        machine_arn=request.parameters["stateMachineArn"],
        name=request.parameters.get("name") or str(uuid.uuid4()),
        input_text=request.parameters.get("input", "{}"),
        now=request.now,
    )
    row = execution_row(connection, arn)
    if row["status"] != Status.RUNNING:
        raise _is_taken(arn)
    return {"executionArn": arn, "startDate": at(row["started_at"])}


def start_execution(
    connection: sqlite3.Connection, *, machine_arn: str, name: str, input_text: str, now: datetime
) -> str:
    """Start an execution in the caller's transaction, or find the one of that name and input, and return its ARN.

    Raises:
        RefusedRequest: If there is no such machine, the input is no JSON, or the name is another one's.
    """
    machine = machine_row(connection, machine_arn)
    check_name(name)
    given = parsed(input_text, "input", "InvalidExecutionInput")
    arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    found = connection.execute("SELECT input FROM executions WHERE arn = ?", (arn,)).fetchone()
    if found is not None:
        if json.loads(found["input"]) != given:
            raise _is_taken(arn)
        return arn
    definition = json.loads(store.definition_text(connection, machine["definition"]))
    allowed_s = definition.get("TimeoutSeconds")
    started_at = now.timestamp()
    beginning = Beginning(
        arn=arn,
        name=name,
        machine=machine_arn,
        role=machine["role"],
        definition=machine["definition"],
        scope=(),
        start_at=definition["StartAt"],
        input=given,
        deadline=None if allowed_s is None else started_at + allowed_s,
    )
    begin_execution(connection, beginning, now=started_at)
    ending.announce(connection, execution_row(connection, arn), now=started_at)
    return arn


def describe_execution(request: Request) -> Answer:
    """Return how an execution stands."""
    row = execution_row(request.database.connection(), request.parameters["executionArn"])
    redrive_status, reason = _redrivability(row)
    answer = {
        **_summary(row),
        "input": row["input"],
        "inputDetails": {"included": True},
        "redriveStatus": redrive_status,
    }
    if reason is not None:
        answer["redriveStatusReason"] = reason
    if row["output"] is not None:
        answer |= {"output": row["output"], "outputDetails": {"included": True}}
    return answer | {name: row[name] for name in ("error", "cause") if row[name]}


def list_executions(request: Request) -> Answer:
    """List the executions of a machine or map run, the latest first."""
    wanted = {
        "machine": request.parameters.get("stateMachineArn"),
        "map_run": request.parameters.get("mapRunArn"),
        "status": request.parameters.get("statusFilter"),
    }
    if (wanted["machine"] is None) == (wanted["map_run"] is None):
        msg = "expected one of stateMachineArn and mapRunArn"
        raise RefusedRequest("ValidationException", msg)
    if wanted["machine"] is not None:
        machine_row(request.database.connection(), wanted["machine"])
    rows = request.database.connection().execute(
        "SELECT * FROM executions WHERE (:machine IS NULL OR machine = :machine AND map_run IS NULL)"
        " AND (:map_run IS NULL OR map_run = :map_run) AND (:status IS NULL OR status = :status)"
        " ORDER BY started_at DESC, place DESC LIMIT :limit OFFSET :offset",
        {**wanted, **dict(zip(("limit", "offset"), window(request, PAGE), strict=True))},
    )
    return page(request, "executions", [_listed(row) for row in rows], PAGE)


def stop_execution(request: Request, connection: sqlite3.Connection) -> Answer:
    """Abort an execution."""
    row = execution_row(connection, request.parameters["executionArn"])
    error, cause = request.parameters.get("error", ""), request.parameters.get("cause", "")
    control.stop(connection, row["arn"], error, cause, now=request.now.timestamp())
    return {"stopDate": request.now if row["stopped_at"] is None else at(row["stopped_at"])}


def redrive_execution(request: Request, connection: sqlite3.Connection) -> Answer:
    """Let an execution go on from where it failed."""
    row = execution_row(connection, request.parameters["executionArn"])
    status, reason = _redrivability(row)
    if status != "REDRIVABLE":
        raise RefusedRequest("ExecutionNotRedrivable", f"{row['arn']}: {reason}")
    control.redrive(connection, row["arn"], now=request.now.timestamp())
    return {"redriveDate": request.now}


def _is_taken(arn: str) -> RefusedRequest:
    return RefusedRequest("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    answer = {
        "executionArn": row["arn"],
        "stateMachineArn": row["machine"],
        "name": row["name"],
        "status": row["status"],
        "startDate": at(row["started_at"]),
        "redriveCount": row["redrives"],
    }
    if row["stopped_at"] is not None:
        answer["stopDate"] = at(row["stopped_at"])
    if row["redriven_at"] is not None:
        answer["redriveDate"] = at(row["redriven_at"])
    if row["map_run"] is not None:
        answer["mapRunArn"] = row["map_run"]
    return answer


def _listed(row: sqlite3.Row) -> dict[str, Any]:
    return _summary(row) | ({} if row["map_run"] is None else {"itemCount": row["items"]})


def _redrivability(row: sqlite3.Row) -> tuple[str, str | None]:
    if row["map_run"] is not None:
        return "REDRIVABLE_BY_MAP_RUN", None
    if row["last_event"] >= MOST_EVENTS:
        return "NOT_REDRIVABLE", f"Execution history has {row['last_event']} events; expected fewer than {MOST_EVENTS}"
    if row["status"] in (Status.FAILED, Status.TIMED_OUT, Status.ABORTED):
        return "REDRIVABLE", None
    return "NOT_REDRIVABLE", f"Execution is {row['status']} and cannot be redriven"
