"""Thing groups, their devices, and how far a deployment is on each."""

import math
import random
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.clients import AT_ONCE
from cloud_side.deployment.components import before_of
from cloud_side.deployment.judging import Device, Progress
from cloud_side.deployment.records import Before
from cloud_side.objects import Client, code_of
from edge_inspector.errors import ConfigError

STOPPED, REPLACED = "CANCELED", "INACTIVE"  # status of a deployment
_LARGEST_PAGE: Final = 250  # things of a group, by ListThingsInThingGroup
_MISSING: Final = "ResourceNotFoundException"
_OK: Final = frozenset({"COMPLETED", "SUCCEEDED"})
_FAILED: Final = frozenset({"FAILED", "REJECTED", "TIMED_OUT"})


def group_target(iot: Client, group: str) -> str:
    """Return the ARN of a thing group.

    Raises:
        ConfigError: If there is none of that name.
    """
    try:
        return str(iot.describe_thing_group(thingGroupName=group)["thingGroupArn"])
    except ClientError as error:
        if code_of(error) != _MISSING:
            raise
        msg = f"plan: expected thing groups that there are, found no {group!r}; `rollout plan --set` names others"
        raise ConfigError(msg) from error


def things_of(iot: Client, group: str) -> list[str]:
    """Return the things of a group and of those below it, by name."""
    pages = iot.get_paginator("list_things_in_thing_group").paginate(
        thingGroupName=group, recursive=True, PaginationConfig={"PageSize": _LARGEST_PAGE}
    )
    return sorted({thing for page in pages for thing in page["things"]})


def check_apart(groups: Mapping[str, Collection[str]]) -> None:
    """Let it pass that no device is in two groups: it would get two deployments that contradict each other.

    Raises:
        ConfigError: If one is, or the first group has none.
    """
    (canary, first), *_ = groups.items()
    if not first:
        msg = f"{canary}: expected a station that tries models out, found none"
        raise ConfigError(msg)
    owners: dict[str, str] = {}
    for group, things in groups.items():
        for thing in things:
            if (other := owners.setdefault(thing, group)) != group:
                msg = f"{thing}: expected a station in one group of the plan, found it in {other} and {group}"
                raise ConfigError(msg)


def latest_of(greengrass: Client, target: str) -> Before | None:
    """Return the latest deployment of a target; None where there is none."""
    pages = greengrass.get_paginator("list_deployments").paginate(targetArn=target, historyFilter="LATEST_ONLY")
    for page in pages:
        for each in page["deployments"]:
            return before_of(greengrass.get_deployment(deploymentId=each["deploymentId"]))
    return None


def standing_in(greengrass: Client, target: str) -> Before | None:
    """Return the newest deployment of a target that was not stopped, by which its devices are; None where none is."""
    pages = greengrass.get_paginator("list_deployments").paginate(targetArn=target, historyFilter="ALL")
    found = [
        each for page in pages for each in page["deployments"] if each["deploymentStatus"] not in {STOPPED, "FAILED"}
    ]
    newest = max(found, key=lambda each: each["creationTimestamp"], default=None)
    return None if newest is None else before_of(greengrass.get_deployment(deploymentId=newest["deploymentId"]))


def status_of(greengrass: Client, deployment: str) -> str:
    """Return the status of a deployment."""
    return str(greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"])


def look_at(  # noqa: PLR0913 - the devices and the deployment, and by what they are judged
    greengrass: Client,
    things: Sequence[str],
    deployment: str,
    *,
    now: datetime,
    offline_after_s: float,
    until_s: float = math.inf,
) -> list[Device]:
    """Return how far a deployment is on each of some devices, in their order.

    Where there are too many for one look, at the rate that the service takes, those whose turn does not come count as
    untold; whose turn comes is drawn each time.

    Args:
        greengrass: Client.
        things: Names of the devices.
        deployment: Its id.
        now: Aware.
        offline_after_s: One that has not begun for so long is offline.
        until_s: Time on the monotonic clock at which no more are asked.
    """

    def look(thing: str) -> Device:
        if time.monotonic() > until_s:
            return Device(thing, Progress.UNTOLD)
        found = _effective(greengrass, thing, deployment)
        if isinstance(found, str):
            return Device(thing, Progress.OFFLINE, found)
        return _device(thing, found, now=now, offline_after_s=offline_after_s)

    drawn = random.sample(things, len(things))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found_on = dict(zip(drawn, pool.map(look, drawn), strict=True))
    return [found_on[thing] for thing in things]


def _effective(greengrass: Client, thing: str, deployment: str) -> Mapping[str, Any] | str | None:
    """Return what a device tells of a deployment; None where it has not got it, a text where it can never get one."""
    pages = greengrass.get_paginator("list_effective_deployments").paginate(coreDeviceThingName=thing)
    try:
        for page in pages:
            for each in page["effectiveDeployments"]:
                if each["deploymentId"] == deployment:
                    told: Mapping[str, Any] = each
                    return told
    except ClientError as error:
        if code_of(error) != _MISSING:
            raise
        return "is no core device"
    return None


def _device(thing: str, found: Mapping[str, Any] | None, *, now: datetime, offline_after_s: float) -> Device:
    if found is None:
        return Device(thing, Progress.UNTOLD)
    status = found["coreDeviceExecutionStatus"]
    if status in _OK:
        return Device(thing, Progress.OK)
    if status in _FAILED:
        return Device(thing, Progress.FAILED, str(found.get("reason") or found.get("description") or status))
    if status == STOPPED:  # with its deployment
        return Device(thing, Progress.UNTOLD)
    if status == "QUEUED":
        is_away = (now - found["modifiedTimestamp"]).total_seconds() > offline_after_s
        return Device(thing, Progress.OFFLINE if is_away else Progress.QUEUED)
    return Device(thing, Progress.BUSY)
