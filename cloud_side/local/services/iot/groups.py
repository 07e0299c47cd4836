"""Thing groups, and which things are in them."""

import json
import sqlite3
import uuid
from datetime import datetime
from typing import Any

from cloud_side.local.services.iot.pages import page_of
from cloud_side.local.services.iot.refusals import invalid, refuse_others, taken
from cloud_side.local.services.iot.registry import (
    ancestors_of,
    checked_attributes,
    checked_name,
    find_group,
    find_thing,
    group_arn,
    groups_of,
    name_in,
    things_in,
)
from cloud_side.local.services.iot.things import refuse_other_version
from cloud_side.local.wiring import Answer, Request

_MOST_ATTRIBUTES = 50
_PAGE = 250


def create_thing_group(request: Request, connection: sqlite3.Connection) -> Answer:
    """Make a group; one that is there with the same parent and properties is fine."""
    refuse_others(request.parameters, "thingGroupName parentGroupName thingGroupProperties tags")
    name = checked_name(request.parameters, "thingGroupName")
    given = request.parameters.get("thingGroupProperties", {})
    attributes = checked_attributes(given.get("attributePayload", {}).get("attributes", {}), at_most=_MOST_ATTRIBUTES)
    parent = request.parameters.get("parentGroupName")
    if parent is not None:
        find_group(connection, parent)
    wanted = {"parent": parent, "description": given.get("thingGroupDescription"), "attributes": json.dumps(attributes)}
    return ensure_group(connection, name, wanted, now=request.now)


def ensure_group(
    connection: sqlite3.Connection, name: str, wanted: dict[str, str | None], *, now: datetime
) -> dict[str, Any]:
    """Make a group, unless it is there just like that; return its name, ARN and id.

    Args:
        connection: Of the transaction.
        name: Of the group.
        wanted: Its parent, description and attributes, as their columns.
        now: When it is made.

    Raises:
        RefusedRequest: If it is there otherwise.
    """
    row = connection.execute("SELECT * FROM iot_groups WHERE name = ?", (name,)).fetchone()
    identity = str(uuid.uuid4()) if row is None else row["id"]
    if row is None:
        connection.execute(
            "INSERT INTO iot_groups (name, id, version, created_at, parent, description, attributes)"
            " VALUES (:name, :id, 1, :created_at, :parent, :description, :attributes)",
            {"name": name, "id": identity, "created_at": now.isoformat(), **wanted},
        )
    elif any(row[column] != value for column, value in wanted.items()):
        msg = f"Thing Group {name} already exists in current account with different properties"
        raise taken(msg, identity=identity, arn=group_arn(name))
    return {"thingGroupName": name, "thingGroupArn": group_arn(name), "thingGroupId": identity}


def describe_thing_group(request: Request) -> Answer:
    """Return a group with the groups above it."""
    connection = request.database.connection()
    row = find_group(connection, request.parameters["thingGroupName"])
    metadata: dict[str, Any] = {
        "creationDate": datetime.fromisoformat(row["created_at"]),
        "rootToParentThingGroups": [_listed(name) for name in ancestors_of(connection, row["name"])],
    }
    if row["parent"] is not None:
        metadata["parentGroupName"] = row["parent"]
    properties: dict[str, Any] = {"attributePayload": {"attributes": json.loads(row["attributes"])}}
    if row["description"] is not None:
        properties["thingGroupDescription"] = row["description"]
    return {
        "thingGroupName": row["name"],
        "thingGroupId": row["id"],
        "thingGroupArn": group_arn(row["name"]),
        "version": row["version"],
        "thingGroupProperties": properties,
        "thingGroupMetadata": metadata,
    }


def list_thing_groups(request: Request) -> Answer:
    """Return the groups, by name: all, those of a prefix, or those under a parent."""
    connection, prefix = request.database.connection(), request.parameters.get("namePrefixFilter", "")
    parent, recursive = request.parameters.get("parentGroup"), request.parameters.get("recursive", True)
    if parent is not None:
        find_group(connection, parent)
    names = [row["name"] for row in connection.execute("SELECT name FROM iot_groups").fetchall()]

    def is_wanted(name: str) -> bool:
        above = ancestors_of(connection, name)
        is_below = not above or recursive if parent is None else parent in (above if recursive else above[-1:])
        return bool(is_below) and name.startswith(prefix)

    return _groups(request, [name for name in names if is_wanted(name)])


def delete_thing_group(request: Request, connection: sqlite3.Connection) -> Answer:
    """Delete a group that has none below it; one that is not there is fine."""
    name = request.parameters["thingGroupName"]
    row = connection.execute("SELECT * FROM iot_groups WHERE name = ?", (name,)).fetchone()
    if row is None:
        return {}
    refuse_other_version(request, row)
    if connection.execute("SELECT 1 FROM iot_groups WHERE parent = ?", (name,)).fetchone() is not None:
        msg = f"Cannot delete thing group : {name} when there are still child groups attached to it"
        raise invalid(msg)
    connection.execute("DELETE FROM iot_members WHERE group_name = ?", (name,))
    connection.execute("DELETE FROM iot_groups WHERE name = ?", (name,))
    return {}


def add_thing_to_thing_group(request: Request, connection: sqlite3.Connection) -> Answer:
    """Put a thing into a group; one that is there already is fine."""
    group, thing = _membership(request, connection)
    connection.execute("INSERT OR IGNORE INTO iot_members (group_name, thing) VALUES (?, ?)", (group, thing))
    return {}


def remove_thing_from_thing_group(request: Request, connection: sqlite3.Connection) -> Answer:
    """Take a thing out of a group; one that is not there is fine."""
    connection.execute("DELETE FROM iot_members WHERE group_name = ? AND thing = ?", _membership(request, connection))
    return {}


def list_things_in_thing_group(request: Request) -> Answer:
    """Return the names of the things of a group; with `recursive` of those below it too."""
    connection, group = request.database.connection(), request.parameters["thingGroupName"]
    find_group(connection, group)
    return page_of(
        things_in(connection, group, recursive=request.parameters.get("recursive", False)),
        request.parameters,
        key=str,
        shown=str,
        into="things",
        at_most=_PAGE,
        refusal="InvalidRequestException",
    )


def list_thing_groups_for_thing(request: Request) -> Answer:
    """Return the groups to which a thing was added."""
    connection, thing = request.database.connection(), request.parameters["thingName"]
    find_thing(connection, thing)
    return _groups(request, groups_of(connection, thing))


def _groups(request: Request, names: list[str]) -> dict[str, Any]:
    return page_of(
        names,
        request.parameters,
        key=str,
        shown=_listed,
        into="thingGroups",
        at_most=_PAGE,
        refusal="InvalidRequestException",
    )


def _listed(name: str) -> dict[str, str]:
    return {"groupName": name, "groupArn": group_arn(name)}


def _membership(request: Request, connection: sqlite3.Connection) -> tuple[str, str]:
    group = _named(request, "thingGroupName", "thingGroupArn", "thinggroup")
    thing = _named(request, "thingName", "thingArn", "thing")
    return find_group(connection, group)["name"], find_thing(connection, thing)["name"]


def _named(request: Request, name_member: str, arn_member: str, kind: str) -> str:
    name, arn = request.parameters.get(name_member), request.parameters.get(arn_member)
    from_arn = None if arn is None else name_in(arn, kind)
    found = {each for each in (name, from_arn) if each is not None}
    if len(found) != 1 or (arn is not None and from_arn is None):
        msg = f"{name_member}, {arn_member}: found {name!r} and {arn!r}, expected one of them, or both of one {kind}"
        raise invalid(msg)
    return found.pop()
