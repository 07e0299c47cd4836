"""What a deployment takes on a device: the components that it shall have then, and the scripts of those that change."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloud_side.local.devices import inspector
from cloud_side.local.devices.configuring import configured, filled
from cloud_side.local.devices.failures import DeploymentFailure
from cloud_side.local.devices.places import Places
from cloud_side.local.devices.resolving import Wanted
from cloud_side.local.home import REGION
from cloud_side.local.services.greengrass.core_devices import LifecycleState
from cloud_side.local.services.greengrass.platforms import CORE_VERSION, manifest_for, this_platform
from cloud_side.local.services.greengrass.recipe import Manifest

_PHASES = ("install", "startup", "run")
_DEFAULT_TIMEOUT_S = 120  # of the nucleus


@dataclass(frozen=True)
class Step:
    """A script of a component's lifecycle, with all variables filled in.

    Attributes:
        tries: How often it may fail until the component is broken.
    """

    component: str
    phase: str
    text: str
    environment: Mapping[str, str]
    timeout_s: float
    tries: int = 3  # as on the nucleus


@dataclass(frozen=True)
class Planned:
    """A component as it is on the device, or shall be.

    Attributes:
        configuration: JSON.
        steps: Its lifecycle; what differs in it makes a component change.
        state: How far it is once all of them are done.
    """

    name: str
    version: str
    is_root: bool
    configuration: Mapping[str, Any]
    steps: tuple[Step, ...] = field(default=())
    state: LifecycleState = LifecycleState.FINISHED


def plan(
    wanted: Sequence[Wanted],
    before: Mapping[str, Planned],
    updates: Mapping[str, Mapping[str, Any]],
    places: Places,
) -> list[Planned]:
    """Return the components of a device after a deployment, in the order in which they come.

    Args:
        wanted: What was resolved.
        before: What is on the device, by name.
        updates: Configuration updates of the deployment, by component.
        places: Of the device.

    Raises:
        DeploymentFailure: If a script wants rights that nothing here has.
    """
    return [_planned(each, before.get(each.name), updates.get(each.name, {}), places) for each in wanted]


def steps_of_changes(after: Sequence[Planned], before: Mapping[str, Planned]) -> list[Step]:
    """Return the scripts to be run: of what is new, has another version or lifecycle, or was not well."""
    return [step for each in after if _is_changed(each, before.get(each.name)) for step in each.steps]


def steps_back(done: Sequence[Step], before: Mapping[str, Planned]) -> list[Step]:
    """Return the scripts that bring back what was there before, of the components whose scripts had begun."""
    begun = dict.fromkeys(step.component for step in done)
    return [step for name in begun if name in before for step in before[name].steps]


def _is_changed(after: Planned, before: Planned | None) -> bool:
    if before is None or before.state in {LifecycleState.BROKEN, LifecycleState.ERRORED}:
        return True
    return (after.version, after.steps) != (before.version, before.steps)


def _planned(wanted: Wanted, before: Planned | None, update: Mapping[str, Any], places: Places) -> Planned:
    defaults = {} if wanted.recipe is None else wanted.recipe.defaults
    configuration = configured(None if before is None else before.configuration, defaults, update)
    manifest = None if wanted.recipe is None else manifest_for(wanted.recipe, this_platform())
    state = LifecycleState.FINISHED
    if wanted.recipe is None or inspector.is_by_hand(wanted.name):
        steps, state = tuple(_steps_by_hand(wanted.name, configuration, places)), LifecycleState.RUNNING
    else:
        steps = () if manifest is None else tuple(_steps_of(wanted, manifest, configuration, places))
        if any(step.phase == "startup" for step in steps):
            state = LifecycleState.RUNNING
    return Planned(wanted.name, wanted.version, wanted.is_root, configuration, steps, state)


def _steps_by_hand(name: str, configuration: Mapping[str, Any], places: Places) -> Iterator[Step]:
    script = inspector.configuration_script(places.device) if inspector.is_by_hand(name) else None
    if script is not None:
        variables = inspector.configuration_variables(configuration, places.device)
        yield Step(name, "configure", script, {**_environment(places), **variables}, _DEFAULT_TIMEOUT_S, tries=1)


def _steps_of(wanted: Wanted, manifest: Manifest, configuration: Mapping[str, Any], places: Places) -> Iterator[Step]:
    known = {
        "artifacts:path": str(places.artifacts(wanted.name, wanted.version)),
        "work:path": str(places.work(wanted.name)),
        "iot:thingName": places.device.thing,
    }
    for phase in _PHASES:
        if (said := manifest.lifecycle.get(phase)) is None:
            continue
        members = _members_of(said)
        _refuse_privilege(wanted, phase, members)
        variables = {**manifest.lifecycle.get("setenv", {}), **members.get("setenv", {})}
        yield Step(
            wanted.name,
            phase,
            filled(str(members.get("script", "")), configuration, known),
            {
                **_environment(places),
                **{key: filled(str(text), configuration, known) for key, text in variables.items()},
            },
            float(members.get("timeout", _DEFAULT_TIMEOUT_S)),
        )


def _members_of(said: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"script": said} if isinstance(said, str) else {key.lower(): value for key, value in said.items()}


def _refuse_privilege(wanted: Wanted, phase: str, members: Mapping[str, Any]) -> None:
    if str(members.get("requiresprivilege", False)).lower() == "true" and os.geteuid() != 0:
        msg = f"{wanted.name}: {phase} requires privilege; found an engine that runs as a user without"
        raise DeploymentFailure(msg, "RUN_WITH_CONFIG_NOT_VALID")


def _environment(places: Places) -> dict[str, str]:
    """Return what a script finds, as on the nucleus; nothing else of the engine's own environment."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "AWS_IOT_THING_NAME": places.device.thing,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "GGC_VERSION": CORE_VERSION,
    }
