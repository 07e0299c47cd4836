"""The operation Invoke: at once, later, or not at all; not again when the same call comes again."""

import base64
import io
import json
import uuid
from typing import Any

from botocore.response import StreamingBody

from cloud_side.local.calling import Caller, current_caller
from cloud_side.local.services.functions.configuration import LATEST, Function, find
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.queued import enqueue
from cloud_side.local.services.functions.warm import Event, GivenUp
from cloud_side.local.wiring import Answer, RefusedRequest, Request

PAYLOAD_BYTES = 6 * (1 << 20)
LATER_PAYLOAD_BYTES = 1 << 20
_REQUESTS = uuid.UUID("7f0c0b1e-2d0d-4c55-9f0a-3b7f5a6f6c11")  # the ids of invocations by token are drawn from it


def invoke(request: Request, pool: Pool) -> Answer:
    """Answer Invoke.

    Source:
        AWS Lambda API Reference, "Invoke".
    """
    answer = request.remembered(request.database.connection()) or _first_answer(request, pool)
    return {**answer, "Payload": _opened(answer["Payload"])}


def _first_answer(request: Request, pool: Pool) -> Answer:
    function = find(request.database.connection(), request.parameters["FunctionName"])
    _require_latest(request.parameters.get("Qualifier", LATEST))
    text = _payload(request)
    match request.parameters.get("InvocationType", "RequestResponse"):
        case "DryRun":
            return {"StatusCode": 204, "Payload": ""}
        case "Event":
            return _later(request, function, text)
        case _:
            return _now(request, pool, function, text)


def _require_latest(qualifier: str) -> None:
    if qualifier != LATEST:
        message = f"Function not found: qualifier {qualifier!r}; the local engine has no version but {LATEST}"
        raise RefusedRequest("ResourceNotFoundException", message, status=404)


def _payload(request: Request) -> str:
    given = request.parameters.get("Payload", b"")
    content = given.encode() if isinstance(given, str) else given.read() if hasattr(given, "read") else bytes(given)
    is_later = request.parameters.get("InvocationType") == "Event"
    most = LATER_PAYLOAD_BYTES if is_later else PAYLOAD_BYTES
    if len(content) > most:
        message = f"Request must be smaller than {most} bytes for the InvokeFunction operation, found {len(content)}"
        raise RefusedRequest("RequestTooLargeException", message, status=413)
    try:
        text: str = content.decode() or "{}"
        json.loads(text)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise RefusedRequest("InvalidRequestContentException", message) from error
    return text


def _later(request: Request, function: Function, text: str) -> Answer:
    answer = {"StatusCode": 202, "Payload": ""}
    with request.database.transaction() as connection:
        if request.remembered(connection) is None:
            enqueue(connection, function.name, text, identity=_request_id(request))
            request.remember(connection, answer)
    return answer


def _now(request: Request, pool: Pool, function: Function, text: str) -> Answer:
    answer: Answer = _run(request, pool, function, text)
    with request.database.transaction() as connection:
        before = request.remembered(connection)  # another engine may have begun before this one was gone
        if before is None:
            request.remember(connection, answer)
    return before or answer


def _run(request: Request, pool: Pool, function: Function, text: str) -> dict[str, Any]:
    caller, outer = None, current_caller()
    if request.key is not None:
        caller = Caller(request.scope, request.key)  # what the function calls is this call's
    deadline = None if outer is None else outer.deadline
    try:
        outcome = pool.run(function, Event(_request_id(request), json.loads(text), caller, deadline))
    except GivenUp as error:
        message = f"{function.name}: it was ended, since its caller's time is over"
        raise RefusedRequest("RequestTimeout", message, status=408) from error
    except OSError as error:
        message = f"{function.name}: no process can be started for it: {error}"
        raise RefusedRequest("ServiceException", message, status=500) from error
    answer: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": LATEST, "Payload": outcome.payload}
    if outcome.is_failure:
        answer["FunctionError"] = "Unhandled"
    if request.parameters.get("LogType") == "Tail":
        answer["LogResult"] = base64.b64encode(outcome.tail).decode()
    return answer


def _request_id(request: Request) -> str:
    """Return the id of an invocation: the same one when the same call comes again."""
    return str(uuid.uuid4() if request.key is None else uuid.uuid5(_REQUESTS, f"{request.scope}/{request.key}"))


def _opened(text: str) -> Any:  # noqa: ANN401 - botocore's StreamingBody has no types
    content = text.encode()
    return StreamingBody(io.BytesIO(content), len(content))
