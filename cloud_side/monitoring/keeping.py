"""The table of stations in DynamoDB: its rows are read all at once, and what is remembered is written back."""

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from cloud_side.monitoring.heard import EXPIRES, KEY, KIND, KNOWN, REMEMBERED_S
from cloud_side.monitoring.stations import Known, Row
from cloud_side.objects import Client

_PAUSE_S: Final = 0.2
_AT_ONCE: Final = 25  # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html


def read_rows(client: Client, table: str) -> Iterator[Row]:
    """Yield all rows of a table.

    Args:
        client: Of DynamoDB.
        table: Its name.
    """
    for page in client.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            yield _row(item)


def remember(client: Client, table: str, known: Mapping[str, Known], now_ms: int) -> None:
    """Write what is remembered of stations.

    Args:
        client: Of DynamoDB.
        table: Its name.
        known: By station.
        now_ms: Since 1970.
    """
    expires = str(now_ms // 1000 + REMEMBERED_S)
    left = (_put(name, each, expires) for name, each in known.items())
    while some := list(islice(left, _AT_ONCE)):
        wanted = {table: some}
        while wanted := client.batch_write_item(RequestItems=wanted)["UnprocessedItems"]:
            time.sleep(_PAUSE_S)  # the table takes more only after a while


def _put(station: str, known: Known, expires: str) -> dict[str, Any]:
    item = {KEY: {"S": station}, KIND: {"S": KNOWN}, EXPIRES: {"N": expires}, "known": {"S": known.text()}}
    return {"PutRequest": {"Item": item}}


def _row(item: Mapping[str, Mapping[str, Any]]) -> Row:
    """Return a row's texts and numbers; what a station said that is null has neither."""
    row: dict[str, str | float] = {}
    for name, value in item.items():
        if "S" in value:
            row[name] = value["S"]
        elif "N" in value:
            row[name] = float(value["N"])
    return row
