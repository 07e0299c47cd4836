"""The steps that select: the statement under the next number, and the claim that gets the number or asks again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloud_side.catalog.tables import TAKEN
from cloud_side.clients import open_bucket
from cloud_side.labeling import places
from cloud_side.labeling.places import batch_key
from cloud_side.labeling.selection import (
    claim,
    claim_key,
    held_until,
    is_claim_of,
    next_number,
    selected,
    statement,
)
from cloud_side.labeling.settings import parse_settings
from cloud_side.objects import LINES, Bucket, parse_address


def query(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with the statement, the number that its claim will have, and where its answer shall lie.

    Args:
        event: `bucket`, `batch`, `settings`, and `started` as ISO 8601.
        context: Of the function.
    """
    settings, bucket = parse_settings(event["settings"]), open_bucket(event["bucket"])
    keys = (each.key for each in bucket.listed(TAKEN.prefix, is_deep=False))
    return {
        "number": next_number(keys),  # before the statement runs, which sees every claim with a smaller one
        "sql": statement(settings, datetime.fromisoformat(event["started"])),
        "output": bucket.address(batch_key(event["batch"], places.QUERY)),
    }


def take(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with how many samples the batch has taken, and whether another batch was faster with the number.

    Args:
        event: `bucket`, `batch`, `settings`, `number`, `started` as ISO 8601, and `result`: address of the CSV.
        context: Of the function.
    """
    settings, bucket, batch = parse_settings(event["settings"]), open_bucket(event["bucket"]), event["batch"]
    samples = list(selected(_answer(event["result"])))
    if samples:
        until = held_until(settings, datetime.fromisoformat(event["started"]))
        if not _is_claimed(bucket, event["number"], batch, claim(batch, samples, until)):
            return {"taken": 0, "conflict": True}
    items = (each.line() for each in samples)
    return {"taken": bucket.write_lines(batch_key(batch, places.TAKEN), items), "conflict": False}


def _answer(address: str) -> str:
    """Return what Athena has written; a batch has 10,000 images at most."""
    name, key = parse_address(address)
    kept = open_bucket(name).read(key)
    if kept is None:
        msg = f"{address}: expected the answer of a query, found nothing"
        raise FileNotFoundError(msg)
    return kept.content.decode()


def _is_claimed(bucket: Bucket, number: int, batch: str, content: bytes) -> bool:
    """Lay a claim where there is none; return whether the one that is there now is the batch's own.

    Raises:
        RuntimeError: If others write it at this moment: then nobody has it yet, and the step runs again.
    """
    key = claim_key(number)
    if bucket.write(key, content, is_new=True, media=LINES) is not None:
        return True
    kept = bucket.read(key)
    if kept is None:
        msg = f"{key}: others write it at this moment; try again"
        raise RuntimeError(msg)
    return is_claim_of(batch, kept.content)
