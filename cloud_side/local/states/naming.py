"""The names of a definition: states and labels are there once in the whole machine, variables once on every way in."""

from collections.abc import Iterator, Mapping
from typing import Any

from cloud_side.local.states.scopes import Scope, State, inside, rules, scopes, transitions
from cloud_side.local.states.syntax import STATES

_LONGEST_NAME = 80


def name_problems(machine: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of states and labels that are too long, or not the only ones of their kind."""
    states: dict[str, str] = {}
    labels: dict[object, str] = {}
    for path, name, state in (found for scope in scopes(machine) for found in scope.named()):
        if not 0 < len(name) <= _LONGEST_NAME:
            yield f"{path}: the name has {len(name)} characters; expected 1 to {_LONGEST_NAME}"
        if states.setdefault(name, path) != path:
            yield f"{path}: {states[name]} has the same name; expected another one for each state"
        label = state.get("Label")
        if isinstance(label, str) and labels.setdefault(label, path) != path:
            yield f"{path}.Label is {label!r}, as that of {labels[label]}; expected another one for each Map"


def variable_problems(machine: Mapping[str, Any], outer: frozenset[str] = frozenset(), path: str = "") -> Iterator[str]:
    """Yield variables with impossible names, and those of a branch or processor that are assigned on the way there."""
    scope = Scope(path, machine.get("States", {}))
    for above, name, state in scope.named():
        for where, fields in (("", state), *((f"{below}.", rule) for below, _, rule in rules(state))):
            for variable in fields.get("Assign", {}):
                at = f"{above}.{where}Assign.{variable}"
                if not _is_variable(variable):
                    yield f"{at}: expected a letter, then letters, digits and _, {_LONGEST_NAME} at most, not {STATES}"
                elif variable in outer:
                    yield f"{at} is assigned outside too; expected another name inside"
        assigned = outer | _assigned_before(scope.states, name)
        for below, inner in inside(state):
            yield from variable_problems(inner, assigned, f"{above}.{below}.")


def _is_variable(name: str) -> bool:
    """Return whether it is an identifier as Unicode has it: one of Python's that does not begin with _."""
    return name.isidentifier() and not name.startswith("_") and name != STATES and len(name) <= _LONGEST_NAME


def _assigned_before(states: Mapping[str, State], name: str) -> frozenset[str]:
    """Return the variables that may be assigned before a state is entered."""
    before = {name}
    while grown := {other for other, state in states.items() if before & {to for to, _ in transitions(state)}} - before:
        before |= grown
    ways = [way for state in states.values() for way in transitions(state)]
    return frozenset(variable for to, assigned in ways if to in before for variable in assigned)
