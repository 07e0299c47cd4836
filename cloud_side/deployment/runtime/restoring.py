"""The way back: each wave that was begun, the newest first, gets exactly the components that it had."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from cloud_side.clients import client, open_bucket
from cloud_side.deployment.components import deployment_name, restoring_name, restoring_request
from cloud_side.deployment.judging import OPEN, Progress, count_devices
from cloud_side.deployment.keeping import read_record
from cloud_side.deployment.records import BEGUN, Stage, Wave
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.targets import latest_of, look_at, things_of
from edge_inspector.errors import InspectorError


class RestoreError(InspectorError):
    """What a target had cannot be brought back; the step runs again."""


def restore(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Bring back what the waves had, and leave what somebody else has deployed meanwhile.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Raises:
        ConfigError: If the record cannot be read.
        RecordLostError: If the step is to run again.
        RestoreError: If AWS refuses a deployment; the others are made all the same.
    """
    if read_record(open_bucket(event["bucket"]), event["execution"]) is None:
        return answer("go")  # nothing was begun
    begun, problems = opened(event), []
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
    if read_record(open_bucket(event["bucket"]), event["execution"]) is None:
        return answer("go")
    begun = opened(event)
    for place, wave in enumerate(begun.record.waves):
        if wave.stage is Stage.RESTORING:
            _look(begun, place, wave)
    open_ = [wave for wave in begun.record.waves if wave.stage is Stage.RESTORING]
    if not open_:
        return answer("go")
    return begun.wait(min(wave.since or begun.now for wave in open_), "devices go back")


def _restore_wave(begun: Opened, place: int) -> None:
    greengrass, record = client("greengrassv2"), begun.record
    wave = record.waves[place]
    latest = latest_of(greengrass, wave.target)
    restoring: str | None = None
    if latest is not None and latest.name == restoring_name(record.id, place):
        restoring = latest.deployment_id
    elif latest is not None:
        if latest.name == deployment_name(record.rollback_of or record.id, place):
            wave = wave.model_copy(update={"deployment_id": latest.deployment_id})
            record = record.with_wave(place, deployment_id=latest.deployment_id)
        request = restoring_request(record, place, latest)
        restoring = None if request is None else greengrass.create_deployment(**request)["deploymentId"]
    stage = Stage.LEFT if restoring is None else Stage.RESTORING
    begun.keep(record.with_wave(place, stage=stage, restoring_id=restoring, since=begun.now))


def _look(begun: Opened, place: int, wave: Wave) -> None:
    limits, since = begun.record.plan.limits, wave.since or begun.now
    devices = look_at(
        client("greengrassv2"),
        things_of(client("iot"), wave.group),
        str(wave.restoring_id),
        now=begun.now,
        offline_after_s=limits.offline_after_s,
    )
    counts = count_devices(devices)
    is_over = (begun.now - since).total_seconds() >= limits.device_timeout_s
    open_ = [each for each in devices if each.progress in OPEN]
    changes: dict[str, Any] = {"counts": counts}
    if not open_ or is_over:
        left = [each for each in devices if each.progress is not Progress.OK]
        told = f"{len(left)} of {len(devices)} devices are not back yet" if left else ""
        changes |= {"stage": Stage.RESTORED, "told": told}
    begun.keep(begun.record.with_wave(place, **changes))
