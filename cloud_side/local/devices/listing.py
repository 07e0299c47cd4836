"""The core devices of this machine at a glance."""

import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cloud_side.local.database import Database
from cloud_side.local.devices.inspector import MODEL
from cloud_side.local.devices.registering import device_in
from cloud_side.local.services.iot.registry import groups_of


@dataclass(frozen=True)
class Listed:
    """A core device.

    Attributes:
        health: HEALTHY or UNHEALTHY.
        deployment: The status of the latest one there, as AWS names it; empty where it has got none.
        reason: What the device has said of that; empty where it has not.
        model: The version of the model's component on it; empty where it has none.
    """

    thing: str
    models: Path
    configuration: Path | None
    groups: tuple[str, ...]
    is_offline: bool
    health: str
    deployment: str
    reason: str
    model: str

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        configuration = None if self.configuration is None else str(self.configuration)
        return {**asdict(self), "models": str(self.models), "configuration": configuration}


def listed(database: Database) -> list[Listed]:
    """Return the devices, by name."""
    connection = database.connection()
    rows = connection.execute("SELECT * FROM greengrass_cores ORDER BY thing").fetchall()
    return [_listed(connection, row) for row in rows]


def _listed(connection: sqlite3.Connection, row: sqlite3.Row) -> Listed:
    device = device_in(row)
    latest = connection.execute(
        "SELECT e.status, e.reason FROM greengrass_executions e JOIN greengrass_deployments d ON d.id = e.deployment"
        " WHERE e.thing = ? ORDER BY d.seq DESC LIMIT 1",
        (device.thing,),
    ).fetchone()
    model = connection.execute(
        "SELECT version FROM greengrass_installed WHERE thing = ? AND name = ?", (device.thing, MODEL)
    ).fetchone()
    return Listed(
        device.thing,
        device.models,
        device.configuration,
        tuple(groups_of(connection, device.thing)),
        is_offline=bool(row["is_offline"]),
        health=row["status"],
        deployment="" if latest is None else latest["status"],
        reason="" if latest is None else latest["reason"] or "",
        model="" if model is None else model["version"],
    )
