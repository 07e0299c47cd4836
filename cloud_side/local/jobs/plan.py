"""What a request makes of a job, whatever its kind: pure values, paths as a container sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloud_side.local.jobs.places import Address, PlanError

_DAY_S = 86_400


@dataclass(frozen=True)
class Host:
    """One machine of the job, in AWS.

    Attributes:
        files: What lies in which file below /opt/ml, to be written as JSON.
        environment: Text as it is, anything else to be written as JSON.
    """

    name: str
    files: Mapping[str, Any]
    environment: Mapping[str, Any]


@dataclass(frozen=True)
class Input:
    """What is brought from S3 before the programs start.

    Attributes:
        path: Folder below /opt/ml.
        is_manifest: The address is that of a list of objects, not a beginning of keys.
        is_sharded: Each host gets its share, else all get all.
        is_optional: Nothing there is no error.
    """

    name: str
    address: Address
    path: str
    is_manifest: bool = False
    is_sharded: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class Output:
    """What is taken to S3.

    Attributes:
        path: Folder below /opt/ml.
        is_continuous: Taken while the programs run, too.
        is_archive: As one tar.gz of the folders of all hosts, at just this address.
        is_optional: An empty archive is not written.
    """

    name: str
    path: str
    address: Address
    is_continuous: bool = False
    is_archive: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class Limits:
    """When a job is stopped, and whether it is started again after its supervisor vanished.

    Attributes:
        runtime_s: Of each attempt; in AWS of all together, but nobody knows here how long one ran that vanished.
        wait_s: From its creation, over all attempts; None without end.
        is_spot: Goes on from its checkpoints however often it is interrupted.
        retries: How often it is started again otherwise.
    """

    runtime_s: int = _DAY_S
    wait_s: int | None = None
    is_spot: bool = False
    retries: int = 0


@dataclass(frozen=True)
class Plan:
    """All that is to be done for a job.

    Attributes:
        command: Entry point and arguments; empty where the image's own would be run.
        image: Named in the reason of a job whose image's own entry point would be run.
        folders: Made empty below /opt/ml before anything else.
        kept: The folder below /opt/ml with which another attempt goes on, if there is one.
    """

    hosts: Sequence[Host]
    command: Sequence[str]
    image: str
    folders: Sequence[str]
    inputs: Sequence[Input] = ()
    outputs: Sequence[Output] = ()
    limits: Limits = field(default_factory=Limits)
    kept: str | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)


def command_of(specification: Mapping[str, Any]) -> tuple[str, ...]:
    """Return entry point and arguments of a request."""
    entry = specification.get("ContainerEntrypoint", ())
    return (*entry, *specification.get("ContainerArguments", ())) if entry else ()


def input_of(name: str, source: Mapping[str, Any], path: str) -> Input:
    """Return what an S3Input or S3DataSource of a request asks for.

    Raises:
        PlanError: If its address is none.
    """
    return Input(
        name,
        Address.parse(source["S3Uri"]),
        path,
        is_manifest=source["S3DataType"] == "ManifestFile",
        is_sharded=source.get("S3DataDistributionType") == "ShardedByS3Key",
    )


def host_names(count: int) -> tuple[str, ...]:
    """Return the names that SageMaker gives to machines.

    Raises:
        PlanError: If there would be none.
    """
    if count < 1:
        msg = f"InstanceCount is {count}, expected 1 or more"
        raise PlanError(msg)
    return tuple(f"algo-{number}" for number in range(1, count + 1))


def only(value: str | None, *, expected: Sequence[str | None], what: str) -> None:
    """Refuse what only a machine of AWS can do.

    Raises:
        PlanError: If the value is none of those expected.
    """
    if value not in expected:
        msg = f"{what} is {value!r}, expected {' or '.join(str(each) for each in expected if each)} on this machine"
        raise PlanError(msg)
