"""The steps that have people work: an order is opened for the labeling page, and shut where people took too long."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cloud_side.clients import open_bucket
from cloud_side.labeling.items import read_class_names
from cloud_side.labeling.places import SETTINGS, WorkKind, batch_key, input_key, order_key, output_key
from cloud_side.labeling.settings import LabelingSettings, parse_settings
from cloud_side.labeling.work.finishing import close, remove
from cloud_side.labeling.work.opening import open_work
from cloud_side.labeling.work.orders import Closing, Order, OrderError, instant, read_order
from cloud_side.objects import Bucket

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def open_order(event: Mapping[str, Any], context: object) -> dict[str, str]:  # noqa: ARG001 - a function's signature
    """Ask people for their work; the labeling page answers the token once all is done.

    Args:
        event: `bucket`, `batch`, `round`, `kind`, `settings`, `token` and `closes_at` as ISO 8601.
        context: Of the function.
    """
    bucket = open_bucket(event["bucket"])
    order = replace(
        _order(bucket, event, parse_settings(event["settings"])),
        token=str(event["token"]),
        opened_at=datetime.now(UTC),
        closes_at=instant(event["closes_at"]),
    )
    open_work(bucket, order)
    return {"order": order.key}


def shut_order(event: Mapping[str, Any], context: object) -> dict[str, str]:  # noqa: ARG001 - a function's signature
    """Ask for no more work, and answer with the output manifest of what was done until now.

    Args:
        event: `bucket`, `batch`, `round` and `kind`.
        context: Of the function.
    """
    bucket = open_bucket(event["bucket"])
    number, kind = int(event["round"]), WorkKind(event["kind"])
    kept = bucket.read(order_key(event["batch"], number, kind))
    output = output_key(event["batch"], number, kind)
    if kept is None and bucket.written_at(output) is not None:  # shut before, or finished at the last moment
        return {"output": bucket.address(output)}
    order = _never_opened(bucket, event) if kept is None else read_order(kept.content)
    address = close(bucket, order, Closing.SHUT)
    remove(bucket, order)
    return {"output": address}


def _never_opened(bucket: Bucket, event: Mapping[str, Any]) -> Order:
    """Return the order that should have been there."""
    key = batch_key(event["batch"], SETTINGS)
    kept = bucket.read(key)
    if kept is None:
        msg = f"{key}: expected the settings of a batch, found nothing"
        raise OrderError(msg)
    return _order(bucket, event, parse_settings(json.loads(kept.content)))


def _order(bucket: Bucket, event: Mapping[str, Any], settings: LabelingSettings) -> Order:
    """Return an order for which nobody waits yet."""
    batch, number, kind = str(event["batch"]), int(event["round"]), WorkKind(event["kind"])
    key = input_key(batch, number, kind)
    return Order(
        batch=batch,
        round=number,
        kind=kind,
        token="",
        input=key,
        opened_at=_EPOCH,
        closes_at=_EPOCH,
        workers=settings.workers,
        agreement_iou=settings.agreement_iou,
        second_person=settings.second_person,
        class_names=_class_names(bucket, key, settings),
    )


def _class_names(bucket: Bucket, key: str, settings: LabelingSettings) -> tuple[str, ...]:
    if bucket.written_at(key) is None:
        msg = f"{key}: expected the input manifest of an order, found nothing"
        raise OrderError(msg)
    return read_class_names(bucket.lines(key)) or settings.class_names
