"""Versions of the model's component, and what a target's deployment becomes with and without it. Pure."""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cloud_side.deployment.planning import Plan
from cloud_side.deployment.records import Before, Record
from cloud_side.installation import installed

_CONTENT_TAG: Final = "edge-inspector:content"
FIRST_VERSION: Final = "1.0.0"
_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:[-+].*)?")
_MOST_MINUTES: Final = 10_080


def next_version(versions: Iterable[str]) -> str:
    """Return the version of a new component: its patch number is one above that of the highest.

    Args:
        versions: All that were ever used, in any order; what is no semantic version does not count.
    """
    found = (_VERSION.fullmatch(each) for each in versions)
    highest = max((tuple(map(int, each.groups())) for each in found if each is not None), default=None)
    return FIRST_VERSION if highest is None else f"{highest[0]}.{highest[1]}.{highest[2] + 1}"


def version_request(recipe: str, content: str) -> dict[str, Any]:
    """Return the parameters of CreateComponentVersion.

    Args:
        recipe: Filled.
        content: Hash of what it is made of, by which it is found again.

    Source:
        Greengrass V2 API reference, CreateComponentVersion.
    """
    return {
        "inlineRecipe": recipe.encode(),
        "tags": {content_tag(): content},
        "clientToken": _token(recipe, content),
    }


def content_tag() -> str:
    """Return the tag of a version that says what it is made of.

    It is one of an installation's own: all those of an account have one component, whose versions have one row of
    numbers, and the artifacts of another installation are in a bucket that the stations of this one cannot read.
    """
    return installed(_CONTENT_TAG)


def deployment_request(record: Record, place: int, before: Before | None) -> dict[str, Any]:
    """Return the parameters of CreateDeployment that brings the model to a wave.

    All other components of the target stay as they are.

    Args:
        record: Of the rollout.
        place: Of the wave; 0 is the canary.
        before: The target's latest deployment; None where there was none.

    Source:
        Greengrass V2 API reference, CreateDeployment; DeploymentIoTJobConfiguration.
    """
    wave, component = record.waves[place], record.plan.component
    kept = {} if before is None else {name: dict(value) for name, value in before.components.items()}
    ours = {**kept.get(component, {}), "componentVersion": record.component_version}
    return {
        "targetArn": wave.target,
        "deploymentName": deployment_name(record.id, place),
        "components": {**kept, component: ours},
        "deploymentPolicies": {
            **({} if before is None else before.policies),
            "failureHandlingPolicy": "ROLLBACK",
        },
        "iotJobConfiguration": _job(record.plan, is_canary=place == 0, stops=True),
        "clientToken": _token(record.id, str(place)),
    }


def restoring_request(record: Record, place: int, latest: Before | None) -> dict[str, Any] | None:
    """Return the parameters of CreateDeployment that brings back what a wave had; None where there is nothing to do.

    It is exactly the components and policies that were there before, at the plan's rate; no threshold stops it. Where
    somebody else has deployed something else meanwhile, that stays, and only the model's component is as before; where
    that is another one by now, nothing is done.

    Args:
        record: Of the rollout, or of what takes it back.
        place: Of the wave.
        latest: The target's latest deployment. One of before the rollout is told late, or the rollout's own was never
            made: it is deployed again, which changes nothing on a device that has it.
    """
    wave, component = record.waves[place], record.plan.component
    before = wave.before
    if not has_brought(record, place):
        return None
    if latest is None or _is_whole(record, place, latest):
        components = {} if before is None else {name: dict(value) for name, value in before.components.items()}
        policies = {} if before is None else dict(before.policies)
    elif version_in(latest, component) == record.component_version:
        components = {name: dict(value) for name, value in latest.components.items() if name != component}
        if before is not None and component in before.components:
            components[component] = dict(before.components[component])
        policies = dict(latest.policies)
    else:
        return None
    request: dict[str, Any] = {
        "targetArn": wave.target,
        "deploymentName": restoring_name(record.id, place),
        "components": components,
        "deploymentPolicies": policies,
        "iotJobConfiguration": _job(record.plan, is_canary=place == 0, stops=False),
        "clientToken": _token(record.id, str(place), "restore"),
    }
    return {name: value for name, value in request.items() if value or name == "components"}


