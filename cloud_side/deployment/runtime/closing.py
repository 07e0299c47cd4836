"""The last step: the record says what came of it, the package is marked if it failed, and the lock is let go."""

import json
from collections.abc import Mapping
from typing import Any, Final

from cloud_side.clients import client, open_bucket
from cloud_side.deployment.keeping import let_go, read_record, the, write_record
from cloud_side.deployment.records import NOT_BACK, OPEN, Outcome, Record
from cloud_side.deployment.runtime import clock
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.telling import left_of, told_of, told_of_nothing
from cloud_side.objects import Bucket
from cloud_side.training.registry.packages import RegistryError, read_package
from cloud_side.training.registry.requests import Approval, judge_request

_LONGEST: Final = 900  # letters of a reason
_LONGEST_TOLD: Final = 200  # letters that are told of a wave


def finish(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Note that a rollout is done, unless a person aborts it at the last moment.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Returns:
        `next`: `go`, with `told`: what people are told; or `fail`.

    Raises:
        ConfigError: If the record is gone.
        RecordLostError: If the step is to run again.
    """
    begun = opened(event)
    if begun.abort is not None and begun.record.ended_at is None:
        return answer("fail", begun.abort, blames=True)
    return _end(begun, Outcome.DONE, "")


def close(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Note that a rollout has failed, or was taken back.

    A model that is to blame is rejected, so that nobody rolls it out again; trouble of the cloud is nothing about it.

    Args:
        event: `bucket`, `execution`, `failure` of the workflow or null, `reason` that a step gave, `blames`: the model
            is to blame, or a person says no to it, and `unrestored`: what went wrong on the way back, or null.
        context: Of the function.

    Returns:
        With `told`: what people are told.

    Raises:
        ConfigError: If the record cannot be read.
        RecordLostError: If the step is to run again.
    """
    bucket, rollout = open_bucket(event["bucket"]), str(event["execution"])
    reason = "; ".join(filter(None, (_failure(event.get("failure")), str(event.get("reason") or ""))))
    if read_record(bucket, rollout) is None:
        return answer("go") | {"told": told_of_nothing(rollout, reason)}
    begun = opened(event)
    if begun.record.outcome not in OPEN:
        return _end(begun, begun.record.outcome, begun.record.reason)
    if begun.record.outcome is Outcome.WAITING:
        return _end(begun, Outcome.FAILED, reason[:_LONGEST])
    if begun.abort is not None and begun.abort not in reason:
        reason = "; ".join(filter(None, (begun.abort, reason)))
    return _close(begun, reason, _failure(event.get("unrestored")), blames=event["blames"] or begun.abort is not None)


def _close(begun: Opened, reason: str, unrestored: str, *, blames: bool) -> dict[str, Any]:
    """Note what came of the way back of a rollout that had begun; `unrestored` is what went wrong on it."""
    for place, wave in enumerate(begun.record.waves):
        if unrestored and wave.stage in NOT_BACK:
            begun.keep(begun.record.with_wave(place, told=unrestored[:_LONGEST_TOLD]))
    record = begun.record
    is_back = record.rollback_of is not None
    reason = (reason or f"{record.why}, asked by {record.by}")[:_LONGEST]
    if blames or (is_back and not record.is_event):
        reason = _marked(record, reason)
    outcome = Outcome.ROLLED_BACK if is_back and not left_of(record) else Outcome.FAILED
    if is_back:
        _note_former(begun.bucket, record, outcome, reason)
    return _end(begun, outcome, reason)


def _end(begun: Opened, outcome: Outcome, reason: str) -> dict[str, Any]:
    if begun.record.ended_at is None:
        ended = {"outcome": outcome, "reason": reason, "ended_at": begun.now}
        begun.keep(begun.record.model_copy(update=ended))
    let_go(begun.bucket, begun.record.id)
    return answer("go") | {"told": told_of(begun.record)}


def _marked(record: Record, reason: str) -> str:
    """Reject the package, and return the reason; that it was deleted meanwhile is no matter, and is told."""
    registry = client("sagemaker")
    try:
        approval = read_package(registry, record.package).approval
    except RegistryError as error:
        return f"{reason}; its package is not rejected: {error}"[:_LONGEST]
    if approval is not Approval.REJECTED:
        request = judge_request(
            record.package, Approval.REJECTED, who=f"rollout {record.id}", why=_printable(reason), at=clock.now()
        )
        registry.update_model_package(**request)
    return reason


def _note_former(bucket: Bucket, record: Record, outcome: Outcome, reason: str) -> None:
    """Note at the rollout that was to be taken back how far its waves are: what is not back can be tried again."""
    former = the(read_record(bucket, str(record.rollback_of)), str(record.rollback_of))
    update: dict[str, Any] = {"waves": record.waves}
    if outcome is Outcome.ROLLED_BACK or former.record.outcome in OPEN:
        update |= {"outcome": outcome, "reason": f"{record.id}: {reason}"}
    changed = former.record.model_copy(update=update)
    if changed != former.record:
        write_record(bucket, changed, former.etag)


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
