"""The next wave gets the model; what its target had is written down before."""

from collections.abc import Mapping
from typing import Any

from cloud_side.clients import client
from cloud_side.deployment.components import deployment_request, is_ours, version_in
from cloud_side.deployment.keeping import records
from cloud_side.deployment.records import Before, Outcome, Stage
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.targets import REPLACED, standing_in, status_of


def deploy(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Begin the next wave; a target that has the component's version by a rollout that is done, is done.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Returns:
        `next`: `devices`, `evidence` where it is as far, `finish` after the last wave, `wait` in a pause, or `fail`.

    Raises:
        ConfigError: If the record is gone, or it is not the rollout's turn any more.
        RecordLostError: If the step is to run again.
    """
    begun = opened(event)
    if (end := begun.end()) is not None:
        return end
    while (place := begun.record.current()) is not None:
        wave = begun.record.waves[place]
        if wave.stage in {Stage.DEVICES, Stage.EVIDENCE}:
            return answer(wave.stage.value)
        if begun.is_paused and place > 0:
            return answer("evidence")  # what the waves before say is heard in a pause, too
        if begun.is_paused:
            return begun.wait(begun.record.since, "paused")
        said = _begin_wave(begun, place)
        if said is not None:
            return said
    return answer("finish")


def _begin_wave(begun: Opened, place: int) -> dict[str, Any] | None:
    """Deploy to a wave; None where it is done already. Killed anywhere and run again, it is one deployment.

    What the target had is written down once: what stands there afterwards may be the rollout's own deployment.
    """
    greengrass, record = client("greengrassv2"), begun.record
    wave = record.waves[place]
    found = standing_in(greengrass, wave.target)
    if wave.stage is Stage.PENDING:
        has_it = found is not None and version_in(found, record.plan.component) == record.component_version
        if found is not None and has_it and status_of(greengrass, found.deployment_id) != REPLACED:
            return _take_over(begun, place, found)
        begun.keep(record.with_wave(place, stage=Stage.DEPLOYING, before=found, deployed_at=begun.now))
    elif found is not None and is_ours(record, place, found):
        return _deployed(begun, place, found.deployment_id)
    elif found is not None and found.deployment_id != (wave.before and wave.before.deployment_id):
        return answer("fail", f"{wave.group}: another deployment came before the rollout's")
    begun.check_turn()
    made = greengrass.create_deployment(**deployment_request(begun.record, place, begun.record.waves[place].before))
    return _deployed(begun, place, made["deploymentId"])


def _take_over(begun: Opened, place: int, found: Before) -> dict[str, Any] | None:
    """Look after a deployment that has the component's version already, unless a rollout that is done has proved it.

    What was there before is what the rollout that made it has noted, if one did: there a failure leads back to.
    """
    record, target = begun.record, begun.record.waves[place].target
    known = [
        (other, wave)
        for other in records(begun.bucket)
        if other.component_version == record.component_version and other.id != record.id
        for wave in other.waves
        if wave.target == target
    ]
    if any(other.outcome is Outcome.DONE and wave.stage is Stage.DONE for other, wave in known):
        begun.keep(record.with_wave(place, stage=Stage.DONE, before=found, told="it was there already"))
        return None
    made_by = [wave for _, wave in known if wave.deployment_id == found.deployment_id]
    before = made_by[0].before if made_by else found
    taken = {"before": before, "deployed_at": found.created_at or begun.now}
    return _deployed(begun, place, found.deployment_id, **taken)


def _deployed(begun: Opened, place: int, deployment: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a wave
    changes = {"stage": Stage.DEVICES, "deployment_id": deployment, "since": begun.now, **more}
    begun.keep(begun.record.with_wave(place, **changes))
    return answer("devices")
