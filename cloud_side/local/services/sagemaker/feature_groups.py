"""Feature groups: what features a record has, and in which stores it is kept."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.jobs.kinds import arn
from cloud_side.local.jobs.places import Address, PlanError
from cloud_side.local.services.sagemaker.feature_rows import TABLES as ROWS
from cloud_side.local.services.sagemaker.feature_rows import drop_online, make_view
from cloud_side.local.services.sagemaker.names import bare, checked, refused, stamp
from cloud_side.local.services.sagemaker.pages import Listing, page
from cloud_side.local.wiring import Answer, Parameters, Read, RefusedRequest, Request, Write, refusing

TABLES = f"""
CREATE TABLE IF NOT EXISTS feature_groups (
    serial INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, request TEXT NOT NULL, created TEXT NOT NULL
);
{ROWS}
"""
_KIND = "feature-group"
_LISTING = Listing(
    "feature_groups",
    sorts={"Name": "name", "CreationTime": "created", "FeatureGroupStatus": "name", "OfflineStoreStatus": "name"},
    filters={"FeatureGroupStatusEquals": "'Created' = ?", "OfflineStoreStatusEquals": "'Active' = ?"},
)
_NAME = r"[a-zA-Z0-9]([_-]*[a-zA-Z0-9]){0,63}"
_RESERVED = ("is_deleted", "write_time", "api_invocation_time")


@dataclass(frozen=True)
class FeatureGroup:
    """A feature group as its records need it.

    Attributes:
        serial: Its own; one that is created again under the same name has another.
        types: FeatureType by feature, in the order of the definitions.
    """

    serial: int
    name: str
    identifier: str
    event_time: str
    types: Mapping[str, str]
    is_online: bool
    is_offline: bool


def find_group(connection: sqlite3.Connection, name_or_arn: str) -> FeatureGroup:
    """Return a group.

    Raises:
        RefusedRequest: If there is none of that name.
    """
    row = _find(connection, name_or_arn)
    asked = json.loads(row["request"])
    return FeatureGroup(
        row["serial"],
        row["name"],
        asked["RecordIdentifierFeatureName"],
        asked["EventTimeFeatureName"],
        {each["FeatureName"]: each["FeatureType"] for each in asked["FeatureDefinitions"]},
        is_online=_is_online(asked),
        is_offline="OfflineStoreConfig" in asked,
    )


def _create(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    name = checked(parameters["FeatureGroupName"], "FeatureGroupName", _NAME)
    _check(parameters)
    if connection.execute("SELECT 1 FROM feature_groups WHERE name = ?", (name,)).fetchone():
        msg = f"Resource Already Exists: FeatureGroup with name {name} already exists. Choose a different name."
        raise RefusedRequest("ResourceInUse", msg)
    serial = connection.execute(
        "INSERT INTO feature_groups (name, request, created) VALUES (?, ?, ?)",
        (name, json.dumps(dict(parameters)), stamp(request.now)),
    ).lastrowid
    if "OfflineStoreConfig" in parameters and serial is not None:
        make_view(connection, table_name(name, request.now), serial, parameters["FeatureDefinitions"])
    return {"FeatureGroupArn": arn(_KIND, name)}


def table_name(group: str, created: datetime) -> str:
    """Return the name of the table, here the view, in which all versions of a group's records can be queried."""
    return f"{group.replace('-', '_').lower()}_{round(created.timestamp())}"


def _check(parameters: Parameters) -> None:
    definitions: Sequence[Mapping[str, Any]] = parameters["FeatureDefinitions"]
    names = [checked(each["FeatureName"], "FeatureName", _NAME) for each in definitions]
    types = dict(zip(names, (each["FeatureType"] for each in definitions), strict=True))
    for each in definitions:
        if names.count(each["FeatureName"]) > 1 or each["FeatureName"].lower() in _RESERVED:
            msg = f"feature {each['FeatureName']!r} is there twice or has a name that the offline store needs"
            raise refused(msg)
        if each.get("CollectionType") is not None:
            msg = (
                f"feature {each['FeatureName']!r} is a {each['CollectionType']}, expected a single value on this engine"
            )
            raise refused(msg)
    _check_role(parameters["RecordIdentifierFeatureName"], "record identifier", types, ("String", "Integral"))
    _check_role(parameters["EventTimeFeatureName"], "event time", types, ("String", "Fractional"))
    if not _is_online(parameters) and "OfflineStoreConfig" not in parameters:
        msg = "expected an OnlineStoreConfig with EnableOnlineStore, an OfflineStoreConfig, or both"
        raise refused(msg)
    offline = parameters.get("OfflineStoreConfig", {})
    if "DataCatalogConfig" in offline:
        msg = "OfflineStoreConfig has a DataCatalogConfig, expected none: this engine names the table itself"
        raise refused(msg)
    with refusing("ValidationException", PlanError):
        if offline:
            Address.parse(offline["S3StorageConfig"]["S3Uri"])


