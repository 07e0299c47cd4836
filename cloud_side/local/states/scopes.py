"""The parts of a definition: scopes of states, the machine's own and those of branches and item processors inside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

State: TypeAlias = Mapping[str, Any]

_SHAPES: Mapping[str, tuple[Any, str]] = {
    "States": (dict, "an object"),
    "StartAt": (str, "a text"),
    "Type": (str, "a text"),
    "Next": (str, "a text"),
    "Default": (str, "a text"),
    "Assign": (dict, "an object"),
    "ItemProcessor": (dict, "an object"),
    "Branches": (list, "an array of objects"),
    "Choices": (list, "an array of objects"),
    "Catch": (list, "an array of objects"),
    "Retry": (list, "an array of objects"),
    "ErrorEquals": (list, "an array of texts"),
}


@dataclass(frozen=True)
class Scope:
    """States among which transitions lead.

    Attributes:
        path: To where they are, with a dot at its end: `States.Each.ItemProcessor.`; empty for the machine's own.
    """

    path: str
    states: Mapping[str, State]

    def named(self) -> Iterator[tuple[str, str, State]]:
        """Yield path, name and fields of each state."""
        for name, state in self.states.items():
            yield f"{self.path}States.{name}", name, state


def scopes(machine: Mapping[str, Any], path: str = "") -> Iterator[Scope]:
    """Yield the scope of a machine, and of all branches and item processors inside, outer ones first."""
    scope = Scope(path, machine.get("States", {}))
    yield scope
    for above, _, state in scope.named():
        for below, inner in inside(state):
            yield from scopes(inner, f"{above}.{below}.")


def inside(state: State) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and content of the machines inside a state."""
    for index, branch in enumerate(state.get("Branches", [])):
        yield f"Branches[{index}]", branch
    if "ItemProcessor" in state:
        yield "ItemProcessor", state["ItemProcessor"]


def rules(state: State) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield path, field and content of the choices and catchers of a state."""
    for key in ("Choices", "Catch"):
        for index, rule in enumerate(state.get(key, [])):
            yield f"{key}[{index}]", key, rule


def transitions(state: State) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield where a state leads, each time with what is assigned on the way."""
    for fields in (state, *(rule for _, _, rule in rules(state))):
        for key in ("Next", "Default"):
            if key in fields:
                yield fields[key], fields.get("Assign", {})


def misshapen(part: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield what keeps a definition from being walked through: everything else here trusts that nothing does."""
    for key, (kind, expected) in _SHAPES.items():
        if key not in part:
            continue
        where, value = f"{path}{key}", part[key]
        if not isinstance(value, kind):
            yield f"{where} is {type_of(value)}; expected {expected}"
        elif key == "ItemProcessor":
            yield from misshapen(value, f"{where}.")
        elif key == "States":
            yield from _misshapen_parts({f"{where}.{name}": state for name, state in value.items()})
        elif kind is list and key != "ErrorEquals":
            yield from _misshapen_parts({f"{where}[{index}]": item for index, item in enumerate(value)})


def _misshapen_parts(parts: Mapping[str, Any]) -> Iterator[str]:
    for where, part in parts.items():
        if isinstance(part, dict):
            yield from misshapen(part, f"{where}.")
        else:
            yield f"{where} is {type_of(part)}; expected an object"


def type_of(value: object) -> str:
    """Return what JSON calls a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "an array"
    return "an object"


def parts(part: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield path and value of everything in a piece of JSON, itself first."""
    yield path, part
    if isinstance(part, dict):
        for key, value in part.items():
            yield from parts(value, f"{path}.{key}" if path else key)
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from parts(value, f"{path}[{index}]")
