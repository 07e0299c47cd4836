"""A component's recipe, as the service reads it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloud_side.local.services.greengrass.recipe_problems import member, problems_of

MOST_BYTES = 16_000


class RecipeError(Exception):
    """A recipe that no component can be made of; the text says every reason."""


@dataclass(frozen=True)
class Artifact:
    """A file that the device gets.

    Attributes:
        uri: As in the recipe.
        digest: SHA-256 in Base64; None as long as the service has not seen the file.
        is_executable: Whether its owner may run it.
    """

    uri: str
    bucket: str
    key: str
    digest: str | None
    is_executable: bool

    @property
    def file_name(self) -> str:
        """What the file is called on the device."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True)
class Manifest:
    """What a component is on one platform.

    Attributes:
        platform: What a device must have, by attribute.
        lifecycle: Phases by their names in small letters; `setenv` apart.
    """

    platform: Mapping[str, str]
    lifecycle: Mapping[str, Any]
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class Recipe:
    """A component version.

    Attributes:
        version: As written.
        defaults: The configuration where nobody changed it.
        dependencies: Requirements to versions, by component.
    """

    name: str
    version: str
    publisher: str
    description: str
    defaults: Mapping[str, Any]
    dependencies: Mapping[str, str]
    manifests: tuple[Manifest, ...]

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Those of all platforms, each once."""
        by_uri = {artifact.uri: artifact for manifest in self.manifests for artifact in manifest.artifacts}
        return tuple(by_uri.values())


def read_recipe(text: str | bytes) -> Recipe:
    """Return a recipe.

    Raises:
        RecipeError: If it is none; with every reason.
    """
    document = _document_in(text)
    if problems := list(problems_of(document)):
        raise RecipeError("; ".join(problems))
    configuration = member(document, "ComponentConfiguration", {})
    return Recipe(
        name=member(document, "ComponentName"),
        version=member(document, "ComponentVersion"),
        publisher=member(document, "ComponentPublisher", ""),
        description=member(document, "ComponentDescription", ""),
        defaults=member(configuration, "DefaultConfiguration", {}),
        dependencies={
            name: member(dependency, "VersionRequirement")
            for name, dependency in member(document, "ComponentDependencies", {}).items()
        },
        manifests=tuple(map(_manifest, member(document, "Manifests"))),
    )


def with_digests(text: str, digests: Mapping[str, str]) -> str:
    """Return a recipe that names the SHA-256 of its artifacts, by their URIs."""
    document = json.loads(text)
    for manifest in member(document, "Manifests"):
        for artifact in member(manifest, "Artifacts", []):
            artifact |= {"Digest": digests[member(artifact, "Uri")], "Algorithm": "SHA-256"}
    return json.dumps(document)


def _document_in(text: str | bytes) -> dict[str, Any]:
    size = len(text.encode() if isinstance(text, str) else text)
    if size > MOST_BYTES:
        msg = f"found {size} bytes, expected at most {MOST_BYTES}"
        raise RecipeError(msg)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"found no JSON: {error}; the local engine reads no other recipes"
        raise RecipeError(msg) from error
    if not isinstance(document, dict):
        msg = f"found {type(document).__name__}, expected an object"
        raise RecipeError(msg)
    return document


def _manifest(manifest: Mapping[str, Any]) -> Manifest:
    return Manifest(
        platform={str(key).lower(): str(value) for key, value in member(manifest, "Platform", {}).items()},
        lifecycle={key.lower(): value for key, value in member(manifest, "Lifecycle", {}).items()},
        artifacts=tuple(map(_artifact, member(manifest, "Artifacts", []))),
    )


def _artifact(artifact: Mapping[str, Any]) -> Artifact:
    uri = member(artifact, "Uri")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    permission = member(artifact, "Permission", {})
    return Artifact(
        uri=uri,
        bucket=bucket,
        key=key,
        digest=member(artifact, "Digest"),
        is_executable=member(permission, "Execute", "NONE") != "NONE",
    )
