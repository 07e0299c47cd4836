"""Athena's operations on queries; those that the product uses."""

import json
import sqlite3
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cloud_side.local.home import engine_in
from cloud_side.local.jobs.places import Address, PlanError
from cloud_side.local.services.athena import results, rows, running
from cloud_side.local.services.athena.objects import Objects
from cloud_side.local.services.athena.rows import Query, QueryState
from cloud_side.local.services.athena.statements import StatementError, require_select, values_of
from cloud_side.local.services.pages import page
from cloud_side.local.wiring import Answer, Parameters, Read, RefusedRequest, Request, Write, refusing

_TAKEN = {
    "QueryString",
    "ClientRequestToken",
    "QueryExecutionContext",
    "ResultConfiguration",
    "WorkGroup",
    "ExecutionParameters",
}
_WORK_GROUP = "primary"
_CATALOG = "awsdatacatalog"
_LONGEST_TEXT = 262_144  # bytes
_LISTED = 50
_ROWS = 1000
_USERS = 2  # AthenaError's category of what the user can mend


def _start(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    _check(parameters)
    token = parameters.get("ClientRequestToken")
    kept = json.dumps({name: value for name, value in parameters.items() if name != "ClientRequestToken"})
    before = connection.execute("SELECT id, request FROM athena_queries WHERE token = ?", (token,)).fetchone()
    if before is not None:
        if before["request"] != kept:
            msg = "Idempotent parameters do not match: expected those with which this ClientRequestToken came first"
            raise _refused(msg)
        return {"QueryExecutionId": before["id"]}
    identity = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO athena_queries (id, token, request, state, submitted) VALUES (?, ?, ?, ?, ?)",
        (identity, token, kept, QueryState.QUEUED, request.now.timestamp()),
    )
    return {"QueryExecutionId": identity}


def _check(parameters: Parameters) -> None:
    if others := sorted(parameters.keys() - _TAKEN):
        msg = f"{', '.join(others)}: not there on the local engine, which has {', '.join(sorted(_TAKEN))}"
        raise RefusedRequest("NotOnLocalEngine", msg, status=501)
    if (group := parameters.get("WorkGroup", _WORK_GROUP)) != _WORK_GROUP:
        msg = f"WorkGroup {group} is not found; the local engine has {_WORK_GROUP} alone"
        raise _refused(msg)
    context = parameters.get("QueryExecutionContext", {})
    if (catalog := context.get("Catalog", _CATALOG)).lower() != _CATALOG:
        msg = f"Catalog {catalog}: expected AwsDataCatalog"
        raise _refused(msg)
    if "OutputLocation" not in parameters.get("ResultConfiguration", {}):
        msg = "No output location provided. An output location is required through the ResultConfiguration"
        raise _refused(msg)
    if (size := len(parameters["QueryString"].encode())) > _LONGEST_TEXT:
        msg = f"QueryString has {size} bytes, expected at most {_LONGEST_TEXT}"
        raise _refused(msg)
    with refusing("InvalidRequestException", PlanError):
        Address.parse(parameters["ResultConfiguration"]["OutputLocation"])
    with refusing("InvalidRequestException", StatementError):
        require_select(parameters["QueryString"])
        values_of(parameters.get("ExecutionParameters", ()))


def _get(request: Request) -> Answer:
    """Tell how a query is; where no engine runs that would do it, it is done now."""
    identity = request.parameters["QueryExecutionId"]
    connection = request.database.connection()
    if not rows.find(connection, identity).is_over and engine_in(request.home) is None:
        running.run(request.home, request.database, identity)
    return {"QueryExecution": _told(rows.find(connection, identity), request.now)}


def _told(query: Query, now: datetime) -> dict[str, Any]:
    asked = query.request
    return {
        "QueryExecutionId": query.id,
        "Query": query.text,
        "StatementType": "DML",
        "SubstatementType": "SELECT",
        "ResultConfiguration": {**asked["ResultConfiguration"], "OutputLocation": query.output},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": asked.get("QueryExecutionContext", {}),
        "Status": _status(query),
        "Statistics": _statistics(query, now.timestamp()),
        "WorkGroup": _WORK_GROUP,
        "EngineVersion": {
            "SelectedEngineVersion": "AUTO",
            "EffectiveEngineVersion": "Athena engine version 3",
        },
        **{name: asked[name] for name in ("ExecutionParameters",) if name in asked},
    }


