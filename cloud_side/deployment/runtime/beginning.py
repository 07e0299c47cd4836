"""The first step: what is asked, whether it is its turn, and whether it can be at all."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.clients import client, open_bucket
from cloud_side.deployment.asking import Asked, asked_for
from cloud_side.deployment.components import version_in
from cloud_side.deployment.keeping import Kept, read_plan, read_record, read_wish, records, take_lock, the, write_record
from cloud_side.deployment.records import BEGUN, Lock, Model, Outcome, Record, Stage, Wave
from cloud_side.deployment.runtime import clock
from cloud_side.deployment.runtime.opening import Opened, answer
from cloud_side.deployment.targets import check_apart, group_target, latest_of, things_of
from cloud_side.deployment.telling import told_of
from cloud_side.objects import Bucket, code_of
from cloud_side.training.registry.packages import champion, read_package
from cloud_side.training.registry.requests import Approval
from edge_inspector.errors import ConfigError

_ENDED: Final = frozenset({Outcome.DONE, Outcome.FAILED, Outcome.ROLLED_BACK})


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
    kept = read_record(bucket, event["execution"]) or write_record(bucket, _record(bucket, asked, event), None)
    begun = Opened(bucket, kept, clock.now(), read_wish(bucket, event["execution"]))
    if begun.record.outcome is Outcome.RUNNING:
        return answer("go" if asked.rollback is None else "restore")
    if begun.abort is not None:
        return answer("fail", begun.abort)
    if reason := _overtaken(begun):
        begun.keep(begun.record.model_copy(update=_end(begun, reason)))
        return answer("skip", reason) | {"told": told_of(begun.record)}
    if begun.is_paused or not _take_turn(begun):
        return begun.wait(begun.record.begun_at, "another rollout goes on")
    waves = _waves(begun.record) if asked.rollback is None else begun.record.waves
    started = {"outcome": Outcome.RUNNING, "waves": waves, "since": begun.now}
    begun.keep(begun.record.model_copy(update=started))
    return answer("go" if asked.rollback is None else "restore")


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
    """Return the record of what takes a rollout back: its waves, with what they had before."""
    former = the(read_record(bucket, str(asked.rollback)), str(asked.rollback)).record
    has_begun = any(wave.stage in BEGUN for wave in former.waves)
    if former.rollback_of is not None or former.outcome not in {Outcome.DONE, Outcome.FAILED} or not has_begun:
        has_to = "abort it instead" if former.outcome is Outcome.RUNNING else "there is nothing to take back"
        msg = f"{former.id}: expected a rollout that has brought a model, found it {former.outcome.value}: {has_to}"
        raise ConfigError(msg)
    _check_latest(former)
    now = clock.now()
    update = {
        "id": event["execution"],
        "execution": event["arn"],
        "by": asked.by,
        "why": asked.why,
        "is_event": False,
        "rollback_of": former.id,
        "begun_at": now,
        "since": now,
        "outcome": Outcome.WAITING,
        "reason": "",
        "ended_at": None,
    }
    return former.model_copy(update=update)


def _check_latest(former: Record) -> None:
    greengrass = client("greengrassv2")
    for wave in former.waves:
        if wave.stage is not Stage.DONE:
            continue
        latest = latest_of(greengrass, wave.target)
        there = version_in(latest, former.plan.component)
        if there != former.component_version:
            msg = (
                f"{former.id}: expected {former.plan.component} {former.component_version} on {wave.group}, found "
                f"{there or 'none'}: only the last rollout can be taken back"
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
    for other in records(begun.bucket):
        is_same = other.package == record.package and other.rollback_of is None and other.id != record.id
        if is_same and other.outcome in {Outcome.RUNNING, Outcome.DONE}:
            return f"rollout {other.id} has it"
    return None


def _take_turn(begun: Opened) -> bool:
    record = begun.record
    mine = Lock(rollout=record.id, execution=record.execution, since=begun.now)
    holder = take_lock(begun.bucket, mine)
    if holder.rollout == record.id:
        return True
    if not _has_ended(holder):
        return False
    if (left := read_record(begun.bucket, holder.rollout)) is not None and left.record.outcome not in _ENDED:
        reason = f"its execution ended on the way; `rollout rollback {holder.rollout}` takes it back"
        _end_other(begun.bucket, left, reason)
    return take_lock(begun.bucket, mine, stale=holder.rollout).rollout == record.id


def _end_other(bucket: Bucket, left: Kept, reason: str) -> None:
    update = {"outcome": Outcome.FAILED, "reason": reason, "ended_at": clock.now()}
    write_record(bucket, left.record.model_copy(update=update), left.etag)


def _has_ended(holder: Lock) -> bool:
    try:
        said = client("stepfunctions").describe_execution(executionArn=holder.execution)
    except ClientError as error:
        if code_of(error) != "ExecutionDoesNotExist":
            raise
        return True
    return said["status"] not in {"RUNNING", "PENDING_REDRIVE"}


def _end(begun: Opened, reason: str) -> dict[str, Any]:
    return {"outcome": Outcome.OVERTAKEN, "reason": reason, "ended_at": begun.now}