def _check_role(name: str, role: str, types: Mapping[str, str], allowed: Sequence[str]) -> None:
    if types.get(name) not in allowed:
        found = f"of type {types[name]}" if name in types else "not defined"
        msg = f"the {role} feature {name!r} is {found}, expected a feature of type {' or '.join(allowed)}"
        raise refused(msg)


def _is_online(asked: Mapping[str, Any]) -> bool:
    return bool(asked.get("OnlineStoreConfig", {}).get("EnableOnlineStore", False))


def _describe(request: Request) -> Answer:
    row = _find(request.database.connection(), request.parameters["FeatureGroupName"])
    asked = json.loads(row["request"])
    names = (
        "FeatureGroupName",
        "RecordIdentifierFeatureName",
        "EventTimeFeatureName",
        "FeatureDefinitions",
        "OnlineStoreConfig",
        "RoleArn",
        "Description",
    )
    return {
        **{name: asked[name] for name in names if name in asked},
        "FeatureGroupArn": arn(_KIND, row["name"]),
        "FeatureGroupStatus": "Created",
        "CreationTime": datetime.fromisoformat(row["created"]),
        **_offline(row, asked),
        "NextToken": "",  # required by the model; all definitions are on this page
    }


def _offline(row: sqlite3.Row, asked: Mapping[str, Any]) -> dict[str, Any]:
    if "OfflineStoreConfig" not in asked:
        return {}
    table = table_name(row["name"], datetime.fromisoformat(row["created"]))
    storage = asked["OfflineStoreConfig"]["S3StorageConfig"]
    resolved = f"{storage['S3Uri'].rstrip('/')}/{ACCOUNT}/sagemaker/{REGION}/offline-store/{table}/data"
    return {
        "OfflineStoreConfig": {
            "DisableGlueTableCreation": False,
            **asked["OfflineStoreConfig"],
            "S3StorageConfig": {**storage, "ResolvedOutputS3Uri": resolved},
            "DataCatalogConfig": {
                "TableName": table,
                "Catalog": "AwsDataCatalog",
                "Database": "sagemaker_featurestore",
            },
        },
        "OfflineStoreStatus": {"Status": "Active"},
    }


def _delete(request: Request, connection: sqlite3.Connection) -> Answer:
    row = _find(connection, request.parameters["FeatureGroupName"])
    drop_online(connection, row["serial"])  # what is in the offline store stays there, as in AWS
    connection.execute("DELETE FROM feature_groups WHERE serial = ?", (row["serial"],))
    return {}


def _list(request: Request) -> Answer:
    found, token = page(request.database.connection(), _LISTING, request.parameters)
    return {"FeatureGroupSummaries": [_summary(row) for row in found]} | token


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    offline = {"OfflineStoreStatus": {"Status": "Active"}} if "OfflineStoreConfig" in json.loads(row["request"]) else {}
    return offline | {
        "FeatureGroupName": row["name"],
        "FeatureGroupArn": arn(_KIND, row["name"]),
        "CreationTime": datetime.fromisoformat(row["created"]),
        "FeatureGroupStatus": "Created",
    }


def _find(connection: sqlite3.Connection, name_or_arn: str) -> sqlite3.Row:
    name = bare(_KIND, name_or_arn)
    row: sqlite3.Row | None = connection.execute("SELECT * FROM feature_groups WHERE name = ?", (name,)).fetchone()
    if row is None:
        msg = f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}"
        raise RefusedRequest("ResourceNotFound", msg, status=404)
    return row


READS: Final[Mapping[str, Read]] = {"DescribeFeatureGroup": _describe, "ListFeatureGroups": _list}
WRITES: Final[Mapping[str, Write]] = {"CreateFeatureGroup": _create, "DeleteFeatureGroup": _delete}
