"""What stations say, for the workflow: an alarm that a new model may help against becomes an event of the product's."""

from collections.abc import Mapping
from typing import Any, Final

from cloud_side.clients import client, open_bucket
from cloud_side.training.triggers.alarms import drift_alarm, raised_request
from edge_inspector.errors import InspectorError

_MOST_BYTES: Final = 1 << 17  # of a message of AWS IoT Core


class UntoldError(InspectorError):
    """EventBridge has not taken an event: the function is to run again."""


def hear(event: Mapping[str, Any], context: object) -> None:  # noqa: ARG001 - a function's signature
    """Tell of an alarm that was raised, once for each, also where its message came twice.

    One that is told twice all the same, by functions that run at the same moment or are killed in between, does no
    harm: the same data is trained on once.

    Args:
        event: "Object Created" of S3, for a message that was kept; whatever is no such alarm is passed over.
        context: Of the function.

    Raises:
        UntoldError: If the function is to run again.
    """
    told = event["detail"]
    if told["object"]["size"] > _MOST_BYTES:
        return
    bucket = open_bucket(told["bucket"]["name"])
    kept = bucket.read(told["object"]["key"])
    alarm = None if kept is None else drift_alarm(kept.content)
    if alarm is None or bucket.written_at(alarm.key) is not None:
        return
    answer = client("events").put_events(**raised_request(alarm))
    if answer["FailedEntryCount"]:
        (entry,) = answer["Entries"]
        msg = f"{alarm.identity}: expected EventBridge to take it, found {entry['ErrorCode']}: {entry['ErrorMessage']}"
        raise UntoldError(msg)
    bucket.write(alarm.key, b"")
