"""What each step of the rollout may do: object by object, and of Greengrass what its calls need of AWS IoT."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud_side.deployment import planning
from cloud_side.deployment.building import PREFIX as COMPONENTS
from cloud_side.deployment.evidence import ALARM_EVENTS, MODEL_EVENTS
from cloud_side.deployment.records import LOCK_KEY, PREFIX, devices_key, record_key, wish_key
from cloud_side.deployment.workflow import NAME
from cloud_side.infrastructure.grants import Grant, delete, find, on_all, read, write
from cloud_side.infrastructure.unit import Unit
from cloud_side.training.registry.keeping import ARCHIVE, folder_of

INSPECTOR: Final = "com.edgeinspector.Inspector"
MODEL: Final = "com.edgeinspector.Model"
_SOURCE: Final = "Service Authorization Reference, AWS IoT Greengrass V2"
_JOBS: Final = "jobs and deployments have names that Greengrass makes up"
_GROUPS: Final = "a plan may name other groups than these two; the installation's name is what all begin with"
_THINGS: Final = "stations have names that nobody knows before"
_RECORDS: Final = record_key("*")
_WISHES: Final = wish_key("*")
_DEVICES: Final = devices_key("*", "*")
_ROLLOUTS: Final = f"{PREFIX}*"
_EVENTS: Final = tuple(each.format(station="*") for each in (MODEL_EVENTS, ALARM_EVENTS))
_VERSIONS: Final = f"{COMPONENTS}{MODEL}/*"
_ARCHIVES: Final = folder_of("*", "*") + ARCHIVE


@dataclass(frozen=True)
class Asked:
    """Of whom the steps ask something.

    Attributes:
        unit: The stack.
        bucket: ARN.
        packages: ARN of all model packages of the installation.
    """

    unit: Unit
    bucket: str
    packages: str


def of_functions(asked: Asked) -> Mapping[str, Sequence[Grant]]:
    """Return what the functions may do, by their names; the installation's key may be used by all."""
    by_step = _beginning(asked) | _looking(asked) | _ending(asked)
    return {f"{NAME}-{step}": grants for step, grants in by_step.items()}


def _beginning(asked: Asked) -> dict[str, tuple[Grant, ...]]:
    unit, bucket = asked.unit, asked.bucket
    execution = unit.arn("states", f"execution:{unit.named(NAME)}:*")
    return {
        "begin": (
            find(bucket, _ROLLOUTS, LOCK_KEY, planning.KEY),
            read(bucket, _RECORDS, _WISHES, LOCK_KEY, planning.KEY),
            write(bucket, _RECORDS, LOCK_KEY),
            delete(bucket, LOCK_KEY),
            _registry(asked, "DescribeModelPackage", "ListModelPackages"),
            members_of_groups(unit),
            *deployments_told(unit),
            Grant(("states:DescribeExecution",), (execution,), "executions have the names of rollouts"),
        ),
        "build": (
            find(bucket, _ROLLOUTS, _ARCHIVES, _VERSIONS),
            read(bucket, _RECORDS, _WISHES, _ARCHIVES, _VERSIONS),  # Greengrass reads the artifacts by these rights
            write(bucket, _RECORDS, _VERSIONS),
            _registry(asked, "DescribeModelPackage"),
            component_versions(unit, (MODEL,), "CreateComponentVersion", "ListComponentVersions", "DescribeComponent"),
            component_versions(unit, (MODEL,), "TagResource"),  # a version is made with its tag
        ),
        "look-component": (*_opened(bucket), component_versions(unit, (MODEL,), "DescribeComponent")),
        "deploy": (*_kept(bucket), *_turn(bucket), *deployments_told(unit), *deployments_made(unit)),
    }


def _looking(asked: Asked) -> dict[str, tuple[Grant, ...]]:
    unit, bucket = asked.unit, asked.bucket
    looks = (*_kept(bucket), read(bucket, _DEVICES))
    events = (find(bucket, *(f"{each}*" for each in _EVENTS)), read(bucket, *(f"{each}*" for each in _EVENTS)))
    devices = (write(bucket, _DEVICES), members_of_groups(unit), *deployments_on_devices(unit))
    return {
        "look-devices": (*looks, *events, *devices),
        "look-evidence": (*looks, *events),
        "look-restored": (*looks, *devices, *deployments_told(unit)),
    }


