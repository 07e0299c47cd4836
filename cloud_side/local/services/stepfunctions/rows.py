"""Rows of machines and executions, as the operations look them up and list them page by page."""

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cloud_side.local.states.machine import LARGEST_PAYLOAD_BYTES
from cloud_side.local.wiring import Answer, RefusedRequest, Request

PAGE = 100
_BARRED = '<>{}[]?*"#%\\^|~`$&,;:/'
_NOT_IN_NAMES = re.compile(rf"[\s\x00-\x1f\x7f-\x9f{re.escape(_BARRED)}]")


def machine_row(connection: sqlite3.Connection, arn: str) -> sqlite3.Row:
    """Return a machine, or refuse."""
    row = connection.execute("SELECT * FROM machines WHERE arn = ?", (arn,)).fetchone()
    return _there(row, "StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def execution_row(connection: sqlite3.Connection, arn: str) -> sqlite3.Row:
    """Return an execution, or refuse."""
    row = connection.execute("SELECT * FROM executions WHERE arn = ?", (arn,)).fetchone()
    return _there(row, "ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def _there(row: sqlite3.Row | None, code: str, message: str) -> sqlite3.Row:
    if row is None:
        raise RefusedRequest(code, message)
    return row


def check_name(name: str) -> None:
    """Refuse a name that would not fit into an ARN.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html, "name".
    """
    if found := _NOT_IN_NAMES.search(name):
        msg = f"Invalid Name: {name!r} has {found[0]!r}; expected no blanks, control characters, or one of {_BARRED}"
        raise RefusedRequest("InvalidName", msg)


def parsed(text: str, what: str, code: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON of an input or output, or refuse."""
    size = len(text.encode(errors="surrogatepass"))
    if size > LARGEST_PAYLOAD_BYTES:
        raise RefusedRequest(code, f"the {what} has {size} bytes, expected at most {LARGEST_PAYLOAD_BYTES}")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedRequest(code, f"the {what} is not JSON: {error}") from error


def _no_constant(text: str) -> None:
    msg = f"{text} is not a number"
    raise ValueError(msg)


def at(seconds: float) -> datetime:
    """Return an instant as boto3 gives it."""
    return datetime.fromtimestamp(seconds, UTC)


def window(request: Request, largest: int) -> tuple[int, int]:
    """Return limit, one more than a page to see whether there is another, and offset."""
    return _page_size(request, largest) + 1, _offset(request)


def page(request: Request, member: str, items: Sequence[Mapping[str, Any]], largest: int) -> Answer:
    """Return a page of what was found in its window, with the token of the next one where there is one."""
    size = _page_size(request, largest)
    if len(items) <= size:
        return {member: items}
    return {member: items[:size], "nextToken": str(_offset(request) + size)}


def _page_size(request: Request, largest: int) -> int:
    return min(request.parameters.get("maxResults") or largest, largest)


def _offset(request: Request) -> int:
    token = request.parameters.get("nextToken", "0")
    if not token.isdecimal():
        msg = f"the nextToken is {token!r}, expected one that this service gave"
        raise RefusedRequest("InvalidToken", msg)
    return int(token)
