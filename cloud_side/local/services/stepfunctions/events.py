"""The history of an execution, as GetExecutionHistory tells it."""

import json
import sqlite3
from typing import Any

from cloud_side.local.services.stepfunctions.rows import at, execution_row, page, window
from cloud_side.local.wiring import Answer, Request

_PAGE = 1000
_SHARED_DETAILS = (("StateEntered", "stateEnteredEventDetails"), ("StateExited", "stateExitedEventDetails"))


def get_execution_history(request: Request) -> Answer:
    """Return what happened in an execution, in order."""
    connection = request.database.connection()
    execution = execution_row(connection, request.parameters["executionArn"])
    order = "DESC" if request.parameters.get("reverseOrder") else "ASC"
    rows = connection.execute(
        f"SELECT * FROM history WHERE execution = ? ORDER BY id {order} LIMIT ? OFFSET ?",  # noqa: S608 - one of two
        (execution["arn"], *window(request, _PAGE)),
    )
    has_payload = request.parameters.get("includeExecutionData", True)
    return page(request, "events", [_event(row, has_payload=has_payload) for row in rows], _PAGE)


def _event(row: sqlite3.Row, *, has_payload: bool) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(row["details"])
    event = {
        "timestamp": at(row["at"]),
        "type": row["type"],
        "id": row["id"],
        "previousEventId": row["previous"],
    }
    for payload in ("input", "output", "parameters"):
        if payload in details and not has_payload:
            del details[payload]
        elif payload in details and payload != "parameters":
            details[f"{payload}Details"] = {"truncated": False}
    if details:
        shared = next((member for ending_, member in _SHARED_DETAILS if row["type"].endswith(ending_)), None)
        event[shared or f"{row['type'][0].lower()}{row['type'][1:]}EventDetails"] = details
    return event
