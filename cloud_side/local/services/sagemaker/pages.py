"""Lists: filters, order and pages, as all List operations of SageMaker have them."""

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from botocore.utils import parse_to_aware_datetime

from cloud_side.local.services.sagemaker.names import refused, stamp
from cloud_side.local.wiring import Parameters

_USUAL = 10
_TIMES = {
    "CreationTimeAfter": "created > ?",
    "CreationTimeBefore": "created < ?",
    "LastModifiedTimeAfter": "modified > ?",
    "LastModifiedTimeBefore": "modified < ?",
}


@dataclass(frozen=True)
class Listing:
    """What can be listed how.

    Attributes:
        table: Its rows are listed; it has columns `name`, unique among those listed, and `created`.
        sorts: Column by the value of SortBy.
        filters: Condition by parameter, beside those of name and times.
    """

    table: str
    sorts: Mapping[str, str]
    filters: Mapping[str, str]


def page(
    connection: sqlite3.Connection, listing: Listing, parameters: Parameters, fixed: Mapping[str, Any] | None = None
) -> tuple[Sequence[sqlite3.Row], dict[str, str]]:
    """Return the rows of one page, and NextToken if there are more.

    A page goes on after the last row of the one before, so that what is created meanwhile moves nothing.

    Args:
        connection: For reading.
        listing: What is listed.
        parameters: Of the List operation.
        fixed: Value by column: only rows that have it.

    Raises:
        RefusedRequest: If NextToken is none of ours.
    """
    column = listing.sorts[parameters.get("SortBy", "CreationTime")]
    is_ascending = parameters.get("SortOrder", "Ascending") == "Ascending"
    conditions = _conditions(listing, parameters) | {f"{name} = ?": value for name, value in (fixed or {}).items()}
    values = list(conditions.values())
    if token := parameters.get("NextToken"):
        conditions[f"({column}, name) {'>' if is_ascending else '<'} (?, ?)"] = None
        values += _read(token)
    order = "ASC" if is_ascending else "DESC"
    count = parameters.get("MaxResults", _USUAL)
    rows = connection.execute(
        f"SELECT * FROM {listing.table} WHERE {' AND '.join(conditions) or 'TRUE'}"  # noqa: S608 - names of ours
        f" ORDER BY {column} {order}, name {order} LIMIT ?",
        (*values, count + 1),
    ).fetchall()
    if len(rows) <= count:
        return rows, {}
    return rows[:count], {"NextToken": _token(rows[count - 1], column)}


def _conditions(listing: Listing, parameters: Parameters) -> dict[str, Any]:
    found = {
        condition: stamp(parse_to_aware_datetime(parameters[name]).astimezone(UTC))
        for name, condition in _TIMES.items()
        if name in parameters
    }
    if "NameContains" in parameters:
        found["instr(name, ?) > 0"] = parameters["NameContains"]
    return found | {condition: parameters[name] for name, condition in listing.filters.items() if name in parameters}


def _token(row: sqlite3.Row, column: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([row[column], row["name"]]).encode()).decode()


def _read(token: str) -> list[Any]:
    try:
        column, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        msg = f"Invalid pagination token: {token!r}, expected the NextToken of the page before"
        raise refused(msg) from error
    return [column, name]
