"""The first step: what is asked, whether it is its turn, and whether it can be at all."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cloud_side.clients import client, open_bucket
from cloud_side.deployment.asking import Asked, asked_for
from cloud_side.deployment.components import has_brought, version_in
from cloud_side.deployment.keeping import (
    Kept,
    let_go,
    read_plan,
    read_record,
    read_wish,
    records,
    take_lock,
    the,
    write_record,
)
from cloud_side.deployment.records import BEGUN, NOT_BACK, OPEN, Lock, Model, Outcome, Record, Stage, Wave
from cloud_side.deployment.runtime import clock
from cloud_side.deployment.runtime.opening import Opened, answer, has_ended
from cloud_side.deployment.targets import check_apart, group_target, standing_in, things_of
from cloud_side.deployment.telling import ended_on_the_way, told_of
from cloud_side.objects import Bucket
from cloud_side.training.registry.packages import champion, read_package
from cloud_side.training.registry.requests import Approval
from edge_inspector.errors import ConfigError


def begin(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Write the record of a rollout, and take the lock when it is its turn.

    Args:
        event: `bucket`, `execution`: its name, `arn`, and its `input`.
        context: Of the function.

    Returns:
        `next`: `go`, `wait` for its turn, `restore` to take a rollout back, `skip` where nothing is to be done, or
        `fail`; `reason`, `pause_s`, and `told` where it ends here.

    Raises:
        ConfigError: If a person must change what was asked for, or the plan.
        RegistryError: If there is no such package.
        RecordLostError: If the step is to run again.
    """
    bucket, asked = open_bucket(event["bucket"]), asked_for(event["input"])
    kept = read_record(bucket, event["execution"])
    if kept is None and asked.is_event and asked.rollback is not None:
        left = _left(bucket, asked.rollback)
        if left is None:
            return answer("skip", "it left nothing behind")
        asked = asked.model_copy(update={"rollback": left})
    kept = kept or write_record(bucket, _record(bucket, asked, event), None)
    begun = Opened(bucket, kept, clock.now(), read_wish(bucket, event["execution"]))
    if begun.record.outcome is Outcome.RUNNING:
        return answer("go" if asked.rollback is None else "restore")
    if (end := begun.end()) is not None:
        return end
    if reason := _overtaken(begun):
        begun.keep(begun.record.model_copy(update=_end(begun, reason)))
        return answer("skip", reason) | {"told": told_of(begun.record)}
    if begun.is_paused or not _take_turn(begun):
        return begun.wait(begun.record.begun_at, "another rollout goes on")
    rollback = begun.record.rollback_of
    waves = _waves(begun.record) if rollback is None else _former(bucket, rollback).waves
    started = {"outcome": Outcome.RUNNING, "waves": waves, "since": begun.now}
    begun.keep(begun.record.model_copy(update=started))
    return answer("go" if asked.rollback is None else "restore")


def _left(bucket: Bucket, rollout: str) -> str | None:
    """Return the rollout whose model an execution left on some stations when it ended; None where it left nothing.

    What is not left to be taken back is noted to have ended. What was tried in vain on the way back was told.
    """
    kept = read_record(bucket, rollout)
    if kept is None:
        return None
    record = kept.record
    is_back, is_open = record.rollback_of is not None, record.outcome in OPEN
    wish = read_wish(bucket, rollout)
    is_aborted = wish is not None and wish.wish == "abort"
    is_done = is_open and not is_back and not is_aborted and bool(record.waves) and record.current() is None
    has_failed = record.outcome is Outcome.FAILED and not is_back
    stages = BEGUN - {Stage.UNRESTORED}
    is_left = any(wave.stage in stages and has_brought(record, at) for at, wave in enumerate(record.waves))
    if (is_open or has_failed) and not is_done and is_left:
        return record.rollback_of or record.id
    if is_back and is_open and record.is_event and not record.waves:  # it was not its turn yet
        _end_other(bucket, kept, "its execution ended before it was its turn")
        return record.rollback_of
    if is_open:
        _end_other(bucket, kept, "" if is_done else "its execution ended on the way", is_done=is_done)
        let_go(bucket, record.id)
    return None


def _record(bucket: Bucket, asked: Asked, event: Mapping[str, Any]) -> Record:
    now = clock.now()
    if asked.rollback is not None:
        return _taking_back(bucket, asked, event)
    assert asked.package is not None  # noqa: S101 - one of the two is there
    package = read_package(client("sagemaker"), asked.package)
    return Record(
        id=event["execution"],
        execution=event["arn"],
        package=package.arn,
        by=asked.by,
        why=asked.why,
        is_event=asked.is_event,
        begun_at=now,
        since=now,
        plan=read_plan(bucket),
        model=Model(name=package.name, version=package.version),
    )


