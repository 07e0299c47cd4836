"""Rollouts as a person asks for them: started, waited for, looked at, paused and taken back."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from cloud_side.deployment.asking import Asked
from cloud_side.deployment.keeping import read_record, read_wish, records, write_wish
from cloud_side.deployment.records import Outcome, Record, Wish
from cloud_side.deployment.telling import lines_of
from cloud_side.objects import Bucket, Client
from cloud_side.training.registry.packages import find
from cloud_side.training.registry.requests import Approval
from edge_inspector.errors import ConfigError

MACHINE: Final = "edge-inspector-rollout"
_LATEST: Final = 10  # rollouts that are told of
_PAUSE_S: Final = 2.0
_SHOWN: Final = 5


def start(states: Client, asked: Asked) -> str:
    """Start a rollout, or what takes one back, and return the ARN of the workflow's execution.

    Raises:
        ConfigError: If the workflow is not there.
    """
    machine = _machine(states)
    if machine is None:
        msg = f"{MACHINE}: no such state machine is here; `edge-inspector-cloud local up` installs it on this machine"
        raise ConfigError(msg)
    kind = "rollout" if asked.rollback is None else "rollback"
    name = f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    said = asked.model_dump_json(exclude_none=True)
    return str(states.start_execution(stateMachineArn=machine, name=name, input=said)["executionArn"])


def wait(states: Client, arn: str, *, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Wait until an execution ends, and return what it came to: `outcome`, `subject`, `message`."""
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        sleep(_PAUSE_S)
    if found["status"] == "SUCCEEDED":
        told: dict[str, Any] = json.loads(found["output"])
        return told
    message = f"{found.get('error', found['status'])}: {found.get('cause', 'no reason was given')}"
    return {"outcome": "failed", "subject": "The rollout failed", "message": message}


def package_of(registry: Client, group: str, said: str) -> str:
    """Return the ARN of the approved model package that a person means.

    Raises:
        RegistryError: If none is meant, or several.
        ConfigError: If it is not approved.
    """
    package = find(registry, group, said)
    if package.approval is not Approval.APPROVED:
        msg = f"{package.title}: expected an approved model, found {package.approval.value}; see `model approve`"
        raise ConfigError(msg)
    return package.arn


def wish(bucket: Bucket, rollout: str, said: Literal["pause", "go_on", "abort"], *, by: str, why: str) -> None:
    """Have a rollout pause, go on, or end and go back; it heeds this with its next look.

    Raises:
        ConfigError: If there is none of that name that goes on.
    """
    record = one(bucket, rollout)
    if record.outcome not in {Outcome.WAITING, Outcome.RUNNING}:
        msg = f"{rollout}: expected a rollout that goes on, found it {record.outcome.value}"
        raise ConfigError(msg)
    write_wish(bucket, rollout, Wish(wish=said, by=by, why=why, at=datetime.now(UTC)))


def one(bucket: Bucket, rollout: str) -> Record:
    """Return the record of a rollout.

    Raises:
        ConfigError: If there is none.
    """
    kept = read_record(bucket, rollout)
    if kept is None:
        shown = ", ".join(each.id for each in records(bucket)[:_SHOWN]) or "none"
        msg = f"ID: expected one of {shown}, found {rollout!r:.100}"
        raise ConfigError(msg)
    return kept.record


def status(bucket: Bucket, rollout: str | None) -> list[Record]:
    """Return the last rollouts, the newest first, or one of them.

    Raises:
        ConfigError: If there is no such rollout.
    """
    return records(bucket)[:_LATEST] if rollout is None else [one(bucket, rollout)]


def told(bucket: Bucket, found: list[Record]) -> list[str]:
    """Return rollouts for people."""
    if not found:
        return ["no rollouts; `edge-inspector-cloud rollout start latest` begins one"]
    return [line for record in found for line in lines_of(record, read_wish(bucket, record.id))]


def _machine(states: Client) -> str | None:
    for page in states.get_paginator("list_state_machines").paginate():
        for each in page["stateMachines"]:
            if each["name"] == MACHINE:
                return str(each["stateMachineArn"])
    return None
