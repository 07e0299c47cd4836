"""Reads an execution from Step Functions, AWS' or this machine's, by boto3's client."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from cloud_side.drawing.chronicle import Chronicle, Event
from cloud_side.drawing.machine import Definition, Scope, machine_of, part_for
from cloud_side.drawing.payload import Payload, payload
from cloud_side.drawing.summary import Summary, summaries

_PAGE = 1000
_FEW = 100
_FAILED_SHOWN = 10
_UNDER_WAY = frozenset({"RUNNING", "PENDING_REDRIVE"})
_COUNTED = {
    "succeeded": "succeeded",
    "failed": "failed",
    "timedOut": "timed out",
    "aborted": "aborted",
    "running": "running",
    "pending": "not begun",
}


@dataclass(frozen=True)
class Run:
    """What a distributed Map began.

    Attributes:
        items: How many of its items ended how.
        failed: ARNs of some executions that did not succeed.
    """

    items: Mapping[str, int]
    failed: Sequence[str] = ()


@dataclass(frozen=True)
class Record:
    """One execution, as far as it had come when it was read.

    Attributes:
        machine: Name of the state machine.
        status: As AWS has it, e.g. `TIMED_OUT`.
        scope: What is executed.
        chronicle: What happened.
        summaries: By name of the state, for those that were entered.
        runs: By ARN: what distributed Maps began.
    """

    arn: str
    name: str
    machine: str
    status: str
    started_at: datetime
    scope: Scope
    chronicle: Chronicle
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)
    stopped_at: datetime | None = None
    input: Payload | None = None
    output: Payload | None = None
    error: str = ""
    cause: str = ""
    redrives: int = 0

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will happen."""
        return self.status not in _UNDER_WAY


class Reading:
    """An execution that is read, and read on as it goes on."""

    def __init__(self, client: Any, arn: str) -> None:  # noqa: ANN401 - boto3's client has no type
        """Read which machine it is an execution of.

        Args:
            client: Of Step Functions.
            arn: Of the execution.
        """
        self._client = client
        self._arn = arn
        machine = client.describe_state_machine_for_execution(executionArn=arn)
        self._machine = machine["name"]
        self._scope = machine_of(_executed(machine))
        self._chronicle = Chronicle(self._scope)

    def read(self) -> Record:
        """Return all that is known now; events are read page by page, and only those that were not yet."""
        described = self._client.describe_execution(executionArn=self._arn)  # first: what has ended is there to be read
        for event in self._new_events():
            self._chronicle.take(event)
        is_over = described["status"] not in _UNDER_WAY
        runs = self._runs()
        counted = {arn: run.items for arn, run in runs.items()}
        return Record(
            arn=self._arn,
            name=described.get("name", self._arn.rpartition(":")[2]),
            machine=self._machine,
            status=described["status"],
            started_at=described["startDate"],
            scope=self._scope,
            chronicle=self._chronicle,
            summaries=summaries(self._chronicle.visits, counted, is_over=is_over),
            runs=runs,
            stopped_at=described.get("stopDate"),
            input=payload(described.get("input")),
            output=payload(described.get("output")),
            error=described.get("error", ""),
            cause=described.get("cause", ""),
            redrives=described.get("redriveCount", 0),
        )

    def _new_events(self) -> Iterator[Event]:
        last = self._chronicle.last
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, reverseOrder=last > 0, PaginationConfig={"PageSize": _PAGE if last == 0 else _FEW}
        )
        if last == 0:
            for page in pages:
                yield from page["events"]
            return
        newest: list[Event] = []
        for page in pages:  # from the last one back to what is known
            newest += [event for event in page["events"] if event["id"] > last]
            if page["events"] and page["events"][-1]["id"] <= last + 1:
                break
        yield from reversed(newest)

    def _runs(self) -> dict[str, Run]:
        found = {}
        for arn in {visit.map_run for visit in self._chronicle.visits if visit.map_run is not None}:
            try:
                counts = self._client.describe_map_run(mapRunArn=arn)["itemCounts"]
                failed = self._failed(arn) if counts["failed"] else []
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFound":
                    raise
                continue  # AWS forgets map runs before it forgets executions
            found[arn] = Run({told: counts[key] for key, told in _COUNTED.items() if counts.get(key)}, failed)
        return found

    def _failed(self, run: str) -> list[str]:
        asked = {"mapRunArn": run, "statusFilter": "FAILED", "maxResults": _FAILED_SHOWN}
        return [each["executionArn"] for each in self._client.list_executions(**asked)["executions"]]


def read_execution(client: Any, arn: str) -> Record:  # noqa: ANN401 - boto3's client has no type
    """Return all that is known of an execution now."""
    return Reading(client, arn).read()


def _executed(machine: Mapping[str, Any]) -> Definition:
    """Return what of a machine's definition is executed: one that a map run has begun executes a part of it."""
    definition: Definition = json.loads(machine["definition"])
    if (run := machine.get("mapRunArn")) is None:
        return definition
    label = machine.get("label") or run.rpartition(":")[0].rpartition("/")[2]
    return part_for(definition, label) or definition
