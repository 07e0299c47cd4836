"""The parts that single devices have in a deployment: queued, taken, reported, and what follows for the whole."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cloud_side.local.services.greengrass.rollout import Decision, Execution, ExecutionStatus, decide
from cloud_side.local.services.iot.registry import name_in, things_at

SUCCESSFUL = "SUCCESSFUL"


class DeploymentStatus(StrEnum):
    """What became of a deployment; that of a group is ACTIVE until it is replaced or canceled."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True)
class Report:
    """What a device says at the end of a deployment.

    Attributes:
        is_good: Whether it has now what was deployed.
        reason: The nucleus' status, and after a colon why.
        codes: From the least to the most specific; empty when all is well.
        types: What kinds of error they are.
    """

    is_good: bool
    reason: str = SUCCESSFUL
    codes: Sequence[str] = ()
    types: Sequence[str] = ()


def due(connection: sqlite3.Connection, deployment: sqlite3.Row, now: datetime) -> Decision:
    """Return what is to be done about a deployment that is in force."""
    configuration = json.loads(deployment["document"])["iotJobConfiguration"]
    members = things_at(connection, deployment["target"])
    return decide(configuration, members, _executions_of(connection, deployment["id"]), now)


def advance(connection: sqlite3.Connection, deployment: sqlite3.Row, now: datetime) -> None:
    """Do what is due about a deployment, in the caller's transaction."""
    if deployment["status"] != DeploymentStatus.ACTIVE:
        return
    decision = due(connection, deployment, now)
    for thing in decision.queue:
        connection.execute(
            "INSERT INTO greengrass_executions (deployment, thing, status, codes, types, queued_at, modified_at)"
            " VALUES (?, ?, ?, '[]', '[]', ?, ?)",
            (deployment["id"], thing, ExecutionStatus.QUEUED, now.isoformat(), now.isoformat()),
        )
    _set(connection, deployment, decision.time_out, ExecutionStatus.TIMED_OUT, now)
    connection.executemany(
        "DELETE FROM greengrass_executions WHERE deployment = ? AND thing = ?",  # it may come back and get it then
        [(deployment["id"], thing) for thing in decision.withdraw],
    )
    if decision.stops:
        end(connection, deployment, DeploymentStatus.CANCELED, now)
    elif decision.time_out and name_in(deployment["target"], "thing") is not None:
        _set_status(connection, deployment, DeploymentStatus.FAILED)


def end(connection: sqlite3.Connection, deployment: sqlite3.Row, status: DeploymentStatus, now: datetime) -> None:
    """End a deployment for the devices that have not begun; those that have go on."""
    _set_status(connection, deployment, status)
    queued = [
        each.thing for each in _executions_of(connection, deployment["id"]) if each.status is ExecutionStatus.QUEUED
    ]
    _set(connection, deployment, queued, ExecutionStatus.CANCELED, now)


def take_next(connection: sqlite3.Connection, thing: str, now: datetime) -> sqlite3.Row | None:
    """Let a device begin the oldest deployment that waits for it; return that, None where none does."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT d.* FROM greengrass_deployments d JOIN greengrass_executions e ON e.deployment = d.id"
        " WHERE e.thing = ? AND e.status = ? ORDER BY d.seq LIMIT 1",
        (thing, ExecutionStatus.QUEUED),
    ).fetchone()
    if row is not None:
        connection.execute(
            "UPDATE greengrass_executions SET status = ?, started_at = ?, modified_at = ?"
            " WHERE deployment = ? AND thing = ?",
            (ExecutionStatus.IN_PROGRESS, now.isoformat(), now.isoformat(), row["id"], thing),
        )
    return row


def report(connection: sqlite3.Connection, deployment_id: str, thing: str, said: Report, now: datetime) -> None:
    """Take a device's report; one that comes after its time changes nothing."""
    deployment = connection.execute("SELECT * FROM greengrass_deployments WHERE id = ?", (deployment_id,)).fetchone()
    is_thing = name_in(deployment["target"], "thing") is not None
    good = ExecutionStatus.COMPLETED if is_thing else ExecutionStatus.SUCCEEDED
    changed = connection.execute(
        "UPDATE greengrass_executions SET status = ?, reason = ?, codes = ?, types = ?, modified_at = ?"
        " WHERE deployment = ? AND thing = ? AND status = ?",
        (good if said.is_good else ExecutionStatus.FAILED, said.reason, json.dumps(list(said.codes)),
         json.dumps(list(said.types)), now.isoformat(), deployment_id, thing, ExecutionStatus.IN_PROGRESS),
    ).rowcount  # fmt: skip
    if changed and is_thing and deployment["status"] == DeploymentStatus.ACTIVE:
        status = DeploymentStatus.COMPLETED if said.is_good else DeploymentStatus.FAILED
        _set_status(connection, deployment, status)
    else:
        advance(connection, deployment, now)


def _executions_of(connection: sqlite3.Connection, deployment_id: str) -> list[Execution]:
    rows = connection.execute("SELECT * FROM greengrass_executions WHERE deployment = ?", (deployment_id,))
    return [
        Execution(
            row["thing"],
            ExecutionStatus(row["status"]),
            datetime.fromisoformat(row["queued_at"]),
            None if row["started_at"] is None else datetime.fromisoformat(row["started_at"]),
        )
        for row in rows
    ]


def _set(
    connection: sqlite3.Connection,
    deployment: sqlite3.Row,
    things: Iterable[str],
    status: ExecutionStatus,
    now: datetime,
) -> None:
    connection.executemany(
        "UPDATE greengrass_executions SET status = ?, modified_at = ? WHERE deployment = ? AND thing = ?",
        [(status, now.isoformat(), deployment["id"], thing) for thing in things],
    )


def _set_status(connection: sqlite3.Connection, deployment: sqlite3.Row, status: DeploymentStatus) -> None:
    connection.execute("UPDATE greengrass_deployments SET status = ? WHERE id = ?", (status, deployment["id"]))
