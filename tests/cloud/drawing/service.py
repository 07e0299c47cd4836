"""Step Functions that only tells what was recorded, answered to boto3's real clients."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cloud_side.local.wiring import RefusedRequest, Request, Service
from tests.cloud.drawing.recorded import STARTED, Told, machine_arn

_COUNTS = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total", "resultsWritten")


def telling(executions: Sequence[Told], map_runs: Mapping[str, Mapping[str, int]]) -> Service:
    """Return the service; it starts, stops and redrives nothing."""

    def found(request: Request) -> Told:
        arn = request.parameters["executionArn"]
        told = next((told for told in executions if told.arn == arn), None)
        if told is None:
            code = "ExecutionDoesNotExist"
            raise RefusedRequest(code, f"Execution Does Not Exist: '{arn}'")
        return told

    def machines(_: Request) -> dict[str, Any]:
        names = sorted({told.machine for told in executions})
        each = [
            {"stateMachineArn": machine_arn(name), "name": name, "type": "STANDARD", "creationDate": STARTED}
            for name in names
        ]
        return {"stateMachines": each}

    def listed(request: Request) -> dict[str, Any]:
        asked = request.parameters
        chosen = [
            told
            for told in reversed(executions)
            if (told.map_run or machine_arn(told.machine)) == (asked.get("mapRunArn") or asked["stateMachineArn"])
            and asked.get("statusFilter") in {None, told.status}
        ]
        first = int(asked.get("nextToken", 0))
        last = first + asked.get("maxResults", 1000)
        more = {"nextToken": str(last)} if last < len(chosen) else {}
        return {"executions": [_item(told) for told in chosen[first:last]], **more}

    def history(request: Request) -> dict[str, Any]:
        events = found(request).events[:: -1 if request.parameters.get("reverseOrder") else 1]
        first = int(request.parameters.get("nextToken", 0))
        last = first + request.parameters.get("maxResults", 100)
        more = {"nextToken": str(last)} if last < len(events) else {}
        return {"events": events[first:last], **more}

    def map_run(request: Request) -> dict[str, Any]:
        arn = request.parameters["mapRunArn"]
        if arn not in map_runs:
            code = "ResourceNotFound"
            raise RefusedRequest(code, f"Map Run Does Not Exist: '{arn}'")
        counts = dict.fromkeys(_COUNTS, 0) | map_runs[arn]
        return {
            "mapRunArn": arn,
            "executionArn": executions[0].arn,
            "status": "SUCCEEDED",
            "startDate": STARTED,
            "maxConcurrency": 0,
            "toleratedFailurePercentage": 0.0,
            "toleratedFailureCount": 0,
            "itemCounts": counts,
            "executionCounts": counts,
        }

    return Service(
        "stepfunctions",
        reads={
            "ListStateMachines": machines,
            "ListExecutions": listed,
            "DescribeExecution": lambda request: _described(found(request)),
            "DescribeStateMachineForExecution": lambda request: _machine(found(request)),
            "GetExecutionHistory": history,
            "DescribeMapRun": map_run,
        },
    )


def _item(told: Told) -> dict[str, Any]:
    item = {
        key: value
        for key, value in _described(told).items()
        if key in {"executionArn", "stateMachineArn", "name", "status"}
    }
    return item | {"startDate": STARTED, **({"stopDate": told.at} if told.status != "RUNNING" else {})}


def _described(told: Told) -> dict[str, Any]:
    said = {
        "executionArn": told.arn,
        "stateMachineArn": machine_arn(told.machine),
        "name": told.name,
        "status": told.status,
        "startDate": STARTED,
        "stopDate": None if told.status == "RUNNING" else told.at,
        "input": json.dumps(told.input),
        "output": told.output,
        "error": told.error,
        "cause": told.cause,
        "redriveCount": told.redrives,
    }
    return {key: value for key, value in said.items() if value is not None}


def _machine(told: Told) -> dict[str, Any]:
    return {
        "stateMachineArn": machine_arn(told.machine), "name": told.machine, "definition": json.dumps(told.definition),
        "roleArn": "arn:aws:iam::0:role/r", "updateDate": STARTED,
        **({"mapRunArn": told.map_run} if told.map_run else {}),
    }  # fmt: skip