def _ending(asked: Asked) -> dict[str, tuple[Grant, ...]]:
    unit, bucket = asked.unit, asked.bucket
    lets_go = (*_kept(bucket), *_turn(bucket), delete(bucket, LOCK_KEY))
    return {
        "finish": lets_go,
        "restore": (*_kept(bucket), *_turn(bucket), *deployments_told(unit), *deployments_made(unit)),
        "close": (*lets_go, _registry(asked, "DescribeModelPackage", "UpdateModelPackage")),
    }


def members_of_groups(unit: Unit) -> Grant:
    """Let the stations of the installation's thing groups be listed."""
    return Grant(("iot:DescribeThingGroup", "iot:ListThingsInThingGroup"), (groups_of(unit),), _GROUPS)


def deployments_told(unit: Unit) -> tuple[Grant, ...]:
    """Let the deployments to thing groups be looked at.

    Greengrass asks, by the caller's rights, for the job behind each, and for the group. What it asks of things and
    their shadows is about deployments to one thing.

    Source:
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiotgreengrassv2.html, the column
        "Dependent actions"
    """
    return (
        on_all(f"the list of deployments has no resource: {_SOURCE}", "greengrass:ListDeployments"),
        Grant(("greengrass:GetDeployment",), (unit.arn("greengrass", "deployments:*"),), _JOBS),
        Grant(("iot:DescribeJob",), (unit.arn("iot", "job/*"),), _JOBS),
        Grant(("iot:DescribeThingGroup",), (groups_of(unit),), _GROUPS),
    )


def deployments_made(unit: Unit) -> tuple[Grant, ...]:
    """Let deployments be made to the installation's thing groups; each is a job, which ends the one before.

    Without the rights on shadows, by which Greengrass deploys to one thing: that is not allowed.

    Source:
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiotgreengrassv2.html, the column
        "Dependent actions"
    """
    why = f"a deployment that is not there yet has no resource; its job and its group have: {_SOURCE}"
    job = unit.arn("iot", "job/*")
    return (
        on_all(why, "greengrass:CreateDeployment"),
        Grant(("iot:CreateJob",), (job, groups_of(unit)), f"{_JOBS}; {_GROUPS}"),
        Grant(("iot:UpdateJob", "iot:CancelJob"), (job,), _JOBS),
    )


def deployments_on_devices(unit: Unit) -> tuple[Grant, ...]:
    """Let be asked how far a deployment is on each core device.

    Source:
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiotgreengrassv2.html, the column
        "Dependent actions"
    """
    job, thing = unit.arn("iot", "job/*"), unit.arn("iot", "thing/*")
    devices = unit.arn("greengrass", "coreDevices:*")
    return (
        Grant(("greengrass:ListEffectiveDeployments",), (devices,), _THINGS),
        Grant(("greengrass:GetDeployment",), (unit.arn("greengrass", "deployments:*"),), _JOBS),
        Grant(("iot:DescribeJob",), (job,), _JOBS),
        Grant(("iot:DescribeJobExecution",), (job, thing), f"{_JOBS}; {_THINGS}"),
        Grant(("iot:DescribeThing", "iot:GetThingShadow"), (thing,), _THINGS),
    )


def component_versions(unit: Unit, names: Sequence[str], *verbs: str) -> Grant:
    """Let something be done with components of a name and their versions.

    Args:
        unit: The stack.
        names: Of the components.
        verbs: Of Greengrass.
    """
    components = [unit.arn("greengrass", f"components:{name}") for name in names]
    actions = tuple(f"greengrass:{verb}" for verb in verbs)
    return Grant(
        actions, (*components, *(f"{each}:versions:*" for each in components)), "versions are counted as they are made"
    )


def groups_of(unit: Unit) -> str:
    """Return the ARN of all thing groups of an installation."""
    return unit.arn("iot", f"thinggroup/{unit.environment_.installation}-*")


def _registry(asked: Asked, *verbs: str) -> Grant:
    return Grant(tuple(f"sagemaker:{verb}" for verb in verbs), (asked.packages,), "packages of the group are counted")


def _opened(bucket: str) -> tuple[Grant, ...]:
    """Let a step open its rollout: its record, and what people want of it."""
    return find(bucket, _ROLLOUTS), read(bucket, _RECORDS, _WISHES)


def _kept(bucket: str) -> tuple[Grant, ...]:
    """Let a step write its record, too."""
    return *_opened(bucket), write(bucket, _RECORDS)


def _turn(bucket: str) -> tuple[Grant, ...]:
    """Let a step look whose turn it is."""
    return find(bucket, LOCK_KEY), read(bucket, LOCK_KEY)
