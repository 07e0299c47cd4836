"""Which daemons of this machine are core devices: told by a person or a test, remembered in the engine's home."""

import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloud_side.local.database import Database
from cloud_side.local.devices.scripts import Run
from cloud_side.local.home import Home
from cloud_side.local.services.greengrass.core_devices import CoreStatus, forget
from cloud_side.local.services.iot.groups import ensure_group
from cloud_side.local.services.iot.registry import checked_name
from cloud_side.local.services.iot.things import ensure_thing
from cloud_side.local.wiring import RefusedRequest
from edge_inspector.errors import ConfigError

_PLAIN_GROUP = {"parent": None, "description": None, "attributes": "{}"}


@dataclass(frozen=True)
class CoreDevice:
    """A daemon as a core device.

    Attributes:
        thing: Its name, and that of the station.
        models: The folder in which the daemon looks for models: `model.updates.folder` of its configuration.
        configuration: The JSON file that the daemon follows, if deployments shall configure it; they replace what is
            in it. None leaves the daemon's configuration alone.
    """

    thing: str
    models: Path
    configuration: Path | None = None


def register(database: Database, device: CoreDevice, groups: Iterable[str] = ()) -> None:
    """Make a daemon a core device and put it into groups; thing and groups are made where they are missing.

    A device that is registered already is changed, and stays in the groups that it is in. In another folder it is a
    new device: what its targets have comes to it again.

    Raises:
        ConfigError: If a name is not allowed, a path is relative or another device's, or a file is no JSON file.
    """
    named = tuple(groups)
    _check(device, named)
    now = datetime.now(UTC)
    with database.transaction() as connection:
        _refuse_shared(connection, device)
        _forget_if_moved(connection, device)
        if connection.execute("SELECT 1 FROM iot_things WHERE name = ?", (device.thing,)).fetchone() is None:
            ensure_thing(connection, device.thing, {})
        for group in named:
            if connection.execute("SELECT 1 FROM iot_groups WHERE name = ?", (group,)).fetchone() is None:
                ensure_group(connection, group, _PLAIN_GROUP, now=now)
            connection.execute("INSERT OR IGNORE INTO iot_members VALUES (?, ?)", (group, device.thing))
        connection.execute(
            "INSERT INTO greengrass_cores (thing, models, configuration, is_offline, status, status_at)"
            " VALUES (?, ?, ?, 0, ?, ?) ON CONFLICT (thing) DO UPDATE"
            " SET models = excluded.models, configuration = excluded.configuration",
            (device.thing, str(device.models), None if device.configuration is None else str(device.configuration),
             CoreStatus.HEALTHY, now.isoformat()),
        )  # fmt: skip


def set_offline(database: Database, thing: str, *, is_offline: bool) -> None:
    """Let a device be out of reach, or come back: what is deployed meanwhile waits for it.

    Raises:
        ConfigError: If there is no such device.
    """
    with database.transaction() as connection:
        changed = connection.execute(
            "UPDATE greengrass_cores SET is_offline = ? WHERE thing = ?", (is_offline, thing)
        ).rowcount
    if not changed:
        raise _unknown(thing)


def unregister(database: Database, home: Home, thing: str) -> None:
    """Let a daemon be no core device any more, and in no group; its thing, its models and its file stay.

    A script that runs for it is killed.

    Raises:
        ConfigError: If there is no such device.
    """
    with database.transaction() as connection:
        forget(connection, thing)
        connection.execute("DELETE FROM iot_members WHERE thing = ?", (thing,))
        if not connection.execute("DELETE FROM greengrass_cores WHERE thing = ?", (thing,)).rowcount:
            raise _unknown(thing)
    folder = home.devices / thing
    for run in folder.glob("runs/*/*"):
        Run(run).kill_if_running()
    shutil.rmtree(folder, ignore_errors=True)


def device_in(row: sqlite3.Row) -> CoreDevice:
    """Return the device that a row of `greengrass_cores` is."""
    configuration = None if row["configuration"] is None else Path(row["configuration"])
    return CoreDevice(row["thing"], Path(row["models"]), configuration)


def _check(device: CoreDevice, groups: Iterable[str]) -> None:
    try:
        for name in (device.thing, *groups):
            checked_name({"name": name}, "name")
    except RefusedRequest as refusal:
        raise ConfigError(refusal.message) from refusal
    for path in (device.models, device.configuration):
        if path is not None and not path.is_absolute():
            msg = f"{device.thing}: found the path {path}, expected an absolute one"
            raise ConfigError(msg)
    if device.configuration is not None and device.configuration.suffix != ".json":
        msg = f"{device.thing}: found the configuration {device.configuration}, expected a JSON file"
        raise ConfigError(msg)


def _refuse_shared(connection: sqlite3.Connection, device: CoreDevice) -> None:
    for column, path in (("models", device.models), ("configuration", device.configuration)):
        other = connection.execute(
            f"SELECT thing FROM greengrass_cores WHERE {column} = ? AND thing <> ?",  # noqa: S608 - names of ours
            (None if path is None else str(path), device.thing),
        ).fetchone()
        if other is not None:
            msg = f"{device.thing}: found {path}, which is {other['thing']}'s; expected one of its own"
            raise ConfigError(msg)


def _forget_if_moved(connection: sqlite3.Connection, device: CoreDevice) -> None:
    row = connection.execute("SELECT models FROM greengrass_cores WHERE thing = ?", (device.thing,)).fetchone()
    if row is not None and row["models"] != str(device.models):
        forget(connection, device.thing)


def _unknown(thing: str) -> ConfigError:
    return ConfigError(f"{thing}: found no such core device, expected one that was registered on this machine")
