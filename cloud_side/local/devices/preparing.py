"""Everything of a deployment that changes nothing yet: components are resolved and planned, artifacts fetched."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from cloud_side.local.database import Database
from cloud_side.local.devices.fetching import fetch
from cloud_side.local.devices.inspector import is_by_hand
from cloud_side.local.devices.inventory import installed_on, roots_on
from cloud_side.local.devices.places import Places
from cloud_side.local.devices.planning import Planned, plan
from cloud_side.local.devices.resolving import Wanted, resolve
from cloud_side.local.services.greengrass.components import deployable_recipes
from cloud_side.local.services.greengrass.platforms import manifest_for, this_platform
from cloud_side.local.services.iot.registry import targets_of


def prepare(database: Database, places: Places, deployment: sqlite3.Row) -> list[Planned]:
    """Return the components of a device after a deployment, their artifacts at hand.

    Raises:
        DeploymentFailure: If it cannot be done.
    """
    connection = database.connection()
    components = json.loads(deployment["document"])["components"]
    roots = roots_with(connection, places.device.thing, deployment["target"], components)
    wanted = resolve(
        {target.split(":", 5)[-1]: versions for target, versions in roots.items()},
        lambda name: deployable_recipes(connection, name),
        this_platform(),
    )
    _fetch(database, places, wanted)
    updates = {name: component.get("configurationUpdate", {}) for name, component in components.items()}
    return plan(wanted, installed_on(connection, places.device.thing), updates, places)


def roots_with(
    connection: sqlite3.Connection, thing: str, target: str, components: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Return what all targets of a device want, by ARN: one target's new components, and of the others what is there.

    A target that does not mean the device any more wants nothing of it.
    """
    targets = targets_of(connection, thing)
    others = {other: roots for other, roots in roots_on(connection, thing).items() if other in targets}
    return {**others, target: {name: component["componentVersion"] for name, component in components.items()}}


def _fetch(database: Database, places: Places, wanted: Iterable[Wanted]) -> None:
    for each in wanted:
        manifest = None if each.recipe is None else manifest_for(each.recipe, this_platform())
        if manifest is not None and not is_by_hand(each.name):
            for artifact in manifest.artifacts:
                fetch(database, places.home, artifact, places.artifacts(each.name, each.version))
