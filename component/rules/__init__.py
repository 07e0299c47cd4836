"""What a recipe must be like to run on both nuclei; gdk's own schema and both nuclei let most of it pass unsaid.

Greengrass Lite cuts a script at a brace that it does not know and runs the rest, takes no notice of a key in the wrong
case, and reboots the device for a bootstrap phase. Measured on Lite 2.6; the Java nucleus by its documentation.
"""

import json
from collections.abc import Collection, Iterator

from component.rules.access import access_findings
from component.rules.artifacts import artifact_findings
from component.rules.dependencies import MODEL_COMPONENT, dependency_findings
from component.rules.document import document_findings
from component.rules.finding import Finding, Json
from component.rules.manifests import manifest_findings, phases_of
from component.rules.scripts import script_findings

__all__ = ["Finding", "findings", "is_install_only"]

LARGEST_BYTES = 7_500  # Lite takes 8,192; publishing lengthens the addresses of the artifacts
MOST_VALUES = 255


def findings(
    text: str, *, artifacts: Collection[str] | None = None, install_only: Collection[str] = (MODEL_COMPONENT,)
) -> list[Finding]:
    """Return every rule that a recipe breaks; empty when it is good.

    Args:
        text: The recipe, as JSON.
        artifacts: Names of the files that were built for it; None where they are not known.
        install_only: Components that have no run phase, which nothing may depend on hard.
    """
    try:
        recipe = json.loads(text, object_pairs_hook=_without_repetition)
    except ValueError as error:
        return [Finding("", str(error), "JSON; from YAML, Lite hands every value over as text")]
    if not isinstance(recipe, dict):
        return [Finding("", type(recipe).__name__, "an object")]
    return list(_findings(text, recipe, artifacts, install_only))


def is_install_only(text: str) -> str | None:
    """Return the name of a component that has no run phase; None for others, and for what is no recipe."""
    try:
        recipe = json.loads(text)
        phases = [set(phases_of(manifest)) for manifest in recipe["Manifests"]]
        return recipe["ComponentName"] if all("run" not in each for each in phases) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _findings(
    text: str, recipe: Json, artifacts: Collection[str] | None, install_only: Collection[str]
) -> Iterator[Finding]:
    size = max(len(text.encode()), len(json.dumps(recipe, indent=4).encode()))  # gdk writes it with four spaces
    if size >= LARGEST_BYTES:
        yield Finding("", f"{size} bytes", f"less than {LARGEST_BYTES}: Lite reads no longer recipe")
    if (values := _count(recipe)) > MOST_VALUES:
        yield Finding("", f"{values} values", f"at most {MOST_VALUES}: Lite reads no more")
    yield from document_findings(recipe)
    yield from dependency_findings(recipe, install_only)
    yield from access_findings(recipe)
    yield from manifest_findings(recipe)
    yield from script_findings(recipe)
    yield from artifact_findings(recipe, artifacts)


def _count(value: object) -> int:
    match value:
        case dict():
            return 1 + sum(map(_count, value.values()))
        case list():
            return 1 + sum(map(_count, value))
        case _:
            return 1


def _without_repetition(pairs: list[tuple[str, object]]) -> Json:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"the key {twice[0]!r} twice in one object"
        raise ValueError(msg)
    return dict(pairs)
