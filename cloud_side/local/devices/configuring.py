"""What a component is configured with, and the variables of its scripts.

Source:
    Greengrass V2 developer guide, "Update component configurations": resets first, then defaults where nothing is,
    then the merge. Recipe reference, "Recipe variables".
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_VARIABLE = re.compile(r"\{(?P<space>[a-zA-Z]+):(?P<key>[^{}]*)\}")
_ABSENT = object()


def configured(
    before: Mapping[str, Any] | None, defaults: Mapping[str, Any], update: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the configuration after a deployment.

    Args:
        before: What is on the device; None where the component is new.
        defaults: Of the recipe.
        update: `reset` and `merge` of the deployment, or nothing.
    """
    kept: Mapping[str, Any] = before or {}
    for pointer in update.get("reset", []):
        kept = _without(kept, _keys_of(pointer))
    return merged(merged(defaults, kept), json.loads(update.get("merge", "{}")))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return objects laid over each other; a list or scalar replaces what is under it."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return both


def filled(text: str, configuration: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """Return a text with its variables filled in; one that is not known stays as it is, as on the nucleus.

    Args:
        text: With `{configuration:/…}`, `{artifacts:path}` and the like.
        configuration: Of the component.
        known: Other variables by their names, without braces.
    """

    def value_of(match: re.Match[str]) -> str:
        if match["space"] != "configuration":
            return known.get(f"{match['space']}:{match['key']}", match[0])
        value = _at(configuration, _keys_of(match["key"]))
        if value is _ABSENT:
            return match[0]
        return value if isinstance(value, str) else json.dumps(value)

    return _VARIABLE.sub(value_of, text)


def _keys_of(pointer: str) -> list[str]:
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _at(value: Any, keys: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return _ABSENT
        value = value[key]
    return value


def _without(value: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    if not keys:
        return {}
    rest = dict(value)
    if len(keys) == 1:
        rest.pop(keys[0], None)
    elif isinstance(rest.get(keys[0]), dict):
        rest[keys[0]] = _without(rest[keys[0]], keys[1:])
    return rest
