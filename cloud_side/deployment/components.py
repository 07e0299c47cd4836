"""Versions of the model's component, and what a target's deployment becomes with and without it. Pure."""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cloud_side.deployment.planning import Plan
from cloud_side.deployment.records import Before, Record

CONTENT_TAG: Final = "edge-inspector:content"
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
        "tags": {CONTENT_TAG: content},
        "clientToken": _token(recipe, content),
    }


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
        "iotJobConfiguration": _job(record.plan, is_canary=place == 0),
        "clientToken": _token(record.id, str(place)),
    }


def restoring_request(record: Record, place: int, latest: Before) -> dict[str, Any] | None:
    """Return the parameters of CreateDeployment that brings back what a wave had; None where there is nothing to do.

    It is exactly what was there before. Where somebody else has deployed something else meanwhile, that stays, and
    only the model's component is as before; where that is another one by now, nothing is done.

    Args:
        record: Of the rollout.
        place: Of the wave.
        latest: The target's latest deployment.
    """
    wave, component = record.waves[place], record.plan.component
    before = wave.before
    is_there = version_in(latest, component) == record.component_version
    if not is_there or version_in(before, component) == record.component_version:
        return None
    if latest.deployment_id == wave.deployment_id or latest.name == deployment_name(record.id, place):
        components = {} if before is None else {name: dict(value) for name, value in before.components.items()}
        policies = {} if before is None else dict(before.policies)
        job = {} if before is None else dict(before.job)
    else:
        components = {name: dict(value) for name, value in latest.components.items() if name != component}
        if before is not None and component in before.components:
            components[component] = dict(before.components[component])
        policies, job = dict(latest.policies), dict(latest.job)
    request: dict[str, Any] = {
        "targetArn": wave.target,
        "deploymentName": restoring_name(record.id, place),
        "components": components,
        "deploymentPolicies": policies,
        "iotJobConfiguration": job,
        "clientToken": _token(record.id, str(place), "restore"),
    }
    return {name: value for name, value in request.items() if value or name == "components"}


def before_of(said: Mapping[str, Any]) -> Before:
    """Return a deployment as GetDeployment tells it."""
    return Before(
        deployment_id=said["deploymentId"],
        name=said.get("deploymentName"),
        components=said.get("components", {}),
        policies=said.get("deploymentPolicies", {}),
        job=said.get("iotJobConfiguration", {}),
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


def _job(plan: Plan, *, is_canary: bool) -> dict[str, Any]:
    minutes = min(math.ceil(plan.limits.device_timeout_s / 60), _MOST_MINUTES)
    timeout = {"timeoutConfig": {"inProgressTimeoutInMinutes": minutes}}
    if is_canary:
        return timeout
    rate = plan.rate
    return timeout | {
        "jobExecutionsRolloutConfig": {
            "exponentialRate": {
                "baseRatePerMinute": rate.base_per_minute,
                "incrementFactor": rate.factor,
                "rateIncreaseCriteria": {"numberOfSucceededThings": rate.base_per_minute},
            },
            "maximumPerMinute": rate.per_minute,
        },
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
