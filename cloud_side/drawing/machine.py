"""What of a workflow's definition is drawn: states within scopes, and the transitions between them."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

Definition: TypeAlias = Mapping[str, Any]

START, END = "\0start", "\0end"  # no state can be named so
_LONGEST_LABEL = 34


class Way(StrEnum):
    """How a transition is chosen."""

    NEXT = "next"
    CHOICE = "choice"
    DEFAULT = "default"
    CATCH = "catch"


@dataclass(frozen=True)
class Transition:
    """From one state to another of its scope.

    Attributes:
        label: Short: the condition, or the errors that are caught; empty for a plain step.
        told: All of it.
    """

    source: str
    target: str
    way: Way
    label: str = ""
    told: str = ""


@dataclass(frozen=True)
class State:
    """One state; a Parallel has a scope a branch, a Map has one.

    Attributes:
        about: The type, and what the state does, in few words.
        is_distributed: Whether what is in its scope is done by executions of its own.
        written: As the definition has it, without what is in its scopes.
    """

    name: str
    kind: str
    about: str
    written: Definition
    scopes: tuple["Scope", ...] = ()
    is_distributed: bool = False


@dataclass(frozen=True)
class Scope:
    """States that lead to each other: a machine, a branch, or what is done for each item."""

    start: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    def apart(self, entered: Container[str], *, is_apart: bool = False) -> Iterator[str]:
        """Yield the names of the states that executions of their own go through, as their Map was entered."""
        for state in self.states:
            if is_apart:
                yield state.name
            for scope in state.scopes:
                is_within = is_apart or (state.is_distributed and state.name in entered)
                yield from scope.apart(entered, is_apart=is_within)

    def walk(self, parent: str | None = None) -> Iterator[tuple[State, str | None]]:
        """Yield each state with the name of the one that it is within, outer ones first."""
        for state in self.states:
            yield state, parent
            for scope in state.scopes:
                yield from scope.walk(state.name)


def machine_of(definition: Definition) -> Scope:
    """Return the states of a whole definition, with where it starts and ends."""
    scope = _scope(definition)
    ends = [Transition(name, END, Way.NEXT) for name, state in _states(definition).items() if _is_last(state)]
    return replace(scope, transitions=(Transition(START, scope.start, Way.NEXT), *scope.transitions, *ends))


def part_for(definition: Definition, label: str) -> Definition | None:
    """Return what a distributed Map does for each item; None where the definition has no Map of that label."""
    for name, state in _states(definition).items():
        if "ItemProcessor" in state and state.get("Label", name) == label:
            processor: Definition = state["ItemProcessor"]
            return processor
        for within in _inner(state):
            if (found := part_for(within, label)) is not None:
                return found
    return None


def _scope(definition: Definition) -> Scope:
    states = _states(definition)
    return Scope(
        str(definition.get("StartAt", "")),
        tuple(_state(name, state) for name, state in states.items()),
        tuple(
            transition
            for name, state in states.items()
            for transition in _merged(_transitions(name, state))
            if transition.target in states
        ),
    )


def _states(definition: Definition) -> Mapping[str, Definition]:
    states: Mapping[str, Definition] = definition.get("States", {})
    return states


def _is_last(state: Definition) -> bool:
    return bool(state.get("End")) or state.get("Type") == "Succeed"


def _state(name: str, state: Definition) -> State:
    return State(
        name=name,
        kind=str(state.get("Type", "")),
        about=_about(state),
        written={key: value for key, value in state.items() if key not in {"Branches", "ItemProcessor"}},
        scopes=tuple(map(_scope, _inner(state))),
        is_distributed=_is_distributed(state),
    )


def _is_distributed(state: Definition) -> bool:
    mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode")
    return bool(mode == "DISTRIBUTED")


def _inner(state: Definition) -> Sequence[Definition]:
    return [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _about(state: Definition) -> str:
    kind = str(state.get("Type", ""))
    match kind:
        case "Task":
            return f"Task · {short_resource(str(state.get('Resource', '')))}"
        case "Wait":
            seconds, until = state.get("Seconds"), state.get("Timestamp")
            amount = f"{seconds} s" if isinstance(seconds, int | float) else _expression(seconds or until or "")
            return f"Wait · {amount}" if amount else kind
        case "Map":
            return "Map · distributed" if _is_distributed(state) else kind
        case "Fail":
            return f"Fail · {_expression(state['Error'])}" if "Error" in state else kind
    return kind


def short_resource(resource: str) -> str:
    """Return the part of a resource's ARN that a person tells it by."""
    if resource.startswith("arn:"):
        parts = resource.split(":", 5)
        return parts[5].removeprefix("aws-sdk:").removeprefix("::") if len(parts) > 5 else resource
    return resource


def _transitions(name: str, state: Definition) -> Iterator[Transition]:
    if "Next" in state:
        yield Transition(name, state["Next"], Way.NEXT)
    for rule in state.get("Choices", ()):
        said = rule.get("Condition") or {key: value for key, value in rule.items() if key != "Next"}
        condition = _expression(said)
        yield Transition(name, rule.get("Next", ""), Way.CHOICE, short(condition), condition)
    if "Default" in state:
        yield Transition(name, state["Default"], Way.DEFAULT, "otherwise", "Default")
    for catcher in state.get("Catch", ()):
        errors = ", ".join(map(str, catcher.get("ErrorEquals", ())))
        yield Transition(name, catcher.get("Next", ""), Way.CATCH, short(errors), errors)


def _merged(transitions: Iterator[Transition]) -> Sequence[Transition]:
    """Make one of those that lead the same way to the same state."""
    found: dict[tuple[str, Way], Transition] = {}
    for one in transitions:
        before = found.get((one.target, one.way))
        if before is not None:
            told = f"{before.told}\n{one.told}"
            first = before.told.split("\n")[0]
            more = f" +{told.count(chr(10))}"
            one = replace(before, label=short(first, _LONGEST_LABEL - len(more)) + more, told=told)  # noqa: PLW2901
        found[one.target, one.way] = one
    return list(found.values())


def _expression(said: object) -> str:
    text = str(said).strip()
    if text.startswith("{%") and text.endswith("%}"):
        text = text[2:-2]
    return " ".join(text.split()).replace("$states.", "$")


def short(text: str, longest: int = _LONGEST_LABEL) -> str:
    """Return a text of at most so many characters; one that was cut says so."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