def _taking_back(bucket: Bucket, asked: Asked, event: Mapping[str, Any]) -> Record:
    """Return the record of what takes a rollout back; it gets the waves, with what they had, when it is its turn."""
    former, now = _former(bucket, str(asked.rollback)), clock.now()
    update = {
        "id": event["execution"],
        "execution": event["arn"],
        "by": asked.by,
        "why": asked.why,
        "is_event": asked.is_event,
        "rollback_of": former.id,
        "begun_at": now,
        "since": now,
        "outcome": Outcome.WAITING,
        "reason": "",
        "ended_at": None,
        "waves": (),
    }
    return former.model_copy(update=update)


def _former(bucket: Bucket, rollout: str) -> Record:
    """Return the rollout that is to be taken back: the one of that id, or that which another one could not take back.

    Raises:
        ConfigError: If there is nothing to take back, it goes on, or a later one has brought another model.
    """
    former = the(read_record(bucket, rollout), rollout).record
    if former.rollback_of is not None:
        return _former(bucket, former.rollback_of)
    has_brought_it = any(wave.stage in NOT_BACK and has_brought(former, at) for at, wave in enumerate(former.waves))
    is_left = former.outcome is Outcome.RUNNING and _is_dead(former.execution)
    if not has_brought_it or not (is_left or former.outcome in {Outcome.DONE, Outcome.FAILED}):
        is_on = former.outcome is Outcome.RUNNING and not is_left
        has_to = "abort it instead" if is_on else "there is nothing to take back"
        msg = f"{former.id}: expected a rollout that has brought a model, found it {former.outcome.value}: {has_to}"
        raise ConfigError(msg)
    _check_latest(former)
    return former


def _check_latest(former: Record) -> None:
    component, ours = former.plan.component, former.component_version
    others: dict[str, str | None] = {}
    for wave in (each for each in former.waves if each.stage in BEGUN):
        there = version_in(standing_in(client("greengrassv2"), wave.target), component)
        if there in {ours, version_in(wave.before, component)}:
            return  # a wave that somebody else has given another model meanwhile is left alone
        others[wave.group] = there
    if others:
        group, there = next(iter(others.items()))
        msg = (
            f"{former.id}: expected {component} {ours} on {group}, found {there or 'none'}: only the last "
            "rollout can be taken back"
        )
        raise ConfigError(msg)


def _waves(record: Record) -> tuple[Wave, ...]:
    iot = client("iot")
    waves = tuple(Wave(group=group, target=group_target(iot, group)) for group in record.plan.groups)
    check_apart({wave.group: things_of(iot, wave.group) for wave in waves})
    return waves


def _overtaken(begun: Opened) -> str | None:
    """Return why a rollout that waits is not to be done any more; None where it is."""
    record = begun.record
    if record.rollback_of is not None:
        return None
    registry = client("sagemaker")
    package = read_package(registry, record.package)
    if package.approval is not Approval.APPROVED:
        return f"the model is {package.approval.value}, expected Approved"
    if not record.is_event:
        return None
    newest = champion(registry, package.group, package.name)
    if newest is not None and newest.arn != package.arn and newest.number > package.number:
        return f"{newest.title} is approved and newer"
    others = [each for each in records(begun.bucket) if each.rollback_of is None and each.id != record.id]
    done = [each for each in others if each.outcome is Outcome.DONE]
    newest_done = max(done, key=lambda each: each.ended_at or each.begun_at, default=None)
    for other in others:
        goes_on = other.outcome is Outcome.RUNNING and not _is_dead(other.execution)
        if other.package == record.package and (other is newest_done or goes_on):
            return f"rollout {other.id} has it"
    return None


def _take_turn(begun: Opened) -> bool:
    record = begun.record
    mine = Lock(rollout=record.id, execution=record.execution, since=begun.now)
    holder = take_lock(begun.bucket, mine)
    if holder.rollout == record.id:
        return True
    if not _is_dead(holder.execution):
        return False
    with suppress(ConfigError):  # a record that cannot be read stops no other rollout; `rollout status` tells of it
        left = read_record(begun.bucket, holder.rollout)
        if left is not None and left.record.outcome in OPEN:
            _end_other(begun.bucket, left, ended_on_the_way(left.record))
    return take_lock(begun.bucket, mine, stale=holder.rollout).rollout == record.id


def _end_other(bucket: Bucket, left: Kept, reason: str, *, is_done: bool = False) -> None:
    outcome = Outcome.DONE if is_done else Outcome.FAILED
    update = {"outcome": outcome, "reason": reason, "ended_at": clock.now()}
    write_record(bucket, left.record.model_copy(update=update), left.etag)


def _is_dead(execution: str) -> bool:
    return has_ended(client("stepfunctions"), execution)


def _end(begun: Opened, reason: str) -> dict[str, Any]:
    return {"outcome": Outcome.OVERTAKEN, "reason": reason, "ended_at": begun.now}
