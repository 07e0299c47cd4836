"""Looks at all stations once a minute."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from cloud_side.clients import client
from cloud_side.installation import installation
from cloud_side.monitoring.functions import SILENT_AFTER_VARIABLE, TABLE_VARIABLE, TOPIC_VARIABLE
from cloud_side.monitoring.keeping import read_rows, remember
from cloud_side.monitoring.looking import look
from cloud_side.monitoring.metrics import line_of
from cloud_side.monitoring.silence import Presence
from cloud_side.monitoring.stations import stations_of
from cloud_side.monitoring.telling import told

_MOST_NAMES: Final = 100  # in a line of the log


def watch(event: Mapping[str, object], context: object) -> dict[str, int]:  # noqa: ARG001 - a function's signature
    """Write the metrics of all stations, and tell people what is new.

    People are told before it is remembered that they were: what fails between is told twice, never not at all.

    Args:
        event: Of the schedule; not looked at.
        context: Of the function.

    Returns:
        How many `stations` there are, and how many are `silent` and `stopped`.
    """
    now_ms, table, whose = time.time_ns() // 1_000_000, os.environ[TABLE_VARIABLE], installation()
    limit_ms = int(os.environ[SILENT_AFTER_VARIABLE]) * 60_000
    found = look(stations_of(read_rows(client("dynamodb"), table), now_ms), now_ms, limit_ms)
    silent, stopped = found.named(Presence.SILENT), found.named(Presence.STOPPED)
    _write(line_of(found.totals, now_ms, whose, {"Silent": _names(silent), "Stopped": _names(stopped)}))
    if (message := told(found, whose)) is not None:
        topic = os.environ[TOPIC_VARIABLE]
        client("sns").publish(TopicArn=topic, Subject=message.subject, Message=message.text)
    remember(client("dynamodb"), table, found.known, now_ms)
    for each in found.figures:
        _write(line_of(each.values, now_ms, whose, {"Station": each.station, "Session": each.session}))
    return {"stations": len(found.stations), "silent": len(silent), "stopped": len(stopped)}


def _names(stations: Sequence[str]) -> str:
    return ", ".join(stations[:_MOST_NAMES])


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")  # a function's output is its log
