"""What is said to a task that waits for its token."""

import sqlite3

from cloud_side.local.services.stepfunctions.rows import parsed
from cloud_side.local.states import control
from cloud_side.local.wiring import Answer, RefusedRequest, Request


def send_task_success(request: Request, connection: sqlite3.Connection) -> Answer:
    """Answer a token with an output."""
    output = parsed(request.parameters["output"], "output", "InvalidOutput")
    return _said(
        request,
        control.answer(connection, request.parameters["taskToken"], {"output": output}, now=request.now.timestamp()),
    )


def send_task_failure(request: Request, connection: sqlite3.Connection) -> Answer:
    """Answer a token with an error."""
    said = {"error": request.parameters.get("error", ""), "cause": request.parameters.get("cause", "")}
    return _said(
        request, control.answer(connection, request.parameters["taskToken"], said, now=request.now.timestamp())
    )


def send_task_heartbeat(request: Request, connection: sqlite3.Connection) -> Answer:
    """Say that the task of a token is still being done."""
    return _said(request, control.beat(connection, request.parameters["taskToken"], now=request.now.timestamp()))


def _said(request: Request, was_heard: bool) -> Answer:  # noqa: FBT001 - the answer itself
    if not was_heard:
        msg = f"Task Timed Out: 'Provided task does not exist anymore': {request.parameters['taskToken']}"
        raise RefusedRequest("TaskTimedOut", msg)
    return {}
