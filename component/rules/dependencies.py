"""What a component depends on: a hard dependency that Lite cannot start keeps the component from starting."""

import re
from collections.abc import Collection, Iterator

from component.rules.finding import Finding, Json, key_findings, object_at

MODEL_COMPONENT = "com.edgeinspector.Model"
_JAVA_ONLY = {"aws.greengrass.SecretManager", "aws.greengrass.ShadowManager", "aws.greengrass.StreamManager"}
_NUCLEI = {"aws.greengrass.Nucleus", "aws.greengrass.NucleusLite"}
_COMPARISON = re.compile(r"(>=|<=|>|<|=)?\d+\.\d+\.\d+")


def dependency_findings(recipe: Json, install_only: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with the dependencies."""
    for name, dependency in object_at(recipe, "ComponentDependencies").items():
        path = f"ComponentDependencies.{name}"
        if not isinstance(dependency, dict):
            yield Finding(path, repr(dependency), "an object")
            continue
        yield from key_findings(path, dependency, ("VersionRequirement", "DependencyType"))
        requirement, kind = dependency.get("VersionRequirement"), dependency.get("DependencyType")
        if not isinstance(requirement, str) or not _is_requirement(requirement):
            yield Finding(f"{path}.VersionRequirement", repr(requirement), "comparisons such as '>=1.0.0 <2.0.0'")
        if kind not in {"HARD", "SOFT"}:
            yield Finding(f"{path}.DependencyType", repr(kind), "'HARD' or 'SOFT'")
        elif kind == "HARD" and name in install_only:
            yield Finding(f"{path}.DependencyType", "'HARD'", "'SOFT': Lite refuses to start after an install-only one")
        elif kind == "HARD" and name in _NUCLEI:
            yield Finding(f"{path}.DependencyType", "'HARD'", "'SOFT': one recipe for both nuclei")
        if name in _JAVA_ONLY:
            yield Finding(path, "a component for the Java nucleus alone", "none; a deployment adds it where it is used")


def _is_requirement(text: str) -> bool:
    parts = text.split(" ")
    return all(_COMPARISON.fullmatch(part) for part in parts)
