"""Map runs: how the children of distributed maps stand."""

import json
import sqlite3
from typing import Any

from cloud_side.local.services.stepfunctions.rows import PAGE, at, execution_row, page, window
from cloud_side.local.wiring import Answer, RefusedRequest, Request


def describe_map_run(request: Request) -> Answer:
    """Return how the children of a distributed map stand."""
    connection = request.database.connection()
    run = connection.execute("SELECT * FROM map_runs WHERE arn = ?", (request.parameters["mapRunArn"],)).fetchone()
    if run is None:
        msg = f"Map Run Does Not Exist: '{request.parameters['mapRunArn']}'"
        raise RefusedRequest("ResourceNotFound", msg, status=404)
    plan = json.loads(run["plan"])
    answer = {
        **_run_summary(run),
        "status": run["status"],
        "maxConcurrency": plan["limit"],
        "toleratedFailureCount": plan["count"],
        "toleratedFailurePercentage": float(plan["percentage"]),
        "itemCounts": _counts(run, "items_", run["items"]),
        "executionCounts": _counts(run, "", run["children"]),
        "redriveCount": run["redrives"],
    }
    del answer["stateMachineArn"]
    return answer


def list_map_runs(request: Request) -> Answer:
    """List the map runs of an execution."""
    arn = request.parameters["executionArn"]
    execution = execution_row(request.database.connection(), arn)
    rows = request.database.connection().execute(
        "SELECT * FROM map_runs WHERE execution = ? ORDER BY started_at LIMIT ? OFFSET ?",
        (arn, *window(request, PAGE)),
    )
    runs = [{**_run_summary(row), "stateMachineArn": execution["machine"]} for row in rows]
    return page(request, "mapRuns", runs, PAGE)


def _run_summary(run: sqlite3.Row) -> dict[str, Any]:
    answer = {
        "mapRunArn": run["arn"],
        "executionArn": run["execution"],
        "stateMachineArn": "",
        "startDate": at(run["started_at"]),
    }
    if run["stopped_at"] is not None:
        answer["stopDate"] = at(run["stopped_at"])
    return answer


def _counts(run: sqlite3.Row, prefix: str, total: int) -> dict[str, int]:
    ended = {
        told: run[f"{prefix}{column}"]
        for told, column in (
            ("succeeded", "succeeded"),
            ("failed", "failed"),
            ("timedOut", "timed_out"),
            ("aborted", "aborted"),
        )
    }
    return {
        "pending": 0,
        "running": total - sum(ended.values()),
        **ended,
        "total": total,
        "resultsWritten": run["written"],
    }
