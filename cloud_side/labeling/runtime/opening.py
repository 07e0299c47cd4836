"""The first step of a batch: what it is asked for is checked at the door, and kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from cloud_side.catalog.labels import strict_json
from cloud_side.clients import open_bucket
from cloud_side.labeling.ground_truth import check_available
from cloud_side.labeling.places import SETTINGS, batch_key
from cloud_side.labeling.selection import statement
from cloud_side.labeling.settings import LabelingSettings, Method, parse_settings
from cloud_side.objects import Bucket, code_of
from edge_inspector.errors import ConfigError
from edge_inspector.sample_keys import prefix_problem


def settle(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with all settings of a batch, and keep them as `settings.json`.

    Args:
        event: `bucket`, `batch`, `started` as ISO 8601, `workteam`, and `input` of the execution.
        context: Of the function.

    Raises:
        ConfigError: If a person must change the input, with one line a problem; or the batch's name, as another batch
            has had it and what people answered there is no answer to this one.
    """
    bucket, settings = open_bucket(event["bucket"]), parse_settings(event["input"])
    if problem := prefix_problem(settings.samples_prefix):
        msg = f"samples_prefix: {problem}"
        raise ConfigError(msg)
    statement(settings, datetime.fromisoformat(event["started"]))  # what cannot be asked for is said now
    if settings.method is Method.GROUND_TRUTH:
        check_available(bucket.s3.meta.region_name, event["workteam"])
    _keep(bucket, event["batch"], event["started"], settings)
    return {"settings": settings.model_dump(mode="json")}


def _keep(bucket: Bucket, batch: str, started: str, settings: LabelingSettings) -> None:
    """Keep the settings once, with when the batch began: by it, a step that runs again knows them for its own."""
    where = {"Bucket": bucket.name, "Key": batch_key(batch, SETTINGS)}
    content = f"{strict_json(settings.model_dump(mode='json'))}\n".encode()
    more = {"ContentType": "application/json", "Metadata": {"started": started}}
    try:
        bucket.s3.put_object(**where, **more, Body=content, IfNoneMatch="*")
    except ClientError as error:
        if code_of(error) != "PreconditionFailed":
            raise
        before = bucket.s3.head_object(**where)["Metadata"].get("started")
        if before != started:
            msg = f"batch: expected a name that no batch has had, found {batch!r}, of one that began at {before}"
            raise ConfigError(msg) from error
