"""Executions in the shape in which Step Functions tells them, written by hand: definition, events and status."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION

STARTED = datetime(2026, 3, 2, 6, 14, 7, 250_000, tzinfo=UTC)
_DETAILS = {"StateEntered": "stateEnteredEventDetails", "StateExited": "stateExitedEventDetails"}


def machine_arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


@dataclass
class Told:
    """One execution; `at` moves with its events."""

    machine: str
    name: str
    definition: Mapping[str, Any]
    input: Any = field(default_factory=dict)
    status: str = "RUNNING"
    at: datetime = STARTED
    events: list[dict[str, Any]] = field(default_factory=list)
    output: Any = None
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    map_run: str | None = None

    def __post_init__(self) -> None:
        self.add("ExecutionStarted", 0, input=json.dumps(self.input), roleArn="arn:aws:iam::0:role/r")

    @property
    def arn(self) -> str:
        return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{self.machine}:{self.name}"

    @property
    def last(self) -> int:
        return len(self.events)

    def add(self, kind: str, after: int | None = None, *, took: float = 0.02, **said: Any) -> int:
        """Add an event after another, or after the last one, and return its id."""
        self.at += timedelta(seconds=took)
        ending = next((ending for ending in _DETAILS if kind.endswith(ending)), None)
        member = _DETAILS[ending] if ending else f"{kind[0].lower()}{kind[1:]}EventDetails"
        if kind.startswith("MapIteration"):
            member = f"{kind[0].lower()}{kind[1:]}EventDetails"
        event = {"id": self.last + 1, "type": kind, "timestamp": self.at}
        event["previousEventId"] = self.last if after is None else after
        self.events.append(event | ({member: said} if said else {}))
        return self.last

    def enter(self, kind: str, name: str, given: Any = None, after: int | None = None, took: float = 0.02) -> int:
        return self.add(f"{kind}StateEntered", after, took=took, name=name, input=json.dumps(given or {}))

    def leave(self, kind: str, name: str, gave: Any = None, after: int | None = None, **variables: Any) -> int:
        assigned = {key: json.dumps(value) for key, value in variables.items()}
        more = {"assignedVariables": assigned} if assigned else {}
        return self.add(f"{kind}StateExited", after, name=name, output=json.dumps(gave or {}), **more)

    def attempt(  # noqa: PLR0913 - what can be told of one
        self, arguments: Any, result: Any = None, *, error: str = "", cause: str = "", took: float = 0.4,
        resource: str = "invoke", kind: str = "lambda", after: int | None = None, ending: str = "Failed",
    ) -> int:  # fmt: skip
        own = {"resourceType": kind, "resource": resource}
        self.add("TaskScheduled", after, **own, region=REGION, parameters=json.dumps(arguments))
        self.add("TaskStarted", **own)
        if error:
            return self.add(f"Task{ending}", took=took, **own, error=error, cause=cause)
        return self.add("TaskSucceeded", took=took, **own, output=json.dumps(result or {}))

    def task(self, name: str, given: Any = None, gave: Any = None, after: int | None = None, **attempt: Any) -> int:
        self.enter("Task", name, given, after)
        self.attempt({"FunctionName": name.lower(), "Payload": given or {}}, gave, **attempt)
        return self.leave("Task", name, gave)

    def step(self, kind: str, name: str, given: Any = None, after: int | None = None, **variables: Any) -> int:
        self.enter(kind, name, given, after)
        return self.leave(kind, name, given, **variables)

    def succeed(self, output: Any = None) -> "Told":
        self.add("ExecutionSucceeded", output=json.dumps(output or {}))
        self.status, self.output = "SUCCEEDED", json.dumps(output or {})
        return self

    def fail(self, error: str, cause: str) -> "Told":
        self.add("ExecutionFailed", error=error, cause=cause)
        self.status, self.error, self.cause = "FAILED", error, cause
        return self

    def redrive(self) -> int:
        self.redrives += 1
        self.status, self.error, self.cause = "RUNNING", None, None
        return self.add("ExecutionRedriven", took=1900, redriveCount=self.redrives)
