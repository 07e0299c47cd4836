"""What a state does, as pure functions: from a state and what it sees to the next step. No clock, no database."""

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from cloud_side.local.states.expressions import evaluate
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.store import Json, dumps

LARGEST_PAYLOAD_BYTES = 262_144
_INLINE_CONCURRENCY = 40
_FUNCTION = "arn:aws:lambda:"
_LARGEST_BACKOFF_S = 31_622_400
State: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True)
class View:
    """What a state's expressions see: `$states.input`, the variables, `$states.context`."""

    input: Json
    variables: Mapping[str, Json]
    context: Mapping[str, Json]

    def evaluated(self, template: Json, field: str, **more: Json) -> Json:
        """Return what a field of the state says, its expressions evaluated, with `$states.result` or the like.

        Raises:
            StateFailure: States.QueryEvaluationError.
        """
        return evaluate(template, self.variables, {"input": self.input, "context": self.context, **more}, field=field)


@dataclass(frozen=True)
class Moved:
    """The state is left.

    Attributes:
        next: The next state; None at the end of its scope.
    """

    next: str | None
    output: Json
    assigned: Mapping[str, Json]


@dataclass(frozen=True)
class Slept:
    """A Wait: so many seconds from when it was entered, or until an instant."""

    seconds: float | None
    until: datetime | None


@dataclass(frozen=True)
class Called:
    """A Task whose call is to be made."""

    arguments: Json
    timeout_s: float | None
    heartbeat_s: float | None


@dataclass(frozen=True)
class Forked:
    """Branches of a Parallel, or iterations of an inline Map.

    Attributes:
        children: Below the state, where each begins, and its input.
        limit: So many run at once; None: all.
    """

    children: Sequence[tuple[tuple[str | int, ...], Json]]
    limit: int | None


@dataclass(frozen=True)
class Fanned:
    """A distributed Map, whose children are executions of their own.

    Attributes:
        items: The items themselves, or None where a reader brings them.
        reader: `ItemReader`, evaluated.
        writer: `ResultWriter`, evaluated.
        batcher: `ItemBatcher`, evaluated.
        limit: So many run at once; 0: as many as the engine likes.
        tolerated_count: Items that may fail; 0: not set.
        tolerated_percentage: Of all items; 0: not set.
    """

    items: Sequence[Json] | None
    reader: Json
    writer: Json
    batcher: Json
    limit: int
    tolerated_count: int
    tolerated_percentage: float


@dataclass(frozen=True)
class Again:
    """The state is entered once more."""

    after_s: float
    retries: tuple[int, ...]


Step: TypeAlias = Moved | Slept | Called | Forked | Fanned


def enter(state: State, view: View) -> Step:
    """Return what the state does first.

    Raises:
        StateFailure: If the state fails there.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
    """
    match state["Type"]:
        case "Pass" | "Succeed":
            return _settled(state, state.get("Next"), view.input, view)
        case "Fail":
            error, cause = (view.evaluated(state.get(key, ""), key) for key in ("Error", "Cause"))
            raise StateFailure(str(error), str(cause))
        case "Choice":
            return _choose(state, view)
        case "Wait":
            return _sleep(state, view)
        case "Task":
            return _call(state, view)
        case "Parallel":
            given = view.evaluated(state["Arguments"], "Arguments") if "Arguments" in state else view.input
            branches = range(len(state["Branches"]))
            return Forked([(("Branches", index), given) for index in branches], limit=None)
        case "Map":
            return _fan(state, view) if is_distributed(state) else _iterate(state, view)
    msg = f"the state type {state['Type']}, which definitions were checked for, is not known"
    raise AssertionError(msg)


def settle(state: State, view: View, result: Json) -> Moved:
    """Leave a Wait, Task, Parallel or Map that came to its result.

    Raises:
        StateFailure: If its Assign or Output fails, or it is too large.
    """
    if state["Type"] == "Wait":
        return _settled(state, state.get("Next"), view.input, view)
    within_limit(len(dumps(result).encode()))
    return _settled(state, state.get("Next"), result, view, result=result)