def _is_whole(record: Record, place: int, latest: Before) -> bool:
    """Tell whether nobody else has deployed to a wave: its latest deployment is one of the rollout's, or of before."""
    wave = record.waves[place]
    before = None if wave.before is None else wave.before.deployment_id
    return is_ours(record, place, latest) or latest.deployment_id in {before, wave.restoring_id}


def is_ours(record: Record, place: int, latest: Before) -> bool:
    """Tell whether a deployment is the one that brings the model to a wave.

    By its id. As long as that could not be written down, by name and components: who revises a deployment by hand often
    keeps its name.

    Args:
        record: Of the rollout, or of what takes it back.
        place: Of the wave.
        latest: The target's latest deployment.
    """
    wave, component = record.waves[place], record.plan.component
    if wave.deployment_id is not None:
        return latest.deployment_id == wave.deployment_id
    before = {} if wave.before is None else wave.before.components
    versions = {name: value.get("componentVersion") for name, value in before.items()}
    found = {name: value.get("componentVersion") for name, value in latest.components.items()}
    name = deployment_name(record.rollback_of or record.id, place)
    return latest.name == name and found == {**versions, component: record.component_version}


def has_brought(record: Record, place: int) -> bool:
    """Tell whether a wave that was begun had another version of the model's component before, or none."""
    return version_in(record.waves[place].before, record.plan.component) != record.component_version


def before_of(said: Mapping[str, Any]) -> Before:
    """Return a deployment as GetDeployment tells it."""
    return Before(
        deployment_id=said["deploymentId"],
        name=said.get("deploymentName"),
        components=said.get("components", {}),
        policies=said.get("deploymentPolicies", {}),
        created_at=said.get("creationTimestamp"),
    )


def version_in(deployment: Before | None, component: str) -> str | None:
    """Return the version of a component in a deployment; None where it has none."""
    said = {} if deployment is None else deployment.components.get(component, {})
    return said.get("componentVersion")


def deployment_name(rollout: str, place: int) -> str:
    """Return the name of a wave's deployment, by which it is found again."""
    return f"rollout {rollout} wave {place}"


def restoring_name(rollout: str, place: int) -> str:
    """Return the name of the deployment that takes a wave back."""
    return f"rollout {rollout} wave {place} back"


def _job(plan: Plan, *, is_canary: bool, stops: bool) -> dict[str, Any]:
    """Return how fast devices get a deployment, and, with `stops`, when AWS stops it."""
    minutes = min(math.ceil(plan.limits.device_timeout_s / 60), _MOST_MINUTES)
    timeout: dict[str, Any] = {"timeoutConfig": {"inProgressTimeoutInMinutes": minutes}}
    if is_canary:
        return timeout
    rate = plan.rate
    timeout["jobExecutionsRolloutConfig"] = {
        "exponentialRate": {
            "baseRatePerMinute": rate.base_per_minute,
            "incrementFactor": rate.factor,
            "rateIncreaseCriteria": {"numberOfSucceededThings": rate.base_per_minute},
        },
        "maximumPerMinute": rate.per_minute,
    }
    if not stops:
        return timeout
    return timeout | {
        "abortConfig": {
            "criteriaList": [
                {
                    "failureType": "ALL",
                    "action": "CANCEL",
                    "thresholdPercentage": plan.abort.failed_percent,
                    "minNumberOfExecutedThings": plan.abort.min_devices,
                }
            ]
        },
    }


def _token(*parts: str) -> str:
    """Return the same token for the same thing, so that a step that runs again makes nothing anew."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:64]
