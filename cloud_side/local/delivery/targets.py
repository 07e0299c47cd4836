"""Brings something to its target, in the transaction in which it is crossed off."""

import json
import sqlite3
import uuid
from datetime import datetime
from typing import Protocol, assert_never

from cloud_side.local.services import notifications
from cloud_side.local.services.events.deliveries import TargetKind, kind_of
from cloud_side.local.services.functions.queued import enqueue
from cloud_side.local.services.sagemaker.pipelines.executions import start_pipeline_execution

_REQUESTS = uuid.UUID("b5d0b5f4-4f0c-4b8e-9a3f-5f6d1d0c7a10")  # the ids of invocations by delivery are drawn from it


class StartExecution(Protocol):
    """Starts an execution in a transaction, and does nothing where it was started with the same input before."""

    def __call__(
        self, connection: sqlite3.Connection, *, machine_arn: str, name: str, input_text: str, now: datetime
    ) -> str:
        """Return the execution's ARN; raise RefusedRequest where AWS would refuse."""
        ...


def bring(connection: sqlite3.Connection, row: sqlite3.Row, start: StartExecution, *, now: datetime) -> None:
    """Bring a delivery to its target.

    Args:
        connection: In the transaction in which the delivery is crossed off.
        row: Of `deliveries`.
        start: Starts executions.
        now: Aware UTC.

    Raises:
        RefusedRequest: If the target does not take it.
    """
    match kind := kind_of(row["arn"]):
        case TargetKind.STATE_MACHINE:
            start(connection, machine_arn=row["arn"], name=row["id"], input_text=row["input"], now=now)
        case TargetKind.FUNCTION:
            enqueue(connection, row["arn"], row["input"], identity=str(uuid.uuid5(_REQUESTS, row["id"])))
        case TargetKind.TOPIC:
            notifications.publish(connection, topic_arn=row["arn"], message=_text(row["input"]), now=now)
        case TargetKind.PIPELINE:
            given = json.loads(row["input"])
            start_pipeline_execution(connection, pipeline=row["arn"], parameters=given, token=row["id"], now=now)
        case _:
            assert_never(kind)


def _text(input_text: str) -> str:
    """Return what a person reads: of a JSON text its content, of all else the JSON."""
    value = json.loads(input_text)
    return value if isinstance(value, str) else input_text