def recover(
    state: State, view: View, failure: StateFailure, retries: tuple[int, ...], *, draw: random.Random
) -> Again | Moved:
    """Return what a Task, Parallel or Map does about its failure: once more, or on to where a catcher leads.

    The first retrier that matches counts, even when it has no attempts left and a later one matches too.

    Raises:
        StateFailure: The same or a catcher's own, when there is nothing left to do.
    """
    retriers = state.get("Retry", [])
    counts = retries or (0,) * len(retriers)
    found = next((index for index, retrier in enumerate(retriers) if _matches(retrier, failure.error)), None)
    if found is not None and counts[found] < retriers[found].get("MaxAttempts", 3):
        raised = tuple(count + (index == found) for index, count in enumerate(counts))
        return Again(_pause_s(retriers[found], counts[found], draw), raised)
    catcher = next((catcher for catcher in state.get("Catch", []) if _matches(catcher, failure.error)), None)
    if catcher is None:
        raise failure
    told = {"Error": failure.error, "Cause": failure.cause}
    return _settled(catcher, catcher["Next"], told, view, errorOutput=told)


def is_distributed(state: State) -> bool:
    """Return whether a Map's iterations are executions of their own."""
    return bool(state["ItemProcessor"].get("ProcessorConfig", {}).get("Mode", "INLINE") == "DISTRIBUTED")


def selected(state: State, view: View, entry: Mapping[str, Json], index: int) -> Json:
    """Return what a Map passes on of an item: its `Value`, and `Key` where it is one of an object."""
    if "ItemSelector" not in state:
        return dict(entry) if "Key" in entry else entry["Value"]
    item = {"Index": index, **entry}
    inside = {**view.context, "Map": {"Item": item}}
    return replace(view, context=inside).evaluated(state["ItemSelector"], "ItemSelector")


def _settled(fields: Mapping[str, Json], next_: str | None, default: Json, view: View, **more: Json) -> Moved:
    """Assign and Output both see the variables from before."""
    assigned = {
        name: view.evaluated(value, f"Assign/{name}", **more) for name, value in fields.get("Assign", {}).items()
    }
    output = view.evaluated(fields["Output"], "Output", **more) if "Output" in fields else default
    within_limit(len(dumps(output).encode()))
    return Moved(next_, output, assigned)


def within_limit(size: int) -> None:
    """Fail a state whose result has more bytes than a payload may.

    Raises:
        StateFailure: States.DataLimitExceeded.
    """
    if size > LARGEST_PAYLOAD_BYTES:
        msg = f"The state/task returned a result with a size exceeding the maximum of {LARGEST_PAYLOAD_BYTES} bytes"
        raise StateFailure("States.DataLimitExceeded", msg)


def _choose(state: State, view: View) -> Moved:
    for number, rule in enumerate(state["Choices"]):
        answer = view.evaluated(rule["Condition"], f"Choices[{number}]/Condition")
        if not isinstance(answer, bool):
            raise _not_usable("Condition", answer, "a boolean")
        if answer:
            return _settled(rule, rule["Next"], view.input, view)
    if "Default" not in state:
        msg = "no rule matched, and there is no Default"
        raise StateFailure("States.NoChoiceMatched", msg)
    return _settled(state, state["Default"], view.input, view)


def _sleep(state: State, view: View) -> Slept:
    if "Seconds" in state:
        seconds = view.evaluated(state["Seconds"], "Seconds")
        return Slept(_whole_number("Seconds", seconds), None)
    instant = view.evaluated(state["Timestamp"], "Timestamp")
    return Slept(None, _instant(instant))


_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d{1,9})?)?(?:[Zz]|[+-]\d{2}:\d{2})"
)


def _instant(text: Json) -> datetime:
    found = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    try:
        if found is not None:
            return datetime.fromisoformat(_with_microseconds(text, found).upper())
    except ValueError:
        pass
    raise _not_usable("Timestamp", text, "an ISO 8601 date and time with an offset")


def _with_microseconds(text: str, found: re.Match[str]) -> str:
    """`fromisoformat` of Python 3.11 takes 3 or 6 digits of a fraction of a second."""
    fraction = found["fraction"]
    return text if fraction is None else text.replace(fraction, f"{fraction:0<7}"[:7], 1)


