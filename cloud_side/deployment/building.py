"""The model's component, built of its package, and its version in Greengrass: made once for the same content."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.deployment.components import content_tag, next_version, version_request
from cloud_side.deployment.records import Model
from cloud_side.objects import Bucket, Client, code_of
from component.errors import BuildError
from component.model.build import PROJECT, build
from component.recipe import read_component
from component.rules import findings
from edge_inspector.errors import ConfigError

PREFIX: Final = "components/"
_CONTENT: Final = "content"  # object beside the artifacts: whose version it is
_SUMS: Final = "SHA256SUMS"
_UNUSABLE: Final = frozenset({"FAILED", "DEPRECATED"})


@dataclass(frozen=True, slots=True)
class Built:
    """A component that is built.

    Attributes:
        name: Of the component.
        artifacts: Its files.
        recipe: With placeholders for what is known when it is published.
        content: Hash of all of it.
    """

    name: str
    artifacts: tuple[Path, ...]
    recipe: str
    content: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a component in Greengrass."""

    version: str
    arn: str


def read_model(package: Path) -> Model:
    """Return what a model package says it is.

    Raises:
        ConfigError: If it is none.
    """
    manifest = package / "model.json"
    try:
        said = json.loads(manifest.read_text(encoding="utf-8"))
        sha256s = tuple(str(each["sha256"]) for each in said["files"])
        return Model(name=str(said["name"]), version=str(said["version"]), sha256s=sha256s)
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{manifest.name}: expected that of a model package, found {error!r}"
        raise ConfigError(msg) from error


def check_name(name: str) -> None:
    """Let pass the name of the component that models are built as.

    Raises:
        ConfigError: If it is another one.
    """
    if name != (built_as := read_component(PROJECT).name):
        msg = f"component: expected {built_as}, as which models are built, found {name}"
        raise ConfigError(msg)


def build_component(package: Path, name: str, folder: Path) -> Built:
    """Build the component of a model package.

    Args:
        package: Folder.
        name: Of the component, as the plan has it.
        folder: To build in; made anew.

    Raises:
        ConfigError: If the package is not whole, or it is the package of another component.
    """
    try:
        build(package, folder)
    except BuildError as error:
        msg = f"the component cannot be built: {error}"
        raise ConfigError(msg) from error
    recipe = folder / "recipes" / f"{name}.json"
    if not recipe.is_file():
        msg = f"component: expected {name}, found {', '.join(each.stem for each in recipe.parent.iterdir())}"
        raise ConfigError(msg)
    artifacts = tuple(sorted(each for each in (folder / "artifacts" / name).rglob("*") if each.is_file()))
    sums = hashlib.sha256((folder / _SUMS).read_bytes()).hexdigest()
    return Built(name, artifacts, recipe.read_text(encoding="utf-8"), sums)


def publish(greengrass: Client, bucket: Bucket, built: Built, arn: str) -> Version:
    """Return the component's version of a content, which is made where there is none that may be deployed.

    What was made, or begun, before by the same step is found again.

    Args:
        greengrass: Client.
        bucket: That gets the artifacts.
        built: The component.
        arn: Of the component, see `component_arn`.

    Raises:
        ConfigError: If the recipe breaks a rule of the product's linter.
        ClientError: If AWS refuses it.
    """
    known = list(_versions(greengrass, arn))
    for each in known:
        if _is_it(greengrass.describe_component(arn=each.arn), built):
            return each
    version = _claim(bucket, built, [each.version for each in known])
    recipe = filled(built, bucket.name, version)
    folder = f"{PREFIX}{built.name}/{version}/"
    for path in built.artifacts:
        with path.open("rb") as file:
            bucket.write(f"{folder}{path.name}", file, media="application/octet-stream")
    made = greengrass.create_component_version(**version_request(recipe, built.content))
    return Version(version, made["arn"])


def _is_it(said: Mapping[str, Any], built: Built) -> bool:
    is_usable = said["status"]["componentState"] not in _UNUSABLE
    return bool(is_usable and said.get("tags", {}).get(content_tag()) == built.content)


def filled(built: Built, bucket: str, version: str) -> str:
    """Return the recipe as Greengrass takes it.

    Raises:
        ConfigError: If it breaks a rule of the product's linter; names every one.
    """
    text = built.recipe
    prefix = f"{PREFIX}COMPONENT_NAME/COMPONENT_VERSION/"
    known = {
        "COMPONENT_NAME/COMPONENT_VERSION/": prefix,
        "BUCKET_NAME": bucket,
        "COMPONENT_NAME": built.name,
        "COMPONENT_VERSION": version,
        "NEXT_PATCH": version,
    }
    for placeholder, value in known.items():
        text = text.replace(placeholder, value)
    if found := findings(text, artifacts=[path.name for path in built.artifacts]):
        raise ConfigError("\n".join(f"recipe of {built.name}: {finding}" for finding in found))
    return text


def _claim(bucket: Bucket, built: Built, versions: list[str]) -> str:
    """Return a version that nothing else was ever put under: also not what was deleted, or given up on the way."""
    folder = f"{PREFIX}{built.name}/"
    used = {name.removeprefix(folder).rstrip("/") for name in bucket.names(folder)}
    for each in sorted(used - set(versions)):
        kept = bucket.read(f"{folder}{each}/{_CONTENT}")
        if kept is not None and kept.content.decode() == built.content:
            return each
    version = next_version({*used, *versions})
    bucket.write(f"{folder}{version}/{_CONTENT}", built.content.encode(), media="text/plain")
    return version


def component_arn(execution: str, name: str) -> str:
    """Return the ARN of a component, of the account and region in which an execution is; it has no version.

    Args:
        execution: ARN.
        name: Of the component.
    """
    partition, _, region, account = execution.split(":")[1:5]
    return f"arn:{partition}:greengrass:{region}:{account}:components:{name}"


def _versions(greengrass: Client, component: str) -> Iterator[Version]:
    try:
        for page in greengrass.get_paginator("list_component_versions").paginate(arn=component):
            for each in page["componentVersions"]:
                yield Version(each["componentVersion"], each["arn"])
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
