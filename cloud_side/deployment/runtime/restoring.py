"""The way back: each wave that was begun, the newest first, gets exactly the components that it had."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.clients import client, open_bucket
from cloud_side.deployment.components import is_ours, restoring_name, restoring_request, version_in
from cloud_side.deployment.judging import OPEN, Device, Progress, count_devices
from cloud_side.deployment.keeping import read_record
from cloud_side.deployment.records import BEGUN, Before, Outcome, Record, Stage, Wave
from cloud_side.deployment.runtime import devices
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.targets import REPLACED, STOPPED, latest_of, standing_in, status_of
from edge_inspector.errors import InspectorError

_NAMED: Final = 5  # devices that are named


class RestoreError(InspectorError):
    """What a target had cannot be brought back; the step runs again."""


def restore(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Bring back what the waves had, and leave what somebody else has deployed meanwhile.

    Where it was not its turn yet, nothing was begun, and nothing is brought back.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Raises:
        ConfigError: If the record cannot be read, or it is not the rollout's turn any more.
        RecordLostError: If the step is to run again.
        RestoreError: If AWS refuses a deployment; the others are made all the same.
    """
    if (begun := _on_the_way(event)) is None:
        return answer("go")
    problems = []
    for place in reversed(range(len(begun.record.waves))):
        if begun.record.waves[place].stage in BEGUN:
            try:
                _restore_wave(begun, place)
            except ClientError as error:
                problems.append(f"{begun.record.waves[place].group}: {error}")
    if problems:
        raise RestoreError("; ".join(problems))
    return answer("go")


def look_restored(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Look how far the devices are on the way back; those that are offline follow when they can.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Raises:
        ConfigError: If the record cannot be read.
        RecordLostError: If the step is to run again.
    """
    if (begun := _on_the_way(event)) is None:
        return answer("go")
    for place, wave in enumerate(begun.record.waves):
        if wave.stage is Stage.RESTORING:
            _look(begun, place, wave)
    open_ = [wave for wave in begun.record.waves if wave.stage is Stage.RESTORING]
    if not open_:
        return answer("go")
    return begun.wait(min(wave.since or begun.now for wave in open_), "devices go back")


def _on_the_way(event: Mapping[str, Any]) -> Opened | None:
    """Return the rollout; None where none has begun: it has no record, or waits for its turn."""
    if read_record(open_bucket(event["bucket"]), event["execution"]) is None:
        return None
    begun = opened(event)
    return begun if begun.record.outcome is Outcome.RUNNING else None


def _restore_wave(begun: Opened, place: int) -> None:
    greengrass, record = client("greengrassv2"), begun.record
    latest = standing_in(greengrass, record.waves[place].target)
    if latest is not None and is_ours(record, place, latest):
        record = record.with_wave(place, deployment_id=latest.deployment_id)
    changes: dict[str, Any] = {"stage": Stage.LEFT, "told": "", "since": begun.now}
    if latest is not None and _is_back(record, place, latest):
        changes |= {"stage": Stage.RESTORING, "restoring_id": latest.deployment_id}
    elif (request := restoring_request(record, place, latest)) is not None:
        begun.check_turn()
        made = greengrass.create_deployment(**request)
        changes |= {"stage": Stage.RESTORING, "restoring_id": made["deploymentId"]}
    begun.keep(record.with_wave(place, **changes))


def _is_back(record: Record, place: int, latest: Before) -> bool:
    """Tell whether this very step was killed once it had made the deployment."""
    component, before = record.plan.component, record.waves[place].before
    is_named = latest.name == restoring_name(record.id, place)
    return is_named and version_in(latest, component) == version_in(before, component)


def _look(begun: Opened, place: int, wave: Wave) -> None:
    greengrass, record, since = client("greengrassv2"), begun.record, wave.since or begun.now
    status = status_of(greengrass, str(wave.restoring_id))
    if status == REPLACED:
        latest = latest_of(greengrass, wave.target)
        is_there = version_in(latest, record.plan.component) == record.component_version
        stage = Stage.UNRESTORED if is_there else Stage.RESTORED
        told = "another deployment took the place of that which brings it back"
        begun.keep(record.with_wave(place, stage=stage, told=told))
        return
    found = devices.look(
        begun, wave.group, str(wave.restoring_id), f"{place}-back", lambda names: dict.fromkeys(names, ())
    )
    is_over = (begun.now - since).total_seconds() >= record.plan.limits.device_timeout_s
    changes = {"counts": count_devices(found)} | _come_of(found, is_over=is_over, is_stopped=status == STOPPED)
    begun.keep(record.with_wave(place, **changes))


def _come_of(found: Sequence[Device], *, is_over: bool, is_stopped: bool) -> dict[str, Any]:
    """Return what has become of a wave on its way back; nothing as long as devices are waited for."""
    if any(each.progress in OPEN for each in found) and not (is_over or is_stopped):
        return {}
    left = [each for each in found if each.progress is not Progress.OK]
    if not left:
        return {"stage": Stage.RESTORED, "told": ""}
    names = ", ".join(each.name for each in left[:_NAMED]) + (" and others" if len(left) > _NAMED else "")
    told = f"{len(left)} of {len(found)} devices are not back yet: {names}"
    is_broken = is_stopped or any(each.progress is Progress.FAILED for each in left)
    return {
        "stage": Stage.UNRESTORED if is_broken or len(left) == len(found) else Stage.RESTORED,
        "told": f"the deployment that brings it back was stopped; {told}" if is_stopped else told,
    }
