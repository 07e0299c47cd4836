"""Batches as a person asks for them: started, and looked at; by boto3 alone, so in AWS as on one machine."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side import executions
from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.places import REPORT, batch_key
from cloud_side.labeling.settings import parse_settings
from cloud_side.labeling.work.agreeing import Agreeing
from cloud_side.labeling.work.desk import Desk
from cloud_side.labeling.work.orders import Order, is_batch, told
from cloud_side.labeling.work.progress import Progress
from cloud_side.objects import Bucket, code_of
from edge_inspector.errors import ConfigError

MACHINE: Final = "edge-inspector-labeling"
_LATEST: Final = 5  # batches that are told of


def start(states: Any, settings: Mapping[str, Any], name: str | None) -> str:  # noqa: ANN401 - a client of boto3
    """Start a batch and return its name.

    Args:
        states: Client of Step Functions.
        settings: Input of the workflow; checked before anything begins.
        name: Of the batch; None: by the time.

    Raises:
        ConfigError: If the settings cannot be, or the workflow is not there.
    """
    parse_settings(settings)
    name = name or f"labeling-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    executions.start(states, MACHINE, name, strict_json(settings))
    return name


def check_name(batch: str) -> None:
    """Let the name of a batch pass, which is part of keys.

    Raises:
        ConfigError: If it cannot be one.
    """
    if not is_batch(batch):
        msg = f"BATCH: expected the name of a batch, found {batch!r:.100}"
        raise ConfigError(msg)


def status(bucket: Bucket, states: Any, batch: str | None) -> dict[str, Any]:  # noqa: ANN401 - a client of boto3
    """Return what people work on and what the last batches came to, as JSON.

    Args:
        bucket: The bucket.
        states: Client of Step Functions.
        batch: Only this one, with how far people agree; None: all that are open, and the last ones.
    """
    if batch is not None:
        check_name(batch)
    orders = [each for each in Desk(bucket).listed("") if batch in {None, each[0].batch}]
    agreeing = Agreeing(bucket)
    names = dict.fromkeys([batch] if batch else [order.batch for order, _ in orders])
    return {
        "orders": [_order(order, progress) for order, progress in orders],
        "agreement": [agreeing.of_batch(name) for name in names],
        "batches": list(_batches(bucket, states, batch)),
    }


def _order(order: Order, progress: Progress) -> dict[str, Any]:
    return {
        "batch": order.batch,
        "round": order.round,
        "kind": order.kind.value,
        "workers": order.needed,
        "closes_at": told(order.closes_at),
        "items": progress.items,
        "answered": progress.answered,
        "waiting": progress.waiting,
    }


def _batches(bucket: Bucket, states: Any, batch: str | None) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as above
    executions = _executions(states, batch)
    for each in executions:
        report = _report(bucket, each["name"])
        yield {"batch": each["name"], "status": each["status"], "started": told(each["startDate"]), "report": report}
    if batch is not None and not executions and (report := _report(bucket, batch)) is not None:
        # What ran is forgotten after 90 days, the report is not.
        yield {"batch": batch, "status": None, "started": report.get("opened_at"), "report": report}


def _executions(states: Any, batch: str | None) -> list[Mapping[str, Any]]:  # noqa: ANN401 - as above
    """Return the latest executions, or that of a batch; none where there is no workflow."""
    machine = executions.machine_arn(states, MACHINE)
    if machine is None:
        return []
    if batch is None:
        return list(states.list_executions(stateMachineArn=machine, maxResults=_LATEST)["executions"])
    try:
        return [states.describe_execution(executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:{batch}")]
    except ClientError as error:
        if code_of(error) != "ExecutionDoesNotExist":
            raise
        return []


def _report(bucket: Bucket, batch: str) -> dict[str, Any] | None:
    kept = bucket.read(batch_key(batch, REPORT))
    report: dict[str, Any] | None = None if kept is None else json.loads(kept.content)
    return report
