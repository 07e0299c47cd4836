"""The packages of a model package group: listed, and found by what a person calls them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.objects import Bucket, Client, code_of
from cloud_side.training.registry.requests import Approval
from edge_inspector.errors import InspectorError

MODELS: Final = "models/"
LATEST: Final = "latest"
CHAMPION: Final = "champion"
FIRST_VERSION: Final = "1.0.0"
COMPARED_WITH: Final = "compared_with"  # property: version of the champion that the gate held a model against
NOTHING: Final = "nothing"
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?")
_SHOWN: Final = 5


class RegistryError(InspectorError):
    """What was asked of the registry is not there, or contradicts what is."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A package as the registry has it.

    Attributes:
        arn: Of the package.
        group: Of models.
        number: Counts up in the group.
        approval: What a person has said.
        why: The person's reason; None before that.
        created: Aware.
        properties: What it says of itself, by name.
        model_uri: Address of its archive; None where it names none.
        evaluation_uri: Address of its scores; None where it names none.
    """

    arn: str
    group: str
    number: int
    approval: Approval
    why: str | None
    created: datetime
    properties: Mapping[str, str]
    model_uri: str | None
    evaluation_uri: str | None

    @property
    def name(self) -> str:
        """The model's name; empty for a package that something else registered."""
        return self.properties.get("model", "")

    @property
    def version(self) -> str:
        """The semantic version; empty for a package that something else registered."""
        return self.properties.get("version", "")

    @property
    def title(self) -> str:
        """The name for people, by which it is found again."""
        return f"{self.name}@{self.version}"


def registered(client: Client, group: str, *, approval: Approval | None = None) -> Iterator[Registered]:
    """Yield the packages of a group, the newest first.

    Args:
        client: Of SageMaker.
        group: Name of the model package group.
        approval: Only those of which a person has said so.

    Raises:
        RegistryError: If there is no such group.
    """
    wanted = {} if approval is None else {"ModelApprovalStatus": approval.value}
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", **wanted
    )
    with _refusals(f"model package group {group!r}"):
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                yield read_package(client, summary["ModelPackageArn"])


def read_package(client: Client, arn: str) -> Registered:
    """Return a package.

    Raises:
        RegistryError: If there is none.
    """
    with _refusals(arn):
        said = client.describe_model_package(ModelPackageName=arn)
    containers = said.get("InferenceSpecification", {}).get("Containers", [])
    quality = said.get("ModelMetrics", {}).get("ModelQuality", {})
    return Registered(
        said["ModelPackageArn"],
        said.get("ModelPackageGroupName", ""),
        int(said.get("ModelPackageVersion", 0)),
        Approval(said["ModelApprovalStatus"]),
        said.get("ApprovalDescription"),
        said["CreationTime"],
        said.get("CustomerMetadataProperties", {}),
        next((each["ModelDataUrl"] for each in containers if "ModelDataUrl" in each), None),
        quality.get("Statistics", {}).get("S3Uri"),
    )


def champion(client: Client, group: str, name: str | None = None) -> Registered | None:
    """Return the newest approved package of a model; None where there is none.

    Args:
        client: Of SageMaker.
        group: Of models.
        name: Of the model; None: of any.
    """
    approved = registered(client, group, approval=Approval.APPROVED)
    return next((each for each in approved if each.name and name in {None, each.name}), None)


def check_compared(client: Client, package: Registered) -> None:
    """Let it pass that a model becomes the champion: the gate held it against the one that there is, or a later one.

    Raises:
        RegistryError: If another model was approved since; names it.
    """
    current = champion(client, package.group, package.name)
    with_version = package.properties.get(COMPARED_WITH, NOTHING)
    if current is None or current.number >= package.number:
        return
    if (_numbers(with_version) or ()) < (_numbers(current.version) or ()):
        msg = (
            f"{package.title}: expected a model that was compared with the champion {current.title}, found one "
            f"compared with {with_version}; train again, or reject {current.version} first if this one shall replace it"
        )
        raise RegistryError(msg)


def find(client: Client, group: str, said: str) -> Registered:
    """Return the package that a person means.

    Args:
        client: Of SageMaker.
        group: Of models.
        said: `[NAME@]VERSION`, where VERSION is semantic, `latest` or `champion`; the number in the group; or an ARN.

    Raises:
        RegistryError: If none is meant, or packages of several models.
    """
    if said.startswith("arn:"):
        return read_package(client, said)
    named, at, version = said.rpartition("@")
    name = named if at else None
    every = [each for each in registered(client, group) if each.name and name in {None, each.name}]
    meant = [each for each in every if _is_meant(each, version)]
    if len({each.name for each in meant}) > 1 or not meant:
        shown = ", ".join(each.title for each in (meant or every)[:_SHOWN]) or "none"
        msg = f"{said}: expected one package of group {group!r}, found {'several' if meant else 'none'} among {shown}"
        raise RegistryError(msg)
    return meant[0]


def _is_meant(package: Registered, said: str) -> bool:
    if said == CHAMPION:
        return package.approval is Approval.APPROVED
    return said in {LATEST, package.version, str(package.number)}


def next_version(versions: Iterable[str]) -> str:
    """Return the version of a new package: its minor number is one above that of the highest.

    Args:
        versions: All that were ever used, in any order; what is no semantic version does not count.
    """
    highest = max((found for each in versions if (found := _numbers(each)) is not None), default=None)
    return FIRST_VERSION if highest is None else f"{highest[0]}.{highest[1] + 1}.0"


def used_versions(client: Client, bucket: Bucket, group: str, name: str) -> set[str]:
    """Return the versions of a model that are registered, or were: their files stay."""
    folder = f"{MODELS}{name}/"
    kept = {each.removeprefix(folder).rstrip("/") for each in bucket.names(folder)}
    return kept | {each.version for each in registered(client, group) if each.name == name}


def _numbers(version: str) -> tuple[int, int, int] | None:
    found = _VERSION.fullmatch(version)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in {"ValidationException", "ResourceNotFound"}:
            raise
        said = error.response["Error"]
        msg: Any = f"{what}: expected one that is registered, found: {said.get('Message') or error}"
        raise RegistryError(msg) from error
