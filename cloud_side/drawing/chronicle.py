"""Takes the events of an execution one after another, and tells them as visits."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from cloud_side.drawing.machine import START, Scope
from cloud_side.drawing.payload import payload
from cloud_side.drawing.visits import Attempt, Outcome, Visit

Event: TypeAlias = Mapping[str, Any]

_NOTE_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Row:
    """One event, for a list of all of them."""

    number: int
    at: datetime
    kind: str
    state: str
    note: str


class Chronicle:
    """What is known after some events.

    Attributes:
        visits: In the order in which states were entered.
        rows: One an event.
        ways: From which state to which, and whether by a Catch: how often.
    """

    def __init__(self, machine: Scope) -> None:
        """Know nothing yet.

        Args:
            machine: What is executed: it tells which state is within which.
        """
        self.visits: list[Visit] = []
        self.rows: list[Row] = []
        self.ways: Counter[tuple[str, str, bool]] = Counter()
        self._parents = {state.name: parent for state, parent in machine.walk()}
        self._about: dict[int, tuple[Visit | None, tuple[int, ...]]] = {}  # by event: its visit, the items around it

    @property
    def last(self) -> int:
        """Return the number of the last event that was taken; 0 before the first."""
        return self.rows[-1].number if self.rows else 0

    def take(self, event: Event) -> None:
        """Take the next event."""
        kind, said = str(event["type"]), _said(event)
        before, items = self._about.get(event.get("previousEventId", 0), (None, ()))
        if kind.endswith("StateEntered"):
            visit: Visit | None = self._entered(event, said, before, items)
        else:
            visit = None if before is None else _meant(kind, said, before)
        items = () if visit is None else visit.items
        if visit is not None and kind == "MapIterationStarted":
            items = (*items, said["index"])
        if visit is not None:
            _learn(visit, kind, event["timestamp"], said, before)
        self._about[event["id"]] = (visit, items)
        self.rows.append(Row(event["id"], event["timestamp"], kind, visit.state if visit else "", _note(said)))

    def _entered(self, event: Event, said: Event, before: Visit | None, items: tuple[int, ...]) -> Visit:
        name, parent = str(said["name"]), None
        if before is not None:
            parent = next((each for each in before.around() if each.state == self._parents.get(name)), None)
        visit = Visit(
            number=event["id"],
            state=name,
            kind=str(event["type"]).removesuffix("StateEntered"),
            entered_at=event["timestamp"],
            input=payload(said.get("input")),
            parent=parent,
            round=len(parent.attempts) if parent else 0,
            items=items,
        )
        self.visits.append(visit)
        visit.revive()
        if visit.kind == "Fail":
            visit.has_failed, visit.ended_at = True, visit.entered_at
        if before is None:
            self.ways[START, name, False] += 1
        elif before.parent is parent and before.exited_at is not None:
            self.ways[before.state, name, before.has_failed] += 1
        return visit


def _said(event: Event) -> Event:
    """Return the one member that tells more of an event of its type."""
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})


def _meant(kind: str, said: Event, before: Visit) -> Visit:
    """Return what an event is about: the visit of the one before it, or one around that has not been left."""
    around = [each for each in before.around() if each.exited_at is None]
    if (name := said.get("name")) is not None:
        return next((each for each in around if each.state == name), before)
    if kind.endswith("StateFailed"):  # one that has failed already takes the one around it along
        around = [each for each in around if not each.has_failed]
    for container in ("Parallel", "Map"):
        if kind.startswith(container):
            return next((each for each in around if each.kind == container), before)
    return before


def _learn(visit: Visit, kind: str, at: datetime, said: Event, before: Visit | None) -> None:
    """Make an event part of its visit."""
    if kind.startswith("MapIteration"):
        visit.progress[said["index"]] = _outcome(kind)
        if kind == "MapIterationFailed" and before is not None:
            visit.error, visit.cause = before.error, before.cause  # should the Map fail of it
    elif kind.startswith("Execution"):
        if kind == "ExecutionFailed":
            _execution_failed(visit, at, said)
    elif (learn := next((learn for ending, learn in _BY_ENDING.items() if kind.endswith(ending)), None)) is not None:
        learn(visit, at, said)
        if visit.has_failed and not visit.error and before is not None:  # what failed within says why
            visit.error, visit.cause = before.error, before.cause


def _outcome(kind: str) -> Outcome:
    for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.ABORTED):
        if kind.lower().endswith(outcome):
            return outcome
    return Outcome.RUNNING


def _execution_failed(visit: Visit, at: datetime, said: Event) -> None:
    for each in visit.around():
        if each.exited_at is None:
            each.has_failed = True
            each.ended_at = max(each.ended_at or at, each.entered_at)
            each.error, each.cause = said.get("error", ""), said.get("cause", "")


def _exited(visit: Visit, at: datetime, said: Event) -> None:
    visit.exited_at = visit.ended_at = at
    visit.output = payload(said.get("output"))
    assigned = said.get("assignedVariables", {})
    visit.variables = {name: kept for name, text in assigned.items() if (kept := payload(text)) is not None}


def _aborted(visit: Visit, at: datetime, _said: Event) -> None:
    visit.is_aborted, visit.ended_at = True, at


def _began(visit: Visit, at: datetime, said: Event) -> None:
    parts = (said.get("resourceType"), said.get("resource"))
    resource = ":".join(part for part in parts if part)
    arguments = payload(said.get("parameters", said.get("input")))
    visit.attempts.append(Attempt(at, resource, arguments))
    visit.length = said.get("length", visit.length)
    visit.revive()


def _run_started(visit: Visit, _at: datetime, said: Event) -> None:
    visit.map_run = said.get("mapRunArn", visit.map_run)


def _submitted(visit: Visit, _at: datetime, said: Event) -> None:
    if visit.attempts:
        visit.attempts[-1].handle = payload(said.get("output"))


def _succeeded(visit: Visit, at: datetime, said: Event) -> None:
    if visit.attempts:
        last = visit.attempts[-1]
        last.outcome, last.ended_at, last.result = Outcome.SUCCEEDED, at, payload(said.get("output"))
    visit.has_failed = False
    visit.error = visit.cause = ""


def _failed(visit: Visit, at: datetime, said: Event) -> None:
    visit.error, visit.cause = said.get("error", visit.error), said.get("cause", visit.cause)
    visit.has_failed, visit.ended_at = True, at
    if visit.attempts and visit.attempts[-1].outcome is Outcome.RUNNING:
        last = visit.attempts[-1]
        last.outcome, last.ended_at, last.error, last.cause = Outcome.FAILED, at, visit.error, visit.cause


_BY_ENDING: Mapping[str, Callable[[Visit, datetime, Event], None]] = {
    "StateExited": _exited,
    "Aborted": _aborted,
    "MapRunStarted": _run_started,
    "MapRunRedriven": _run_started,
    "Scheduled": _began,
    "ParallelStateStarted": _began,
    "MapStateStarted": _began,
    "Submitted": _submitted,
    "Succeeded": _succeeded,
    "Failed": _failed,
    "TimedOut": _failed,
}


def _note(said: Event) -> str:
    """Return in few words what an event says beside its type and state."""
    if "error" in said or "cause" in said:
        text = ": ".join(str(said[key]) for key in ("error", "cause") if said.get(key))
    elif "index" in said:
        text = f"item {said['index']}"
    elif "length" in said:
        text = f"{said['length']:,} items"
    elif "redriveCount" in said:
        text = f"redrive {said['redriveCount']}"
    else:
        given = next(
            (said[key] for key in ("parameters", "output", "input") if said.get(key)), said.get("resource", "")
        )
        text = str(given)[: _NOTE_CHARACTERS * 2]
    text = " ".join(text.split())
    return text if len(text) <= _NOTE_CHARACTERS else f"{text[: _NOTE_CHARACTERS - 1]}…"
