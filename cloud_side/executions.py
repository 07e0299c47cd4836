"""Workflows as a person begins them: found by name, started, waited for; by boto3 alone, in AWS as on one machine."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from cloud_side.installation import INSTALLATION_VARIABLE, installed
from cloud_side.objects import Client
from edge_inspector.errors import ConfigError

_PAUSE_S: Final = 2.0


def machine_arn(states: Client, machine: str) -> str | None:
    """Return the ARN of a state machine of this installation; None where there is none of that name.

    Args:
        states: Client of Step Functions.
        machine: Its name, as the product calls it.
    """
    name = installed(machine)
    for page in states.get_paginator("list_state_machines").paginate():
        for each in page["stateMachines"]:
            if each["name"] == name:
                return str(each["stateMachineArn"])
    return None


def named(kind: str) -> str:
    """Return a name for an execution that begins now: `kind-20260301-083000-000000`, in UTC."""
    return f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"


def start(states: Client, machine: str, name: str, said: str) -> str:
    """Start an execution and return its ARN.

    Args:
        states: Client of Step Functions.
        machine: Name of the state machine, as the product calls it.
        name: Of the execution.
        said: Its input, as JSON.

    Raises:
        ConfigError: If the state machine is not there.
    """
    arn = machine_arn(states, machine)
    if arn is None:
        msg = (
            f"{installed(machine)}: no such state machine is here; `edge-inspector-cloud local up` installs it on this "
            f"machine, and in AWS {INSTALLATION_VARIABLE} says whose it is"
        )
        raise ConfigError(msg)
    return str(states.start_execution(stateMachineArn=arn, name=name, input=said)["executionArn"])


def wait(
    states: Client, arn: str, *, failed: str = "It failed", sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Wait until an execution ends, and return what it came to: at least `outcome`, `subject`, `message`.

    Args:
        states: Client of Step Functions.
        arn: Of the execution.
        failed: Subject of one that says nothing itself.
        sleep: Waits so many seconds.
    """
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        sleep(_PAUSE_S)
    if found["status"] == "SUCCEEDED":
        told: dict[str, Any] = json.loads(found["output"])
        return told
    message = f"{found.get('error', found['status'])}: {found.get('cause', 'no reason was given')}"
    return {"outcome": "failed", "subject": failed, "message": message}
