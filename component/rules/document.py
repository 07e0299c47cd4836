"""The recipe's own keys, its version, and what it configures."""

import re
from collections.abc import Iterator

from component.rules.finding import Finding, Json, Path, defaults_of, key_findings, object_at, type_finding

_KEYS = (
    "RecipeFormatVersion",
    "ComponentName",
    "ComponentVersion",
    "ComponentType",
    "ComponentDescription",
    "ComponentPublisher",
    "ComponentConfiguration",
    "ComponentDependencies",
    "Manifests",
)
_FIXED = {"RecipeFormatVersion": "2020-01-25", "ComponentType": "aws.greengrass.generic"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NUMBER = r"(0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z.-]+)?|NEXT_PATCH|\{{COMPONENT_VERSION\}}")
_LOOKS_LIKE_ANOTHER_TYPE = re.compile(r"true|false|null|-?\d+(\.\d+)?|\[.*\]|\{.*\}", re.DOTALL)


def document_findings(recipe: Json) -> Iterator[Finding]:
    """Yield what is wrong at the top, and in the default configuration."""
    yield from key_findings("", recipe, _KEYS)
    for key, expected in _FIXED.items():
        if recipe.get(key) != expected:
            yield Finding(key, repr(recipe.get(key)), repr(expected))
    for key, pattern, expected in (
        ("ComponentName", _NAME, "a name such as 'com.example.Part'"),
        ("ComponentVersion", _VERSION, "a version such as '1.2.3'"),
    ):
        if not pattern.fullmatch(str(recipe.get(key))):
            yield Finding(key, repr(recipe.get(key)), expected)
    for key in ("ComponentConfiguration", "ComponentDependencies"):
        if key in recipe:
            yield from type_finding(key, recipe[key], dict, "an object")
    configuration = object_at(recipe, "ComponentConfiguration")
    yield from key_findings("ComponentConfiguration", configuration, ("DefaultConfiguration",))
    for key, value in defaults_of(recipe).items():
        if key != "accessControl":
            yield from _type_findings(f"ComponentConfiguration.DefaultConfiguration.{key}", value)


def _type_findings(path: Path, value: object) -> Iterator[Finding]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _type_findings(f"{path}.{key}", each)
        case list():
            for number, each in enumerate(value):
                yield from _type_findings(f"{path}[{number}]", each)
        case str() if _LOOKS_LIKE_ANOTHER_TYPE.fullmatch(value):
            yield Finding(path, f"the text {value!r}", "a value with its own type: JSON keeps types on both nuclei")
