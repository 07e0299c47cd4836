"""`machines`, `executions`, `start`, `stop`, `redrive`: by boto3 alone, so in AWS as on this machine."""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloud_side.drawing.visits import Outcome
from cloud_side.drawing.words import duration, moment
from cloud_side.local.cli.arguments import json_text
from cloud_side.local.cli.finding import Listed, execution_of, executions, machine_of, machines
from cloud_side.local.cli.opened import client_of, warn_if_nothing_moves
from cloud_side.local.cli.tables import Style, table

OUTCOMES: Mapping[str, Outcome] = {
    "RUNNING": Outcome.RUNNING,
    "SUCCEEDED": Outcome.SUCCEEDED,
    "FAILED": Outcome.FAILED,
    "TIMED_OUT": Outcome.FAILED,
    "ABORTED": Outcome.ABORTED,
    "PENDING_REDRIVE": Outcome.RUNNING,
}


def list_machines(options: argparse.Namespace) -> int:
    """Print the machines, each with its latest execution."""
    client = client_of(options)
    rows, outcomes = [], []
    for machine in machines(client):
        latest = next(executions(client, machine["stateMachineArn"], limit=1), None)
        told = ("", "", "") if latest is None else (status_of(latest), _started(latest), str(latest["name"]))
        rows.append((str(machine["name"]), *told))
        outcomes.append("" if latest is None else OUTCOMES[latest["status"]])
    heads = ("MACHINE", "LATEST", "STARTED, UTC", "EXECUTION")
    print("\n".join(table(rows, Style.of_output(), heads=heads, outcomes=outcomes)) if rows else "no machines")
    return 0


def list_executions(options: argparse.Namespace) -> int:
    """Print the latest executions."""
    client = client_of(options)
    arns = (
        [machine_of(client, options.machine)]
        if options.machine
        else [each["stateMachineArn"] for each in machines(client)]
    )
    found = [each for arn in arns for each in executions(client, arn, status=options.status, limit=options.limit)]
    latest = sorted(found, key=lambda each: each["startDate"], reverse=True)[: options.limit]
    if options.json:
        print(json.dumps([_plain(each) for each in latest], indent=2))
        return 0
    rows = [(str(each["name"]), status_of(each), _started(each), _took(each), _machine(each)) for each in latest]
    heads = ("EXECUTION", "STATUS", "STARTED, UTC", "TOOK", "MACHINE")
    outcomes = [OUTCOMES[each["status"]] for each in latest]
    print("\n".join(table(rows, Style.of_output(), heads=heads, outcomes=outcomes)) if rows else "no executions")
    return 0


def start(options: argparse.Namespace) -> int:
    """Start an execution."""
    client = client_of(options)
    given = {"input": json_text(options.input)} if options.input is not None else {}
    given |= {"name": options.name} if options.name else {}
    arn = client.start_execution(stateMachineArn=machine_of(client, options.machine), **given)["executionArn"]
    print(f"started: {arn}")
    warn_if_nothing_moves(options)
    return 0


def stop(options: argparse.Namespace) -> int:
    """Stop an execution."""
    client = client_of(options)
    arn = execution_of(client, options.execution)
    client.stop_execution(executionArn=arn, cause=options.cause)
    print(f"stopped: {arn}")
    return 0


def redrive(options: argparse.Namespace) -> int:
    """Let an execution go on from where it failed."""
    client = client_of(options)
    arn = execution_of(client, options.execution)
    client.redrive_execution(executionArn=arn)
    print(f"goes on: {arn}")
    warn_if_nothing_moves(options)
    return 0


def status_of(listed: Listed) -> str:
    """Return a status as a person writes it."""
    return str(listed["status"]).lower().replace("_", " ")


def _started(listed: Listed) -> str:
    return moment(listed["startDate"].astimezone(UTC))


def _took(listed: Listed) -> str:
    return duration(listed.get("stopDate", datetime.now(UTC)) - listed["startDate"])


def _machine(listed: Listed) -> str:
    return str(listed["stateMachineArn"]).rpartition(":")[2]


def _plain(listed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for key, value in listed.items()
    }
