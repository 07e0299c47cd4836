"""What is wrong with a recipe, all of it at once; keys may be in any case, as the service takes them."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloud_side.local.services.greengrass.versions import Version, is_met

FORMAT = "2020-01-25"
_NAME = re.compile(r"(?=.*[a-zA-Z0-9])[a-zA-Z0-9-_.]{1,128}")  # also a folder on the device
_PHASES = ("install", "startup", "run", "shutdown", "recover")
_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.*[^/]")


def member(value: Mapping[str, Any], name: str, default: Any = None) -> Any:  # noqa: ANN401 - any JSON
    """Return a member of an object, in whatever case its key is; `default` where there is none."""
    found = next((each for key, each in value.items() if key.lower() == name.lower()), None)
    return default if found is None else found


def problems_of(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what keeps a recipe from being one, each with where, what was found and what was expected."""
    if (found := member(document, "RecipeFormatVersion")) != FORMAT:
        yield f"RecipeFormatVersion: found {found!r}, expected {FORMAT!r}"
    if not _NAME.fullmatch(str(member(document, "ComponentName", ""))):
        yield f"ComponentName: found {member(document, 'ComponentName')!r}, expected letters, digits, '-', '_', '.'"
    try:
        Version.parse(str(member(document, "ComponentVersion")))
    except ValueError as error:
        yield f"ComponentVersion: {error}"
    yield from _dependency_problems(member(document, "ComponentDependencies", {}))
    configuration = member(document, "ComponentConfiguration", {})
    if not isinstance(configuration, dict) or not isinstance(member(configuration, "DefaultConfiguration", {}), dict):
        yield "ComponentConfiguration.DefaultConfiguration: expected an object"
    manifests = member(document, "Manifests")
    if not isinstance(manifests, list) or not manifests:
        yield f"Manifests: found {manifests!r}, expected at least one"
        return
    for number, manifest in enumerate(manifests):
        yield from _manifest_problems(f"Manifests[{number}]", manifest)
    if member(document, "Lifecycle"):
        yield "Lifecycle: expected one in each manifest; the local engine's devices know no global one"


def _dependency_problems(dependencies: object) -> Iterator[str]:
    if not isinstance(dependencies, dict):
        yield f"ComponentDependencies: found {dependencies!r}, expected an object"
        return
    for name, dependency in dependencies.items():
        try:
            is_met(str(member(dependency, "VersionRequirement")), Version((0, 0, 0)))
        except (ValueError, AttributeError) as error:
            yield f"ComponentDependencies.{name}.VersionRequirement: {error}"


def _manifest_problems(where: str, manifest: object) -> Iterator[str]:
    if not isinstance(manifest, dict):
        yield f"{where}: found {manifest!r}, expected an object"
        return
    for name in ("Platform", "Lifecycle"):
        if not isinstance(member(manifest, name, {}), dict):
            yield f"{where}.{name}: found {member(manifest, name)!r}, expected an object"
    if isinstance(lifecycle := member(manifest, "Lifecycle", {}), dict):
        yield from _lifecycle_problems(f"{where}.Lifecycle", lifecycle)
    artifacts = member(manifest, "Artifacts", [])
    if not isinstance(artifacts, list):
        yield f"{where}.Artifacts: found {artifacts!r}, expected a list"
        return
    for number, artifact in enumerate(artifacts):
        yield from _artifact_problems(f"{where}.Artifacts[{number}]", artifact)


def _lifecycle_problems(where: str, lifecycle: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a device would stumble over, and what it would leave out without a word."""
    if member(lifecycle, "Bootstrap"):
        yield f"{where}.Bootstrap: expected none; the local engine's devices restart nothing"
    if not isinstance(found := member(lifecycle, "Setenv", {}), dict):
        yield f"{where}.Setenv: found {found!r}, expected an object"
    for key, phase in lifecycle.items():
        if key.lower() in _PHASES:
            yield from _phase_problems(f"{where}.{key}", phase)


def _phase_problems(where: str, phase: object) -> Iterator[str]:
    if isinstance(phase, str):
        return
    if not isinstance(phase, dict):
        yield f"{where}: found {phase!r}, expected a script or an object"
        return
    if not isinstance(found := member(phase, "Script"), str):
        yield f"{where}.Script: found {found!r}, expected a script"
    timeout = member(phase, "Timeout", 1)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        yield f"{where}.Timeout: found {timeout!r}, expected seconds above 0"
    if not isinstance(found := member(phase, "Setenv", {}), dict):
        yield f"{where}.Setenv: found {found!r}, expected an object"
    if member(phase, "Skipif"):
        yield f"{where}.Skipif: expected none; the local engine's devices run the script all the same"


def _artifact_problems(where: str, artifact: object) -> Iterator[str]:
    if not isinstance(artifact, dict):
        yield f"{where}: found {artifact!r}, expected an object"
        return
    uri = member(artifact, "Uri")
    if not _URI.fullmatch(str(uri)):
        yield f"{where}.Uri: found {uri!r}, expected s3://BUCKET/KEY"
    if (found := member(artifact, "Unarchive", "NONE")) != "NONE":
        yield f"{where}.Unarchive: found {found!r}, expected a plain file; the local engine's devices unpack nothing"
