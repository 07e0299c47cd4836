"""A rule that a recipe breaks, and the checks of shape that all rules share."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = dict[str, object]
Path: TypeAlias = str


@dataclass(frozen=True)
class Finding:
    """One broken rule.

    Attributes:
        path: Where in the recipe, for example `Manifests[0].Lifecycle.run.Script`; empty for the whole.
        found, expected: For people; expected says why.
    """

    path: Path
    found: str
    expected: str

    def __str__(self) -> str:
        """As one line."""
        where = f"{self.path}: " if self.path else ""
        return f"{where}found {self.found}; expected {self.expected}"


def object_at(value: object, key: str) -> Json:
    """Return an object in an object; an empty one where there is none, which another rule says."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, dict) else {}


def list_at(value: object, key: str) -> list[object]:
    """Return a list in an object; an empty one where there is none."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def manifests_of(recipe: Json) -> Iterator[tuple[Path, Json]]:
    """Yield the manifests with their paths."""
    for number, manifest in enumerate(list_at(recipe, "Manifests")):
        if isinstance(manifest, dict):
            yield f"Manifests[{number}]", manifest


def artifact_name(artifact: Json) -> str:
    """Return the file name at the end of an artifact's address; empty where it has none, which another rule says."""
    uri = artifact.get("Uri")
    return uri.rpartition("/")[2] if isinstance(uri, str) else ""


def artifact_names(manifest: object) -> set[str]:
    """Return the file names of a manifest's artifacts; of those that have one."""
    artifacts = [artifact for artifact in list_at(manifest, "Artifacts") if isinstance(artifact, dict)]
    return set(map(artifact_name, artifacts)) - {""}


def defaults_of(recipe: Json) -> Json:
    """Return the default configuration; an empty one where there is none."""
    return object_at(object_at(recipe, "ComponentConfiguration"), "DefaultConfiguration")


def key_findings(path: Path, value: Mapping[str, object], known: Collection[str]) -> Iterator[Finding]:
    """Say which keys are unknown; those in the wrong case by their right name."""
    by_lower = {name.lower(): name for name in known}
    for key in value:
        if key not in known:
            right = by_lower.get(key.lower())
            expected = f"{right!r}: Lite is case sensitive" if right else f"one of {', '.join(known)}"
            yield Finding(_join(path, key), f"the key {key!r}", expected)


def type_finding(path: Path, value: object, wanted: type, name: str) -> Iterator[Finding]:
    """Say that a value is of the wrong JSON type."""
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        yield Finding(path, repr(value), name)


def _join(path: Path, key: str) -> Path:
    return f"{path}.{key}" if path else key
