"""`device add`, `list`, `remove`, `offline`, `online`: which daemons of this machine are core devices."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager

from cloud_side.drawing.visits import Outcome
from cloud_side.local.cli.opened import existing_home
from cloud_side.local.cli.tables import Style, table
from cloud_side.local.database import Database
from cloud_side.local.devices import registering
from cloud_side.local.devices.listing import Listed, listed
from cloud_side.local.home import Home
from cloud_side.local.services.greengrass import GREENGRASS
from cloud_side.local.services.iot import IOT

_OUTCOMES = {
    "QUEUED": Outcome.RUNNING,
    "IN_PROGRESS": Outcome.RUNNING,
    "COMPLETED": Outcome.SUCCEEDED,
    "SUCCEEDED": Outcome.SUCCEEDED,
    "CANCELED": Outcome.ABORTED,
}


def add(options: argparse.Namespace) -> int:
    """Make a daemon of this machine a core device."""
    configuration = None if options.configuration is None else options.configuration.expanduser().absolute()
    device = registering.CoreDevice(options.thing, options.models.expanduser().absolute(), configuration)
    with _database(existing_home(options)) as database:
        registering.register(database, device, options.group)
        (found,) = (each for each in listed(database) if each.thing == device.thing)
    print(f"{device.thing} is a core device in {', '.join(found.groups) or 'no group'}; its daemon needs")
    print(f'  "model": {{"updates": {{"folder": {json.dumps(str(device.models))}}}}}')
    return 0


def list_(options: argparse.Namespace) -> int:
    """Print the devices, with what came of the latest deployment of each."""
    with _database(existing_home(options)) as database:
        found = listed(database)
    if options.json:
        print(json.dumps([each.plain() for each in found], indent=2))
        return 0
    rows = [_row(each) for each in found]
    heads = ("DEVICE", "REACHED", "HEALTH", "DEPLOYMENT", "MODEL", "GROUPS", "FOLDER OF MODELS")
    outcomes = [_OUTCOMES.get(each.deployment, Outcome.FAILED) if each.deployment else "" for each in found]
    print("\n".join(table(rows, Style.of_output(), heads=heads, outcomes=outcomes)) if rows else "no devices")
    return 0


def remove(options: argparse.Namespace) -> int:
    """Let a daemon be no core device any more."""
    home = existing_home(options)
    with _database(home) as database:
        registering.unregister(database, home, options.thing)
    print(f"{options.thing} is no core device any more; its daemon goes on with the model that it has")
    return 0


def offline(options: argparse.Namespace) -> int:
    """Let a device be out of reach."""
    return _reach(options, is_offline=True, told="is offline; what is deployed waits for `device online`")


def online(options: argparse.Namespace) -> int:
    """Let a device be reached again."""
    return _reach(options, is_offline=False, told="is online")


def _reach(options: argparse.Namespace, *, is_offline: bool, told: str) -> int:
    with _database(existing_home(options)) as database:
        registering.set_offline(database, options.thing, is_offline=is_offline)
    print(f"{options.thing} {told}")
    return 0


def _row(each: Listed) -> tuple[str, ...]:
    deployment = each.deployment.lower().replace("_", " ")
    reached = "offline" if each.is_offline else "online"
    return each.thing, reached, each.health.lower(), deployment, each.model, ", ".join(each.groups), str(each.models)


@contextmanager
def _database(home: Home) -> Iterator[Database]:
    database = Database(home.database, [IOT.tables, GREENGRASS.tables])
    try:
        yield database
    finally:
        database.close()
