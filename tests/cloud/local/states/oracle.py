"""What Step Functions would do with a definition, as far as sfnx knows, and when another interpreter agrees with it.

Compared are how the execution ended, its output or error, which states were entered and how often, which calls were
made with which arguments, and what was waited for. Where two right interpreters may differ, these rules hold:

1. JSON is equal when it says the same: 1 and 1.0 are one number, the order of an object's fields is none.
2. What an interpreter draws is replaced by what sfnx calls it: accounts and regions in ARNs, ids of map runs, folders
   of result manifests; and by `Outcome.drawn` the names of child executions, and task tokens.
3. Errors are always compared by name. A cause is compared to the letter, unless the error is one of `States.`: its
   cause is the interpreter's own wording, also inside an output or arguments (`{"Error": "States.…", "Cause": …}`).
   That of an expression that failed says something.
4. sfnx runs branches and iterations one after the other, in the order of the definition, each to its end, however long
   it waits. An interpreter asked for this order (`seed=None`) must enter and call exactly the same.
5. In another order (`seed` given), a Parallel or inline Map that fails stops the others of its branches or iterations
   anywhere. So what is below one that may have failed (it has a Retry or a Catch, is below one that may have failed,
   or the execution failed) is not compared, only its result and all that is outside.
6. A distributed Map may fail as soon as too many of its items have; sfnx runs them all first. So where one may have
   failed, what is below it must be part of what sfnx entered and called, in any order.
7. No times are compared: definitions let none into their outputs but the start's. `elapsed_s` counts for `golden`
   alone, to the millisecond.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sfnx import testing as sfnx

from tests.cloud.local.states.corpus import Json, TaskFailed, every_state

START = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
START_TEXT = "2026-03-01T08:30:00.000Z"

Tasks = Callable[[str, str, Json], Json]


@dataclass(frozen=True)
class Call:
    """A task called, or the items of a Map read: the state, its Resource as written, its Arguments evaluated."""

    state: str
    resource: str
    arguments: Json


@dataclass(frozen=True)
class Wait:
    """What a Wait waited for: so many seconds, or an instant."""

    state: str
    seconds: float | None
    until: datetime | None


@dataclass(frozen=True)
class Outcome:
    """What an execution did and came to.

    Attributes:
        status: SUCCEEDED, FAILED or TIMED_OUT.
        entered: Names of states, once for each time that one was entered; a retry does not enter it again.
        calls: One for each attempt.
        elapsed_s: From start to end by the interpreter's clock; None where time does not pass.
        drawn: What the interpreter drew, by what sfnx calls it instead: `{"execution-17": "execution"}`.
    """

    status: str
    output: Json = None
    error: str | None = None
    cause: str | None = None
    entered: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    waits: tuple[Wait, ...] = ()
    elapsed_s: float | None = None
    drawn: Mapping[str, str] = field(default_factory=dict)


class Interpreter(Protocol):
    """Whatever runs definitions, on a clock on which waiting takes no time."""

    def run(
        self,
        definition: str,
        execution_input: Json,
        tasks: Tasks,
        *,
        objects: Mapping[str, str],
        seed: int | None = None,
    ) -> Outcome:
        """Run a definition from `START` to its end.

        Args:
            definition: Its text.
            execution_input: What StartExecution would take, parsed.
            tasks: Answers each task, and each ItemReader with its items, by state, Resource as written and evaluated
                Arguments; raises `TaskFailed` for a task that fails, by `States.Timeout` for one that never answers.
            objects: What lies in S3, by `bucket/key`, for an interpreter that reads items itself; where it is given,
                it holds just the items that `tasks` answers.
            seed: None runs branches and iterations one after the other, as sfnx does: of all strands that are not at
                their end the first in the order of the definition goes on, whenever it is due. With a seed the next
                one is drawn.
        """
        ...


def run_on_sfnx(definition: Json, execution_input: Json, tasks: Tasks) -> Outcome:
    """Return what sfnx makes of a definition.

    Raises:
        sfnx.testing.Unsupported: If it cannot run it.
        sfnx.testing.InvalidDefinition: If it holds it for a bad one.
    """
    waits: list[Wait] = []

    def answer(call: sfnx.Call) -> Json:
        try:
            return tasks(call.state, call.resource, call.arguments)
        except TaskFailed as failed:
            raise sfnx.Failure(failed.error, failed.cause) from failed

    def waited(wait: sfnx.Wait) -> None:
        until = None if wait.timestamp is None else datetime.fromisoformat(wait.timestamp.upper()).astimezone(UTC)
        waits.append(Wait(wait.state, wait.seconds, until))

    execution = sfnx.run(definition, execution_input, answer, on_wait=waited, start_time=START_TEXT)
    calls = tuple(Call(call.state, call.resource, call.arguments) for call in execution.calls)
    did: dict[str, Any] = {"entered": execution.states, "calls": calls, "waits": tuple(waits)}
    if execution.error is None:
        return Outcome("SUCCEEDED", execution.output, **did)
    return Outcome("FAILED", None, execution.error, execution.cause, **did)


def differences(found: Outcome, expected: Outcome, definition: Json, *, in_order: bool = True) -> list[str]:
    """Return how an outcome differs from sfnx's by the rules above, a sentence each; nothing where they agree.

    Args:
        in_order: Branches and iterations ran one after the other (rule 4), else in any order (rule 5).
    """
    told = _ending(found, expected)
    below = _below(definition, failed=expected.status != "SUCCEEDED")
    for what, ours, theirs in (
        (
            "entered",
            Counter((name, name) for name in found.entered),
            Counter((name, name) for name in expected.entered),
        ),
        ("called", _calls(found), _calls(expected)),
        ("waited", _waits(found), _waits(expected)),
    ):
        for state, text in ours.keys() | theirs.keys():
            how_often, should = ours[state, text], theirs[state, text]
            doubtful = below.get(state, set())
            if "inline" in doubtful and not in_order:
                continue
            if how_often != should and not ("distributed" in doubtful and how_often < should):
                told.append(f"{what} {how_often} times, expected {should}: {text}")
    return sorted(told)


def differences_from_golden(found: Outcome, golden: Mapping[str, Json]) -> list[str]:
    """Return how an outcome differs from what AWS documents."""
    told = []
    for name, expected in golden.items():
        if name == "source":
            continue
        value = getattr(found, name)
        if name == "elapsed_s":
            value = round(value, 3)
        if canonical(value, found.drawn) != canonical(expected, {}):
            told.append(f"{name} is {value}, expected {expected}: {golden['source']}")
    return told


def canonical(value: Json, drawn: Mapping[str, str]) -> str:
    """Return JSON as one text that is equal where two values say the same (rules 1 to 3)."""
    return json.dumps(_settled(value, drawn), sort_keys=True, ensure_ascii=False)


def _settled(value: Json, drawn: Mapping[str, str]) -> Json:
    match value:
        case str():
            return _undrawn(value, drawn)
        case float() if value.is_integer():
            return int(value)
        case dict():
            settled = {_undrawn(key, drawn): _settled(member, drawn) for key, member in value.items()}
            if str(settled.get("Error", "")).startswith("States.") and isinstance(settled.get("Cause"), str):
                settled["Cause"] = "…"
            return settled
        case list() | tuple():
            return [_settled(member, drawn) for member in value]
    return value


_DRAWN = (
    (re.compile(r"arn:aws:(states|iam):[a-z0-9-]*:\d{12}:"), r"arn:aws:\1:region:account:"),
    (re.compile(r":mapRun:machine/[^:\"]+:[\w-]+"), ":mapRun:machine/label:run"),
    (re.compile(r"/[\w-]+/manifest\.json$"), "/run/manifest.json"),
)


def _undrawn(text: str, drawn: Mapping[str, str]) -> str:
    for own, theirs in drawn.items():
        text = text.replace(own, theirs)
    for pattern, replacement in _DRAWN:
        text = pattern.sub(replacement, text)
    return text


def _ending(found: Outcome, expected: Outcome) -> list[str]:
    told = []
    if found.status != expected.status:
        told.append(
            f"ended {found.status} by {found.error}: {found.cause}, expected {expected.status} {expected.error}"
        )
    if (found.error or "") != (expected.error or ""):
        told.append(f"the error is {found.error}: {found.cause}, expected {expected.error}: {expected.cause}")
    if canonical(found.output, found.drawn) != canonical(expected.output, {}):
        told.append(f"the output is {found.output}, expected {expected.output}")
    own_wording = (expected.error or "").startswith("States.")
    if not own_wording and _undrawn(found.cause or "", found.drawn) != (expected.cause or ""):
        told.append(f"the cause is {found.cause}, expected {expected.cause}")
    if found.error == "States.QueryEvaluationError" and not found.cause:
        told.append("the cause of an expression that failed is empty")
    return told


def _calls(outcome: Outcome) -> Counter[tuple[str, str]]:
    return Counter(
        (call.state, f"{call.state} {call.resource} {canonical(call.arguments, outcome.drawn)}")
        for call in outcome.calls
    )


def _waits(outcome: Outcome) -> Counter[tuple[str, str]]:
    return Counter(
        (wait.state, f"{wait.state} {wait.until if wait.seconds is None else float(wait.seconds)}")
        for wait in outcome.waits
    )


def _below(definition: Json, *, failed: bool) -> dict[str, set[str]]:
    """Return for each state the kinds of Parallels and Maps around it that may have failed."""
    states = list(every_state(definition))
    by_name = {name: state for name, state, _ in states}
    return {
        name: _doubtful_kinds([by_name[container] for container in above], failed=failed) for name, _, above in states
    }


def _doubtful_kinds(containers: Iterable[Json], *, failed: bool) -> set[str]:
    """Return the kinds of those of a state's containers, given from outermost in, that may have failed."""
    kinds = set()
    doubtful = failed
    for container in containers:
        doubtful = doubtful or "Retry" in container or "Catch" in container
        distributed = _is_distributed(container)
        if doubtful:
            kinds.add("distributed" if distributed else "inline")
        doubtful = doubtful or distributed  # a child that fails may be tolerated
    return kinds


def _is_distributed(state: Json) -> bool:
    processor = state.get("ItemProcessor", {})
    return bool(processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")
