"""Scripts: one line without a brace that Lite would cut them at, and what they name must be there."""

import re
from collections.abc import Iterator

from component.rules.finding import Finding, Json, Path, artifact_names, defaults_of, manifests_of, object_at
from component.rules.manifests import PHASES

_VARIABLE = re.compile(r"\{(artifacts:path|work:path|iot:thingName|configuration:(?P<pointer>/[^{}]*))\}")
_FOLDER = re.compile(r"\{(?:artifacts|work):path\}")
_ARTIFACT = re.compile(r"\{artifacts:path\}/([^\s\"';|&]+)")


def script_findings(recipe: Json) -> Iterator[Finding]:
    """Yield what is wrong with the scripts."""
    defaults = defaults_of(recipe)
    for path, manifest in manifests_of(recipe):
        lifecycle = object_at(manifest, "Lifecycle")
        for phase in PHASES:
            script = object_at(lifecycle, phase).get("Script")
            if isinstance(script, str):
                where = f"{path}.Lifecycle.{phase}.Script"
                yield from _line_findings(where, phase, script)
                yield from _variable_findings(where, script, defaults)
                yield from _artifact_findings(where, script, manifest)


def _line_findings(path: Path, phase: str, script: str) -> Iterator[Finding]:
    if "\n" in script or "\r" in script:
        yield Finding(path, "several lines", "one line; put the rest into a file among the artifacts")
    if phase == "run" and not script.startswith("exec "):
        yield Finding(path, repr(script[:40]), "'exec ...', so that SIGTERM reaches the program")


def _variable_findings(path: Path, script: str, defaults: Json) -> Iterator[Finding]:
    rest = _VARIABLE.sub("", script)
    if "{" in rest:
        brace = rest[rest.index("{") :][:30]
        if brace.startswith("{dep:"):
            yield Finding(path, repr(brace), "no variable of a dependency: Lite cuts the script there")
        elif brace.startswith("{artifacts:decompressedPath}"):
            yield Finding(path, repr(brace), "'{artifacts:path}': Lite unpacks nothing in a local deployment")
        else:
            yield Finding(path, repr(brace), "no brace but of a variable of the recipe: Lite cuts the script there")
    for match in _FOLDER.finditer(script):
        if script[match.end() : match.end() + 1] not in {"", "/", " ", '"', "'"}:
            yield Finding(path, f"{match[0]} with a name after it", "'/' in between: on Java it does not end with one")
    for match in _VARIABLE.finditer(script):
        if match["pointer"] is not None and not _is_there(defaults, match["pointer"]):
            yield Finding(path, match[0], "a key of the DefaultConfiguration")


def _artifact_findings(path: Path, script: str, manifest: Json) -> Iterator[Finding]:
    names = artifact_names(manifest)
    for name in _ARTIFACT.findall(script):
        if name not in names:
            yield Finding(path, f"the file {name!r}", f"an artifact of its manifest: {', '.join(sorted(names))}")


def _is_there(value: object, pointer: str) -> bool:
    for key in pointer.removeprefix("/").split("/"):
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
