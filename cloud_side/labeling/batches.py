"""Batches as a person asks for them: started, and looked at; by boto3 alone, so in AWS as on one machine."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.places import batch_key
from cloud_side.labeling.settings import parse_settings
from cloud_side.labeling.work.agreeing import Agreeing
from cloud_side.labeling.work.desk import Desk
from cloud_side.labeling.work.orders import Order, told
from cloud_side.objects import Bucket
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
    states.start_execution(stateMachineArn=_machine(states), name=name, input=strict_json(settings))
    return name


def status(bucket: Bucket, states: Any, batch: str | None) -> dict[str, Any]:  # noqa: ANN401 - a client of boto3
    """Return what people work on and what the last batches came to, as JSON.

    Args:
        bucket: The bucket.
        states: Client of Step Functions.
        batch: Only this one, with how far people agree; None: all that are open, and the last ones.
    """
    desk = Desk(bucket)
    orders = [order for order in desk.orders() if batch in {None, order.batch}]
    agreeing = Agreeing(bucket)
    names = dict.fromkeys([batch] if batch else [order.batch for order in orders])
    return {
        "orders": [_order(desk, order) for order in orders],
        "agreement": [agreeing.of_batch(name) for name in names],
        "batches": list(_batches(bucket, states, batch)),
    }


def _order(desk: Desk, order: Order) -> dict[str, Any]:
    progress = desk.progress(order, "").document()
    return {
        "batch": order.batch,
        "round": order.round,
        "kind": order.kind.value,
        "workers": order.needed,
        "closes_at": told(order.closes_at),
        **{name: progress[name] for name in ("items", "answered", "waiting")},
    }


def _batches(bucket: Bucket, states: Any, batch: str | None) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as above
    executions = (
        each
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=_machine(states))
        for each in page["executions"]
        if batch in {None, each["name"]}
    )
    for each in islice(executions, 1 if batch else _LATEST):
        kept = bucket.read(batch_key(each["name"], "report.json"))
        yield {
            "batch": each["name"],
            "status": each["status"],
            "started": told(each["startDate"]),
            "report": None if kept is None else json.loads(kept.content),
        }


def _machine(states: Any) -> str:  # noqa: ANN401 - as above
    for page in states.get_paginator("list_state_machines").paginate():
        for each in page["stateMachines"]:
            if each["name"] == MACHINE:
                return str(each["stateMachineArn"])
    msg = f"{MACHINE}: there is no such state machine here; `edge-inspector-cloud local up` installs it on this machine"
    raise ConfigError(msg)
