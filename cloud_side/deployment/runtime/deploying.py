"""The next wave gets the model; what its target had is written down before."""

from collections.abc import Mapping
from typing import Any

from cloud_side.clients import client
from cloud_side.deployment.components import deployment_name, deployment_request, version_in
from cloud_side.deployment.records import Record, Stage
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.targets import latest_of


def deploy(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Begin the next wave; a target that has the component's version is done.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Returns:
        `next`: `devices`, `evidence` where it is as far, `finish` after the last wave, `wait` in a pause, or `fail`.

    Raises:
        ConfigError: If the record is gone.
        RecordLostError: If the step is to run again.
    """
    begun = opened(event)
    if begun.abort is not None:
        return answer("fail", begun.abort)
    while (place := begun.record.current()) is not None:
        wave = begun.record.waves[place]
        if wave.stage in {Stage.DEVICES, Stage.EVIDENCE}:
            return answer(wave.stage.value)
        if begun.is_paused:
            return begun.wait(begun.record.since, "paused")
        if _begin_wave(begun, place):
            return answer("devices")
    return answer("finish")


def _begin_wave(begun: Opened, place: int) -> bool:
    """Deploy to a wave; False where its target has it already. Killed anywhere and run again, it is one deployment."""
    greengrass, record = client("greengrassv2"), begun.record
    wave = record.waves[place]
    latest = latest_of(greengrass, wave.target)
    if latest is not None and latest.name == deployment_name(record.id, place):
        begun.keep(_deployed(begun, record, place, latest.deployment_id))
        return True
    if version_in(latest, record.plan.component) == record.component_version:
        begun.keep(record.with_wave(place, stage=Stage.DONE, before=latest, told="it was there already"))
        return False
    begun.keep(record.with_wave(place, stage=Stage.DEPLOYING, before=latest, deployed_at=begun.now))
    made = greengrass.create_deployment(**deployment_request(begun.record, place, latest))
    begun.keep(_deployed(begun, begun.record, place, made["deploymentId"]))
    return True


def _deployed(begun: Opened, record: Record, place: int, deployment: str) -> Record:
    return record.with_wave(place, stage=Stage.DEVICES, deployment_id=deployment, since=begun.now)
