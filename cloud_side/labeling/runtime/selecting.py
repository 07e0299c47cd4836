"""The steps that select: the statement under the next number, and the claim that gets the number or asks again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from cloud_side.catalog.tables import TAKEN
from cloud_side.labeling.places import batch_key
from cloud_side.labeling.runtime.clients import Client, client
from cloud_side.labeling.runtime.lines import split_uri, write_lines
from cloud_side.labeling.runtime.listing import listed
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


def query(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with the statement, the number that its claim will have, and where its answer shall lie.

    Args:
        event: `bucket`, `batch`, `settings`, and `started` as ISO 8601.
        context: Of the function.
    """
    settings, bucket = parse_settings(event["settings"]), event["bucket"]
    keys = (each.key for each in listed(client("s3"), bucket, TAKEN.prefix))
    return {
        "number": next_number(keys),  # before the statement runs, which sees every claim with a smaller one
        "sql": statement(settings, datetime.fromisoformat(event["started"])),
        "output": f"s3://{bucket}/{batch_key(event['batch'], 'query/')}",
    }


def take(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with how many samples the batch has taken, and whether another batch was faster with the number.

    Args:
        event: `bucket`, `batch`, `settings`, `number`, `started` as ISO 8601, and `result`: address of the CSV.
        context: Of the function.
    """
    settings, bucket, batch = parse_settings(event["settings"]), event["bucket"], event["batch"]
    s3 = client("s3")
    source, key = split_uri(event["result"])
    answer = s3.get_object(Bucket=source, Key=key)["Body"].read()  # a batch has 10,000 images at most
    samples = list(selected(answer.decode()))
    if samples:
        until = held_until(settings, datetime.fromisoformat(event["started"]))
        if not _is_claimed(s3, bucket, event["number"], batch, claim(batch, samples, until)):
            return {"taken": 0, "conflict": True}
    items = (each.line() for each in samples)
    return {"taken": write_lines(s3, bucket, batch_key(batch, "taken.jsonl"), items), "conflict": False}


def _is_claimed(s3: Client, bucket: str, number: int, batch: str, content: bytes) -> bool:
    """Lay a claim where there is none; return whether the one that is there now is the batch's own.

    Raises:
        ClientError: Also when somebody is writing it at this moment: then nobody has it yet, and the step runs again.
    """
    key = claim_key(number)
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        return is_claim_of(batch, s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return True
