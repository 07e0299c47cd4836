"""Platforms and phases: which of them both nuclei take, and what each of them may say."""

from collections.abc import Iterator, Mapping

from component.rules.finding import Finding, Json, Path, key_findings, list_at, manifests_of, object_at, type_finding

PHASES = ("install", "run")
_ARCHITECTURES = ("amd64", "aarch64", "arm", "x86", "riscv64")
_REFUSED = {
    "bootstrap": "no bootstrap: Lite reboots the device for it",
    "startup": "run in its place: on Lite startup always ends BROKEN",
    "shutdown": "a stop on SIGTERM: Lite ignores shutdown",
    "recover": "none: Lite ignores recover",
    "BootstrapOnRollback": "no bootstrap: Lite reboots the device for it",
}


def manifest_findings(recipe: Json) -> Iterator[Finding]:
    """Yield what is wrong with platforms and phases."""
    if not list(manifests_of(recipe)):
        yield Finding("Manifests", repr(recipe.get("Manifests")), "a list of manifests")
    for number, each in enumerate(list_at(recipe, "Manifests")):
        yield from type_finding(f"Manifests[{number}]", each, dict, "an object")
    before: list[object] = []
    for path, manifest in manifests_of(recipe):
        yield from key_findings(path, manifest, ("Name", "Platform", "Lifecycle", "Artifacts"))
        platform = object_at(manifest, "Platform")
        yield from _platform_findings(f"{path}.Platform", platform)
        architecture = platform.get("architecture")
        if None in before or architecture in before:
            yield Finding(f"{path}.Platform", "a platform of a manifest above it", "one that was not taken before it")
        before.append(architecture)
        yield from _lifecycle_findings(f"{path}.Lifecycle", object_at(manifest, "Lifecycle"))


def phases_of(manifest: Mapping[str, object]) -> Iterator[str]:
    """Yield the phases that a manifest has, of those that both nuclei know."""
    return (phase for phase in PHASES if phase in object_at(manifest, "Lifecycle"))


def _platform_findings(path: Path, platform: Json) -> Iterator[Finding]:
    yield from key_findings(path, platform, ("os", "architecture", "runtime"))
    if platform.get("os") != "linux":
        yield Finding(f"{path}.os", repr(platform.get("os")), "'linux'")
    if "architecture" in platform and platform["architecture"] not in _ARCHITECTURES:
        yield Finding(f"{path}.architecture", repr(platform["architecture"]), f"one of {', '.join(_ARCHITECTURES)}")
    if platform.get("runtime") != "*":
        yield Finding(f"{path}.runtime", repr(platform.get("runtime")), "'*': without it Lite finds no lifecycle")


def _lifecycle_findings(path: Path, lifecycle: Json) -> Iterator[Finding]:
    if not set(lifecycle) & set(PHASES):
        yield Finding(path, ", ".join(lifecycle) or "no phase", "install or run: Lite refuses a component with neither")
    known = [key for key in lifecycle if key not in _REFUSED]
    yield from key_findings(path, {key: lifecycle[key] for key in known}, (*PHASES, "Setenv"))
    for key in lifecycle:
        if key in _REFUSED:
            yield Finding(f"{path}.{key}", f"the phase {key!r}", _REFUSED[key])
        elif key == "Setenv":
            yield from _environment_findings(f"{path}.{key}", lifecycle[key])
        elif key in PHASES:
            yield from _phase_findings(f"{path}.{key}", key, lifecycle[key])


def _phase_findings(path: Path, phase: str, value: object) -> Iterator[Finding]:
    if not isinstance(value, dict) or not isinstance(value.get("Script"), str):
        yield Finding(path, repr(value), "an object with a Script")
        return
    if "Skipif" in value:
        yield Finding(f"{path}.Skipif", "a condition", "none: Lite runs the script all the same")
    known = {key: each for key, each in value.items() if key != "Skipif"}
    yield from key_findings(path, known, ("Script", "RequiresPrivilege", "Timeout", "Setenv"))
    if value.get("RequiresPrivilege", False) is not False:
        yield Finding(f"{path}.RequiresPrivilege", repr(value["RequiresPrivilege"]), "false: nothing runs as root")
    if "Timeout" in value:
        yield from type_finding(f"{path}.Timeout", value["Timeout"], int, "a whole number of seconds")
    elif phase == "install":
        yield Finding(path, "no Timeout", "one in seconds: the 120 s of the nucleus are too short for large files")
    if "Setenv" in value:
        yield from _environment_findings(f"{path}.Setenv", value["Setenv"])


def _environment_findings(path: Path, value: object) -> Iterator[Finding]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        yield Finding(path, repr(value), "an object of texts")
