"""What the core devices of this machine have told: their health, their components, their deployments."""

import json
import sqlite3
from datetime import datetime
from enum import StrEnum
from typing import Any

from cloud_side.local.services.greengrass.deployments import job_arn
from cloud_side.local.services.greengrass.platforms import CORE_VERSION, RUNTIME, this_platform
from cloud_side.local.services.greengrass.refusals import missing
from cloud_side.local.services.greengrass.rollout import BAD, ExecutionStatus
from cloud_side.local.services.iot.pages import page_of
from cloud_side.local.services.iot.registry import name_in
from cloud_side.local.wiring import Answer, Request

_KIND = "CoreDevice"
_PAGE = 50


class CoreStatus(StrEnum):
    """Whether all components of a device are well."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"


class LifecycleState(StrEnum):
    """How far a component is on a device."""

    NEW = "NEW"
    INSTALLED = "INSTALLED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    ERRORED = "ERRORED"
    BROKEN = "BROKEN"
    FINISHED = "FINISHED"


def list_effective_deployments(request: Request) -> Answer:
    """Return the deployments that a device has got, the newest first, and what came of each there."""
    connection, thing = request.database.connection(), _find(request)["thing"]
    rows = connection.execute(
        "SELECT e.*, d.seq, d.name, d.target, d.job, d.created_at FROM greengrass_executions e"
        " JOIN greengrass_deployments d ON d.id = e.deployment WHERE e.thing = ?",
        (thing,),
    ).fetchall()
    return page_of(
        rows,
        request.parameters,
        key=lambda row: -row["seq"],
        shown=_effective,
        into="effectiveDeployments",
        at_most=_PAGE,
        refusal="ValidationException",
    )


def list_core_devices(request: Request) -> Answer:
    """Return the devices, by name; if asked those of a status, or on which a group's deployment has succeeded."""
    connection, wanted = request.database.connection(), request.parameters
    group = wanted.get("thingGroupArn")
    of_group = {
        row["thing"] for row in connection.execute("SELECT thing FROM greengrass_roots WHERE target = ?", (group,))
    }
    rows = connection.execute("SELECT * FROM greengrass_cores").fetchall()
    return page_of(
        [
            row
            for row in rows
            if (group is None or row["thing"] in of_group)
            and row["status"] == wanted.get("status", row["status"])
            and wanted.get("runtime", RUNTIME) == RUNTIME
        ],
        wanted,
        key=lambda row: row["thing"],
        shown=_core,
        into="coreDevices",
        at_most=_PAGE,
        refusal="ValidationException",
    )


def get_core_device(request: Request) -> Answer:
    """Return a device."""
    return {**_core(_find(request)), "coreVersion": CORE_VERSION, "tags": {}}


def list_installed_components(request: Request) -> Answer:
    """Return the components on a device, by name; those that came as dependencies only if asked for all."""
    connection, thing = request.database.connection(), _find(request)["thing"]
    is_all = request.parameters.get("topologyFilter", "ROOT") == "ALL"
    rows = connection.execute("SELECT * FROM greengrass_installed WHERE thing = ?", (thing,)).fetchall()
    return page_of(
        [row for row in rows if is_all or row["is_root"]],
        request.parameters,
        key=lambda row: row["name"],
        shown=_installed,
        into="installedComponents",
        at_most=_PAGE,
        refusal="ValidationException",
    )


def forget(connection: sqlite3.Connection, thing: str) -> None:
    """Forget what a device has got and has on it: deployments in force come to it again if it comes back."""
    for table in ("executions", "work", "installed", "roots"):
        connection.execute(f"DELETE FROM greengrass_{table} WHERE thing = ?", (thing,))  # noqa: S608 - names of ours


def _find(request: Request) -> sqlite3.Row:
    thing = request.parameters["coreDeviceThingName"]
    row: sqlite3.Row | None = (
        request.database.connection().execute("SELECT * FROM greengrass_cores WHERE thing = ?", (thing,)).fetchone()
    )
    if row is None:
        raise missing(_KIND, thing, "a core device that was registered on this machine")
    return row


def _effective(row: sqlite3.Row) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "deploymentId": row["deployment"],
        "deploymentName": row["name"] or "",
        "iotJobId": row["job"],
        "targetArn": row["target"],
        "coreDeviceExecutionStatus": row["status"],
        "creationTimestamp": datetime.fromisoformat(row["created_at"]),
        "modifiedTimestamp": datetime.fromisoformat(row["modified_at"]),
    }
    if name_in(row["target"], "thinggroup") is not None:
        shown["iotJobArn"] = job_arn(row["job"])
    if row["reason"] is not None:
        shown["reason"] = row["reason"]
    if ExecutionStatus(row["status"]) in BAD:
        shown["statusDetails"] = {"errorStack": json.loads(row["codes"]), "errorTypes": json.loads(row["types"])}
    return shown


def _core(row: sqlite3.Row) -> dict[str, Any]:
    platform = this_platform()
    return {
        "coreDeviceThingName": row["thing"],
        "status": row["status"],
        "lastStatusUpdateTimestamp": datetime.fromisoformat(row["status_at"]),
        "platform": platform["os"],
        "architecture": platform["architecture"],
        "runtime": RUNTIME,
    }


def _installed(row: sqlite3.Row) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "componentName": row["name"],
        "componentVersion": row["version"],
        "lifecycleState": row["state"],
        "isRoot": bool(row["is_root"]),
        "lastStatusChangeTimestamp": datetime.fromisoformat(row["changed_at"]),
        "lastReportedTimestamp": datetime.fromisoformat(row["reported_at"]),
        "lastInstallationSource": row["source"],
        "lifecycleStatusCodes": json.loads(row["codes"]),
    }
    if row["details"]:
        shown["lifecycleStateDetails"] = row["details"]
    return shown
