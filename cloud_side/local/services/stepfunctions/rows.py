"""Rows of machines and executions, as the operations look them up and list them page by page."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cloud_side.local.wiring import Answer, RefusedRequest, Request

PAGE = 100


def machine_row(connection: sqlite3.Connection, arn: str) -> sqlite3.Row:
    """Return a machine, or refuse."""
    row = connection.execute("SELECT * FROM machines WHERE arn = ?", (arn,)).fetchone()
    if row is None:
        msg = f"State Machine Does Not Exist: '{arn}'"
        raise RefusedRequest("StateMachineDoesNotExist", msg)
    found: sqlite3.Row = row
    return found


def execution_row(connection: sqlite3.Connection, arn: str) -> sqlite3.Row:
    """Return an execution, or refuse."""
    row = connection.execute("SELECT * FROM executions WHERE arn = ?", (arn,)).fetchone()
    if row is None:
        msg = f"Execution Does Not Exist: '{arn}'"
        raise RefusedRequest("ExecutionDoesNotExist", msg)
    found: sqlite3.Row = row
    return found


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
