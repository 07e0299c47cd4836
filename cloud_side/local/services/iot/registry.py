"""The things and groups of the registry, as tables and as plain functions for whoever deploys to them."""

import re
import sqlite3
from collections.abc import Iterator, Mapping

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.iot.refusals import invalid, missing
from cloud_side.local.wiring import Parameters

TABLES = """
CREATE TABLE IF NOT EXISTS iot_things (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, attributes TEXT NOT NULL, version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS iot_groups (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, parent TEXT, description TEXT, attributes TEXT NOT NULL,
    version INTEGER NOT NULL, created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS iot_members (
    group_name TEXT NOT NULL, thing TEXT NOT NULL, PRIMARY KEY (group_name, thing)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS iot_members_of_thing ON iot_members (thing)
"""
_PREFIX = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_ATTRIBUTE = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")


def thing_arn(name: str) -> str:
    """Return the ARN of a thing."""
    return f"{_PREFIX}thing/{name}"


def group_arn(name: str) -> str:
    """Return the ARN of a thing group."""
    return f"{_PREFIX}thinggroup/{name}"


def name_in(arn: str, kind: str) -> str | None:
    """Return the name in an ARN of this account; None if it is not one of that kind.

    Args:
        arn: Any text.
        kind: `thing` or `thinggroup`.
    """
    prefix = f"{_PREFIX}{kind}/"
    return arn.removeprefix(prefix) if arn.startswith(prefix) else None


def find_thing(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Return a thing.

    Raises:
        RefusedRequest: If there is none of that name.
    """
    row: sqlite3.Row | None = connection.execute("SELECT * FROM iot_things WHERE name = ?", (name,)).fetchone()
    if row is None:
        msg = f"Thing {name} not found; expected one that CreateThing made"
        raise missing(msg)
    return row


def find_group(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Return a thing group.

    Raises:
        RefusedRequest: If there is none of that name.
    """
    row: sqlite3.Row | None = connection.execute("SELECT * FROM iot_groups WHERE name = ?", (name,)).fetchone()
    if row is None:
        msg = f"Thing group {name} not found; expected one that CreateThingGroup made"
        raise missing(msg)
    return row


def ancestors_of(connection: sqlite3.Connection, group: str) -> list[str]:
    """Return the groups above a group, the root first."""
    above: list[str] = []
    while (parent := find_group(connection, group)["parent"]) is not None:
        above.insert(0, parent)
        group = parent
    return above


def groups_of(connection: sqlite3.Connection, thing: str) -> list[str]:
    """Return the groups to which a thing was added, by name."""
    rows = connection.execute("SELECT group_name FROM iot_members WHERE thing = ? ORDER BY group_name", (thing,))
    return [row["group_name"] for row in rows]


def things_in(connection: sqlite3.Connection, group: str, *, recursive: bool = False) -> set[str]:
    """Return the things of a group; with `recursive` of those below it too."""
    rows = connection.execute("SELECT thing FROM iot_members WHERE group_name = ?", (group,))
    found = {row["thing"] for row in rows}
    if recursive:
        for child in connection.execute("SELECT name FROM iot_groups WHERE parent = ?", (group,)).fetchall():
            found |= things_in(connection, child["name"], recursive=True)
    return found


def targets_of(connection: sqlite3.Connection, thing: str) -> set[str]:
    """Return the ARNs by which a thing can be meant: its own, and those of its groups and of the groups above them."""
    groups = groups_of(connection, thing)
    above = {name for group in groups for name in ancestors_of(connection, group)}
    return {thing_arn(thing), *map(group_arn, above.union(groups))}


def things_at(connection: sqlite3.Connection, target: str) -> set[str]:
    """Return the things that a target means: the thing itself, or those in the group and below it."""
    if (name := name_in(target, "thing")) is not None:
        return {name}
    group = name_in(target, "thinggroup")
    return set() if group is None else things_in(connection, group, recursive=True)


def checked_name(parameters: Parameters, member: str) -> str:
    """Return a name that a thing or group may have.

    Raises:
        RefusedRequest: If it may not.
    """
    name = str(parameters[member])
    if not _NAME.fullmatch(name):
        msg = f"{member}: found {name!r}, expected 1 to 128 letters, digits, ':', '_' and '-'"
        raise invalid(msg)
    return name


def checked_attributes(given: Mapping[str, str], *, at_most: int) -> dict[str, str]:
    """Return attributes that a thing or group may have; one without a value is none.

    Raises:
        RefusedRequest: If a name or value is not allowed, or there are too many.
    """
    problems = list(_problems_of(given, at_most))
    if problems:
        raise invalid("; ".join(problems))
    return {name: value for name, value in given.items() if value}


def _problems_of(given: Mapping[str, str], at_most: int) -> Iterator[str]:
    for name, value in given.items():
        if not _ATTRIBUTE.fullmatch(name):
            yield f"attribute {name!r}: expected 1 to 128 letters, digits and _.,@/:#-"
        if not _VALUE.fullmatch(value):
            yield f"value of attribute {name}: found {value!r}, expected up to 800 letters, digits and _.,@/:#=[]-"
    if len(given) > at_most:
        yield f"found {len(given)} attributes, expected at most {at_most}"