def _status(query: Query) -> dict[str, Any]:
    status: dict[str, Any] = {"State": query.state.value, "SubmissionDateTime": _time(query.submitted)}
    if query.reason is not None:
        status["StateChangeReason"] = query.reason
    if query.completed is not None:
        status["CompletionDateTime"] = _time(query.completed)
    if query.state is QueryState.FAILED:
        status["AthenaError"] = {"ErrorCategory": _USERS, "Retryable": False, "ErrorMessage": query.reason}
    return status


def _statistics(query: Query, now: float) -> dict[str, Any]:
    until = query.completed or now
    began = query.started or until
    return {
        "EngineExecutionTimeInMillis": _millis(until - began),
        "DataScannedInBytes": query.scanned,
        "TotalExecutionTimeInMillis": _millis(until - query.submitted),
        "QueryQueueTimeInMillis": _millis(began - query.submitted),
        "ServicePreProcessingTimeInMillis": 0,
        "QueryPlanningTimeInMillis": 0,
        "ServiceProcessingTimeInMillis": 0,
        "ResultReuseInformation": {"ReusedPreviousResult": False},
    }


def _get_results(request: Request) -> Answer:
    parameters = request.parameters
    query = rows.find(request.database.connection(), parameters["QueryExecutionId"])
    if query.state is not QueryState.SUCCEEDED or query.columns is None:
        msg = f"Query has not yet finished. Current state: {query.state}"
        if query.is_over:
            msg = f"Query did not finish successfully. Final query state: {query.state}"
        raise _refused(msg)
    offset, limit = _offset(parameters.get("NextToken", "0")), parameters.get("MaxResults", _ROWS)
    pieces = Objects(request.home, request.database).read_from(Address.parse(query.output), offset)
    answer: dict[str, Any] = {"UpdateCount": 0}
    found: list[results.Row] = []
    read = 0
    for row, end in results.read(pieces):
        if len(found) == limit:
            answer["NextToken"] = str(offset + read)
            break
        found.append(row)
        read = end
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in found]
    columns = [_column(name, kind) for name, kind in query.columns]
    return answer | {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": columns}}}


def _offset(token: str) -> int:
    if not token.isdecimal():
        msg = f"NextToken {token!r}: expected the one of the page before"
        raise _refused(msg)
    return int(token)


def _column(name: str, kind: str) -> Mapping[str, Any]:
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind == "varchar",
    }


def _stop(request: Request, connection: sqlite3.Connection) -> Answer:
    identity = request.parameters["QueryExecutionId"]
    rows.find(connection, identity)
    rows.end(connection, identity, QueryState.CANCELLED, request.now.timestamp(), "Query cancelled by user")
    return {}


def _list(request: Request) -> Answer:
    limit = request.parameters.get("MaxResults", _LISTED)
    before = request.parameters.get("NextToken")
    connection = request.database.connection()
    values: tuple[object, ...] = (limit + 1,)
    condition = ""
    if before is not None:
        condition, values = "WHERE (submitted, id) < (?, ?)", (rows.find(connection, before).submitted, before, *values)
    found = connection.execute(
        f"SELECT id FROM athena_queries {condition} ORDER BY submitted DESC, id DESC LIMIT ?",  # noqa: S608 - ours
        values,
    ).fetchall()
    answer = page("Queries", [{"Id": row["id"]} for row in found], limit, "Id")
    told = {"QueryExecutionIds": [each["Id"] for each in answer["Queries"]]}
    return told | {name: answer[name] for name in ("NextToken",) if name in answer}


def _refused(message: str) -> RefusedRequest:
    return RefusedRequest("InvalidRequestException", message)


def _time(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


def _millis(seconds: float) -> int:
    return max(0, round(seconds * 1000))


READS: Final[Mapping[str, Read]] = {"GetQueryResults": _get_results, "ListQueryExecutions": _list}
WRITES: Final[Mapping[str, Write]] = {"StartQueryExecution": _start, "StopQueryExecution": _stop}
SLOW: Final[Mapping[str, Read]] = {"GetQueryExecution": _get}
