"""The first step of a batch: what it is asked for is checked at the door, and kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.places import SETTINGS, batch_key
from cloud_side.labeling.runtime.clients import open_bucket
from cloud_side.labeling.selection import statement
from cloud_side.labeling.settings import parse_settings
from edge_inspector.errors import ConfigError
from edge_inspector.sample_keys import prefix_problem


def settle(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with all settings of a batch, and keep them as `settings.json`.

    Args:
        event: `bucket`, `batch`, `started` as ISO 8601, and `input` of the execution.
        context: Of the function.

    Raises:
        ConfigError: If a person must change the input; with one line a problem.
    """
    settings = parse_settings(event["input"])
    if problem := prefix_problem(settings.samples_prefix):
        msg = f"samples_prefix: {problem}"
        raise ConfigError(msg)
    statement(settings, datetime.fromisoformat(event["started"]))  # what cannot be asked for is said now
    document = settings.model_dump(mode="json")
    key = batch_key(event["batch"], SETTINGS)
    open_bucket(event["bucket"]).write(key, f"{strict_json(document)}\n".encode())
    return {"settings": document}