def _call(state: State, view: View) -> Called:
    timeout, heartbeat = (
        None if key not in state else _whole_number(key, view.evaluated(state[key], key), least=1)
        for key in ("TimeoutSeconds", "HeartbeatSeconds")
    )
    nothing = view.input if state["Resource"].startswith(_FUNCTION) else None  # a function's input is the state's
    arguments = view.evaluated(state["Arguments"], "Arguments") if "Arguments" in state else nothing
    return Called(arguments, timeout, heartbeat)


def _iterate(state: State, view: View) -> Forked:
    entries = _entries(_items(state, view))
    inputs = [selected(state, view, entry, index) for index, entry in enumerate(entries)]
    limit = _concurrency(state, view) or _INLINE_CONCURRENCY
    return Forked([(("ItemProcessor",), item) for item in inputs], limit)


def _fan(state: State, view: View) -> Fanned:
    reader, writer, batcher = (
        view.evaluated(state[key], key) if key in state else None
        for key in ("ItemReader", "ResultWriter", "ItemBatcher")
    )
    for key, most in (batcher or {}).items():
        if key in ("MaxItemsPerBatch", "MaxInputBytesPerBatch"):
            _whole_number(f"ItemBatcher/{key}", most, least=1)
    count, percentage = (
        view.evaluated(state.get(key, 0), key) for key in ("ToleratedFailureCount", "ToleratedFailurePercentage")
    )
    for key, tolerated in (("ToleratedFailureCount", count), ("ToleratedFailurePercentage", percentage)):
        if not _is_number(tolerated) or tolerated < 0:
            raise _not_usable(key, tolerated, "a number of 0 or more")
    items = None if reader is not None else _entries(_items(state, view))
    return Fanned(items, reader, writer, batcher, _concurrency(state, view), count, percentage)


def _items(state: State, view: View) -> Json:
    items = view.evaluated(state["Items"], "Items") if "Items" in state else view.input
    takes_object = is_distributed(state) and "Items" in state and "ItemBatcher" not in state
    if isinstance(items, list) or (isinstance(items, dict) and takes_object):
        return items
    raise _not_usable("Items" if "Items" in state else "the input", items, "an array")


def _entries(items: Json) -> list[dict[str, Json]]:
    if isinstance(items, dict):
        return [{"Key": key, "Value": value} for key, value in items.items()]
    return [{"Value": value} for value in items]


def _concurrency(state: State, view: View) -> int:
    limit = view.evaluated(state.get("MaxConcurrency", 0), "MaxConcurrency")
    return int(_whole_number("MaxConcurrency", limit))


def _matches(handler: Mapping[str, Json], error: str) -> bool:
    """Return whether a retrier or catcher is for an error.

    States.Runtime is nobody's. States.TaskFailed is for all but time-outs and expressions that fail.
    """
    named = handler["ErrorEquals"]
    if error == "States.Runtime":
        return False
    if error in named or "States.ALL" in named:
        return True
    return "States.TaskFailed" in named and error not in ("States.Timeout", "States.QueryEvaluationError")


def _pause_s(retrier: Mapping[str, Json], attempt: int, draw: random.Random) -> float:
    longest = retrier.get("MaxDelaySeconds", _LARGEST_BACKOFF_S)
    grown = retrier.get("IntervalSeconds", 1) * float(retrier.get("BackoffRate", 2.0)) ** min(attempt, 60)
    pause = float(min(grown, longest))
    return draw.uniform(0, pause) if retrier.get("JitterStrategy") == "FULL" else pause


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole_number(what: str, value: Json, *, least: int = 0) -> float:
    if _is_number(value) and float(value).is_integer() and value >= least:
        return float(value)
    raise _not_usable(what, value, f"a whole number of {least} or more")


def _not_usable(what: str, found: Json, expected: str) -> StateFailure:
    shown = json.dumps(found, ensure_ascii=False)
    cut = shown if len(shown) <= 200 else f"{shown[:200]}… ({len(shown)} characters)"
    return StateFailure("States.QueryEvaluationError", f"{what} is {cut}, expected {expected}")
