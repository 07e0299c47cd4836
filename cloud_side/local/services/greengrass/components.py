"""Component versions: made once, never replaced, and deployable once their artifacts were seen."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.greengrass.artifacts import is_there
from cloud_side.local.services.greengrass.recipe import Recipe, RecipeError, read_recipe
from cloud_side.local.services.greengrass.refusals import conflicting, invalid, missing
from cloud_side.local.services.greengrass.versions import Version
from cloud_side.local.services.iot.pages import page_of
from cloud_side.local.services.iot.refusals import refuse_others
from cloud_side.local.wiring import Answer, Request, refusing

_PREFIX = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:"
_KIND = "Component"
_PAGE = 50
NOTHING_WRONG = "NONE"
UNREADABLE = "Specified artifact resource cannot be accessed"


class ComponentState(StrEnum):
    """How far a version is on its way to the devices."""

    REQUESTED = "REQUESTED"
    DEPLOYABLE = "DEPLOYABLE"
    FAILED = "FAILED"


def create_component_version(request: Request, connection: sqlite3.Connection) -> Answer:
    """Take a recipe in; whether its artifacts are there is asked at once, what is in them is looked at later.

    Source:
        Greengrass V2 API reference, CreateComponentVersion; the refusal of artifacts is worded as AWS does.
    """
    refuse_others(request.parameters, "inlineRecipe tags clientToken")
    token = request.parameters.get("clientToken")
    before = _row_where(connection, "token", token)
    if before is not None:
        return _created(before)
    text = _text_of(request.parameters.get("inlineRecipe", ""))
    with refusing("ValidationException", RecipeError):
        recipe = read_recipe(text)
    _refuse_missing_artifacts(connection, request, recipe)
    arn = f"{_PREFIX}{recipe.name}:versions:{recipe.version}"
    if _row_where(connection, "arn", arn) is not None:
        msg = f"Component [{recipe.name} : {recipe.version}] for account [{ACCOUNT}] already exists"
        raise conflicting(msg, _KIND, arn)
    connection.execute(
        "INSERT INTO greengrass_components (arn, name, version, recipe, state, message, errors, tags, created_at,"
        " token) VALUES (?, ?, ?, ?, ?, ?, '{}', ?, ?, ?)",
        (arn, recipe.name, recipe.version, text, ComponentState.REQUESTED, NOTHING_WRONG,
         json.dumps(request.parameters.get("tags", {})), request.now.isoformat(), token),
    )  # fmt: skip
    return _created(_find(connection, arn))


def describe_component(request: Request) -> Answer:
    """Return what is known of a version."""
    row = _find(request.database.connection(), request.parameters["arn"])
    recipe = read_recipe(row["recipe"])
    return {
        **_created(row),
        "publisher": recipe.publisher,
        "description": recipe.description,
        "status": {
            "componentState": row["state"],
            "message": row["message"],
            "errors": json.loads(row["errors"]),
        },
        "platforms": _platforms(recipe),
        "tags": json.loads(row["tags"]),
    }


def get_component(request: Request) -> Answer:
    """Return the recipe of a version, with the digests of its artifacts once they are known."""
    if (wanted := request.parameters.get("recipeOutputFormat", "JSON")) != "JSON":
        msg = f"recipeOutputFormat: found {wanted}, expected JSON; the local engine writes no other recipes"
        raise invalid(msg)
    row = _find(request.database.connection(), request.parameters["arn"])
    return {"recipeOutputFormat": "JSON", "recipe": row["recipe"].encode(), "tags": json.loads(row["tags"])}


def list_components(request: Request) -> Answer:
    """Return the components of this account, each with its latest deployable version."""
    is_public = request.parameters.get("scope", "PRIVATE") == "PUBLIC"
    rows = [] if is_public else _deployable(request.database.connection())
    latest: dict[str, sqlite3.Row] = {}
    for row in rows:
        if row["name"] not in latest or _version_of(row) > _version_of(latest[row["name"]]):
            latest[row["name"]] = row
    return page_of(
        latest.values(),
        request.parameters,
        key=lambda row: row["name"],
        shown=_listed,
        into="components",
        at_most=_PAGE,
        refusal="ValidationException",
    )


def list_component_versions(request: Request) -> Answer:
    """Return the versions of a component, the newest first."""
    arn = request.parameters["arn"]
    name = arn.removeprefix(_PREFIX)
    rows = _rows_of(request.database.connection(), name)
    if not rows or not arn.startswith(_PREFIX):
        raise missing(_KIND, arn, "a component of this account")
    places = {row["arn"]: place for place, row in enumerate(sorted(rows, key=_version_of, reverse=True))}
    return page_of(
        rows,
        request.parameters,
        key=lambda row: places[row["arn"]],
        shown=lambda row: {"componentName": name, "componentVersion": row["version"], "arn": row["arn"]},
        into="componentVersions",
        at_most=_PAGE,
        refusal="ValidationException",
    )


def delete_component(request: Request, connection: sqlite3.Connection) -> Answer:
    """Delete a version that is not being looked at; deployments that name it fail from then on."""
    row = _find(connection, request.parameters["arn"])
    if row["state"] == ComponentState.REQUESTED:
        msg = f"{row['arn']}: found state {row['state']}, expected it to be looked at first"
        raise conflicting(msg, _KIND, row["arn"])
    connection.execute("DELETE FROM greengrass_components WHERE arn = ?", (row["arn"],))
    return {}


def deployable_recipes(connection: sqlite3.Connection, name: str) -> list[Recipe]:
    """Return the versions of a component that a device may get, with the digests of their artifacts."""
    return [read_recipe(row["recipe"]) for row in _rows_of(connection, name) if _is_deployable(row)]


def _refuse_missing_artifacts(connection: sqlite3.Connection, request: Request, recipe: Recipe) -> None:
    gone = [artifact.uri for artifact in recipe.artifacts if not is_there(connection, request.home, artifact)]
    if gone:
        told = ", ".join(f"{uri} = {UNREADABLE}" for uri in gone)
        msg = f"Invalid Input: Encountered following errors in Artifacts: {{{told}}}"
        raise invalid(msg)


def _text_of(recipe: str | bytes | bytearray) -> str:
    try:
        return recipe if isinstance(recipe, str) else bytes(recipe).decode()
    except UnicodeDecodeError as error:
        msg = f"inlineRecipe: found no UTF-8: {error}"
        raise invalid(msg) from error


def _row_where(connection: sqlite3.Connection, column: str, value: str | None) -> sqlite3.Row | None:
    query = f"SELECT * FROM greengrass_components WHERE {column} = ?"  # noqa: S608 - the callers' own columns
    row: sqlite3.Row | None = connection.execute(query, (value,)).fetchone()
    return row


def _find(connection: sqlite3.Connection, arn: str) -> sqlite3.Row:
    row = _row_where(connection, "arn", arn)
    if row is None:
        raise missing(_KIND, arn, "a version that CreateComponentVersion made")
    return row


def _rows_of(connection: sqlite3.Connection, name: str) -> Sequence[sqlite3.Row]:
    return connection.execute("SELECT * FROM greengrass_components WHERE name = ?", (name,)).fetchall()


def _deployable(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return list(filter(_is_deployable, connection.execute("SELECT * FROM greengrass_components").fetchall()))


def _is_deployable(row: sqlite3.Row) -> bool:
    return bool(row["state"] == ComponentState.DEPLOYABLE)


def _version_of(row: sqlite3.Row) -> Version:
    return Version.parse(row["version"])


def _created(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "arn": row["arn"],
        "componentName": row["name"],
        "componentVersion": row["version"],
        "creationTimestamp": datetime.fromisoformat(row["created_at"]),
        "status": {"componentState": ComponentState.REQUESTED, "message": NOTHING_WRONG, "errors": {}},
    }


def _listed(row: sqlite3.Row) -> dict[str, Any]:
    recipe = read_recipe(row["recipe"])
    latest = {
        "arn": row["arn"],
        "componentVersion": row["version"],
        "creationTimestamp": datetime.fromisoformat(row["created_at"]),
        "description": recipe.description,
        "publisher": recipe.publisher,
        "platforms": _platforms(recipe),
    }
    shown = {key: value for key, value in latest.items() if value != ""}
    return {"arn": f"{_PREFIX}{row['name']}", "componentName": row["name"], "latestVersion": shown}


def _platforms(recipe: Recipe) -> list[dict[str, Any]]:
    return [{"attributes": dict(manifest.platform)} for manifest in recipe.manifests]
