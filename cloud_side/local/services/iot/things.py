"""Things: one for each device of the fleet."""

import json
import sqlite3
import uuid
from typing import Any

from cloud_side.local.services.iot.pages import page_of
from cloud_side.local.services.iot.refusals import outdated, refuse_others, taken
from cloud_side.local.services.iot.registry import checked_attributes, checked_name, find_thing, thing_arn
from cloud_side.local.wiring import Answer, Request

_MOST_ATTRIBUTES = 3  # of a thing without a type
_PAGE = 25


def create_thing(request: Request, connection: sqlite3.Connection) -> Answer:
    """Make a thing; one that is there with the same attributes is fine.

    Source:
        AWS IoT API reference, CreateThing: same name and configuration succeeds, another configuration is refused.
    """
    refuse_others(request.parameters, "thingName attributePayload")
    name = checked_name(request.parameters, "thingName")
    given = request.parameters.get("attributePayload", {}).get("attributes", {})
    attributes = checked_attributes(given, at_most=_MOST_ATTRIBUTES)
    return ensure_thing(connection, name, attributes)


def ensure_thing(connection: sqlite3.Connection, name: str, attributes: dict[str, str]) -> dict[str, Any]:
    """Make a thing, unless it is there with the same attributes; return its name, ARN and id.

    Raises:
        RefusedRequest: If it is there with others.
    """
    row = connection.execute("SELECT * FROM iot_things WHERE name = ?", (name,)).fetchone()
    identity = str(uuid.uuid4()) if row is None else row["id"]
    if row is None:
        connection.execute(
            "INSERT INTO iot_things (name, id, attributes, version) VALUES (?, ?, ?, 1)",
            (name, identity, json.dumps(attributes)),
        )
    elif json.loads(row["attributes"]) != attributes:
        msg = f"Thing {name} already exists in account with different attributes: {row['attributes']}"
        raise taken(msg, identity=identity, arn=thing_arn(name))
    return {"thingName": name, "thingArn": thing_arn(name), "thingId": identity}


def describe_thing(request: Request) -> Answer:
    """Return a thing."""
    row = find_thing(request.database.connection(), request.parameters["thingName"])
    return {**_listed(row), "defaultClientId": row["name"], "thingId": row["id"]}


def list_things(request: Request) -> Answer:
    """Return the things, by name, if asked only those with an attribute of a value."""
    refuse_others(request.parameters, "nextToken maxResults attributeName attributeValue usePrefixAttributeValue")
    rows = request.database.connection().execute("SELECT * FROM iot_things").fetchall()
    return page_of(
        [row for row in rows if _is_wanted(request, json.loads(row["attributes"]))],
        request.parameters,
        key=lambda row: row["name"],
        shown=_listed,
        into="things",
        at_most=_PAGE,
        refusal="InvalidRequestException",
    )


def update_thing(request: Request, connection: sqlite3.Connection) -> Answer:
    """Replace the attributes of a thing, or with `merge` those that are given."""
    refuse_others(request.parameters, "thingName attributePayload expectedVersion")
    row = find_thing(connection, request.parameters["thingName"])
    refuse_other_version(request, row)
    payload = request.parameters.get("attributePayload", {})
    before = json.loads(row["attributes"]) if payload.get("merge") or "attributes" not in payload else {}
    attributes = checked_attributes({**before, **payload.get("attributes", {})}, at_most=_MOST_ATTRIBUTES)
    connection.execute(
        "UPDATE iot_things SET attributes = ?, version = version + 1 WHERE name = ?",
        (json.dumps(attributes), row["name"]),
    )
    return {}


def delete_thing(request: Request, connection: sqlite3.Connection) -> Answer:
    """Delete a thing, and take it out of its groups; one that is not there is fine.

    Source:
        AWS IoT API reference, DeleteThing.
    """
    name = request.parameters["thingName"]
    row = connection.execute("SELECT * FROM iot_things WHERE name = ?", (name,)).fetchone()
    if row is not None:
        refuse_other_version(request, row)
        connection.execute("DELETE FROM iot_members WHERE thing = ?", (name,))
        connection.execute("DELETE FROM iot_things WHERE name = ?", (name,))
    return {}


def refuse_other_version(request: Request, row: sqlite3.Row) -> None:
    """Refuse a change of a version that is not the one there.

    Raises:
        RefusedRequest: If the request expects another version.
    """
    expected = request.parameters.get("expectedVersion", row["version"])
    if expected != row["version"]:
        msg = f"{row['name']}: found version {row['version']}, expected {expected}"
        raise outdated(msg)


def _listed(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "thingName": row["name"],
        "thingArn": thing_arn(row["name"]),
        "attributes": json.loads(row["attributes"]),
        "version": row["version"],
    }


def _is_wanted(request: Request, attributes: dict[str, str]) -> bool:
    name, value = request.parameters.get("attributeName"), str(request.parameters.get("attributeValue", ""))
    if name is None:
        return True
    if request.parameters.get("usePrefixAttributeValue"):
        return name in attributes and attributes[name].startswith(value)
    return name in attributes and attributes[name] == value
