"""The last step: the record says what came of it, the package is marked if it failed, and the lock is let go."""

import json
from collections.abc import Mapping
from typing import Any, Final

from cloud_side.clients import client, open_bucket
from cloud_side.deployment.keeping import let_go, read_record, write_record
from cloud_side.deployment.records import Outcome, Record
from cloud_side.deployment.runtime import clock
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.telling import told_of, told_of_nothing
from cloud_side.objects import Bucket
from cloud_side.training.registry.packages import read_package
from cloud_side.training.registry.requests import Approval, judge_request

_LONGEST: Final = 900  # letters of a reason


def finish(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Note that a rollout is done.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Returns:
        With `told`: what people are told.

    Raises:
        ConfigError: If the record is gone.
        RecordLostError: If the step is to run again.
    """
    return _end(opened(event), Outcome.DONE, "")


def close(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Note that a rollout has failed, or was taken back, and mark the package so that nobody rolls it out again.

    Args:
        event: `bucket`, `execution`, `failure` of the workflow or null, `reason` that a step gave, and `unrestored`:
            what went wrong on the way back, or null.
        context: Of the function.

    Returns:
        With `told`: what people are told.

    Raises:
        ConfigError: If the record cannot be read.
        RecordLostError: If the step is to run again.
    """
    bucket, rollout = open_bucket(event["bucket"]), str(event["execution"])
    said = (_failure(event.get("failure")), str(event.get("reason") or ""), _failure(event.get("unrestored")))
    reason = "; ".join(filter(None, said))
    if read_record(bucket, rollout) is None:
        return answer("go") | {"told": told_of_nothing(rollout, reason)}
    begun = opened(event)
    record = begun.record
    if record.outcome in {Outcome.WAITING, Outcome.RUNNING}:
        is_taken_back = record.rollback_of is not None and not reason
        reason = (reason or f"{record.why}, asked by {record.by}")[:_LONGEST]
        if record.outcome is Outcome.RUNNING:
            _mark(record, reason)
        if is_taken_back:
            _note_former(bucket, record, reason)
            return _end(begun, Outcome.ROLLED_BACK, reason)
        return _end(begun, Outcome.FAILED, reason)
    return _end(begun, record.outcome, record.reason)


def _end(begun: Opened, outcome: Outcome, reason: str) -> dict[str, Any]:
    if begun.record.ended_at is None:
        ended = {"outcome": outcome, "reason": reason, "ended_at": begun.now}
        begun.keep(begun.record.model_copy(update=ended))
    let_go(begun.bucket, begun.record.id)
    return answer("go") | {"told": told_of(begun.record)}


def _mark(record: Record, reason: str) -> None:
    registry = client("sagemaker")
    if read_package(registry, record.package).approval is not Approval.REJECTED:
        request = judge_request(
            record.package, Approval.REJECTED, who=f"rollout {record.id}", why=_printable(reason), at=clock.now()
        )
        registry.update_model_package(**request)


def _note_former(bucket: Bucket, record: Record, reason: str) -> None:
    former = None if record.rollback_of is None else read_record(bucket, record.rollback_of)
    if former is not None and former.record.outcome is not Outcome.ROLLED_BACK:
        update = {"outcome": Outcome.ROLLED_BACK, "reason": f"{record.id}: {reason}"}
        write_record(bucket, former.record.model_copy(update=update), former.etag)


def _failure(failure: Mapping[str, Any] | None) -> str:
    """Return why the workflow failed, as one line; a function's cause is JSON in AWS."""
    if not failure:
        return ""
    cause = str(failure.get("Cause", ""))
    try:
        said = json.loads(cause)
        cause = str(said.get("errorMessage", cause)) if isinstance(said, dict) else cause
    except ValueError:
        pass
    return _printable(f"{failure.get('Error', 'failed')}: {cause}")


def _printable(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_LONGEST]
