"""Groups of model packages: the versions of one model."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cloud_side.local.jobs.kinds import arn
from cloud_side.local.services.sagemaker.names import bare, checked, refused, stamp, whoever_calls
from cloud_side.local.services.sagemaker.pages import Listing, page
from cloud_side.local.wiring import Answer, Read, Request, Write

TABLES = """
CREATE TABLE IF NOT EXISTS model_package_groups (
    name TEXT PRIMARY KEY, description TEXT, creator TEXT NOT NULL, created TEXT NOT NULL, newest INTEGER NOT NULL
) WITHOUT ROWID
"""
KIND = "model-package-group"
_LISTING = Listing("model_package_groups", sorts={"Name": "name", "CreationTime": "created"}, filters={})


def find_group(connection: sqlite3.Connection, name_or_arn: str) -> sqlite3.Row:
    """Return the row of a group.

    Raises:
        RefusedRequest: If there is none.
    """
    name = bare(KIND, name_or_arn)
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM model_package_groups WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        msg = f"ModelPackageGroup {arn(KIND, name)} does not exist."
        raise refused(msg)
    return row


def next_version(connection: sqlite3.Connection, group: str) -> int:
    """Return the number of a new version of a group: none is used twice, not even of one that was deleted."""
    (version,) = connection.execute(
        "UPDATE model_package_groups SET newest = newest + 1 WHERE name = ? RETURNING newest", (group,)
    ).fetchone()
    return int(version)


def _create(request: Request, connection: sqlite3.Connection) -> Answer:
    name = checked(request.parameters["ModelPackageGroupName"], "ModelPackageGroupName")
    if connection.execute("SELECT 1 FROM model_package_groups WHERE name = ?", (name,)).fetchone():
        msg = f"Model Package Group already exists: {arn(KIND, name)}"
        raise refused(msg)
    description = request.parameters.get("ModelPackageGroupDescription")
    connection.execute(
        "INSERT INTO model_package_groups (name, description, creator, created, newest) VALUES (?, ?, ?, ?, 0)",
        (name, description, json.dumps(whoever_calls()), stamp(request.now)),
    )
    return {"ModelPackageGroupArn": arn(KIND, name)}


def _describe(request: Request) -> Answer:
    row = find_group(request.database.connection(), request.parameters["ModelPackageGroupName"])
    return _summary(row) | {"CreatedBy": json.loads(row["creator"])}


def _list(request: Request) -> Answer:
    found, token = page(request.database.connection(), _LISTING, request.parameters)
    return {"ModelPackageGroupSummaryList": [_summary(row) for row in found]} | token


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    described = {} if row["description"] is None else {"ModelPackageGroupDescription": row["description"]}
    return described | {
        "ModelPackageGroupName": row["name"],
        "ModelPackageGroupArn": arn(KIND, row["name"]),
        "CreationTime": datetime.fromisoformat(row["created"]),
        "ModelPackageGroupStatus": "Completed",
    }


READS: Final[Mapping[str, Read]] = {"DescribeModelPackageGroup": _describe, "ListModelPackageGroups": _list}
WRITES: Final[Mapping[str, Write]] = {"CreateModelPackageGroup": _create}
