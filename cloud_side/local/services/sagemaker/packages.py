"""Model packages: the versions of a model, and whether a person has approved them."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cloud_side.local import outbox
from cloud_side.local.jobs.kinds import arn
from cloud_side.local.services.sagemaker.names import bare, refused, stamp, whoever_calls
from cloud_side.local.services.sagemaker.package_groups import find_group, next_version
from cloud_side.local.services.sagemaker.pages import Listing, page
from cloud_side.local.wiring import Answer, Read, Request, Write

TABLES = """
CREATE TABLE IF NOT EXISTS model_packages (
    name TEXT PRIMARY KEY, package_group TEXT NOT NULL, client_token TEXT, approval TEXT NOT NULL,
    created TEXT NOT NULL, modified TEXT NOT NULL, content TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS model_packages_token ON model_packages (client_token);
CREATE INDEX IF NOT EXISTS model_packages_group ON model_packages (package_group, created)
"""
_KIND = "model-package"
_LISTING = Listing(
    "model_packages",
    sorts={"Name": "name", "CreationTime": "created"},
    filters={"ModelApprovalStatus": "approval = ?"},
)
_KEPT = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "CertifyForMarketplace",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
    "SecurityConfig",
    "ManagedStorageType",
)
_NOT_TOLD = ("CreatedBy", "LastModifiedBy")
_UPDATED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "SourceUri",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "ModelCard",
)
_MOST_PROPERTIES, _LONGEST_KEY, _LONGEST_VALUE = 50, 128, 256


def _create(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    if "ModelPackageGroupName" not in parameters or "ModelPackageName" in parameters:
        msg = "expected ModelPackageGroupName and no ModelPackageName: this engine knows versioned packages only"
        raise refused(msg)
    token = parameters.get("ClientToken")
    before = connection.execute("SELECT content FROM model_packages WHERE client_token = ?", (token,)).fetchone()
    if before is not None:
        return {"ModelPackageArn": json.loads(before["content"])["ModelPackageArn"]}
    _check_properties(parameters.get("CustomerMetadataProperties", {}))
    group = find_group(connection, parameters["ModelPackageGroupName"])["name"]
    version = next_version(connection, group)
    content = {
        **{name: parameters[name] for name in _KEPT if name in parameters},
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn(_KIND, f"{group}/{version}"),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": parameters.get("CertifyForMarketplace", False),
        "ModelApprovalStatus": parameters.get("ModelApprovalStatus", "PendingManualApproval"),
        "CreatedBy": whoever_calls(),
    }
    created = stamp(request.now)
    connection.execute(
        "INSERT INTO model_packages (name, package_group, client_token, approval, created, modified, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (_key(group, version), group, token, content["ModelApprovalStatus"], created, created, json.dumps(content)),
    )
    _emit(connection, content, created=request.now, now=request.now)
    return {"ModelPackageArn": content["ModelPackageArn"]}


def _update(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    row = _find(connection, parameters["ModelPackageArn"])
    before = json.loads(row["content"])
    content = before | {name: parameters[name] for name in _UPDATED if name in parameters}
    if added := parameters.get("AdditionalInferenceSpecificationsToAdd"):
        there = before.get("AdditionalInferenceSpecifications", [])
        content["AdditionalInferenceSpecifications"] = [*there, *added]
    properties = before.get("CustomerMetadataProperties", {}) | parameters.get("CustomerMetadataProperties", {})
    for name in parameters.get("CustomerMetadataPropertiesToRemove", ()):
        properties.pop(name, None)
    _check_properties(properties)
    content.pop("CustomerMetadataProperties", None)
    content |= {"CustomerMetadataProperties": properties} if properties else {}
    updated = sorted(name for name in content.keys() | before.keys() if content.get(name) != before.get(name))
    content["LastModifiedBy"] = whoever_calls()
    connection.execute(
        "UPDATE model_packages SET approval = ?, modified = ?, content = ? WHERE name = ?",
        (content["ModelApprovalStatus"], stamp(request.now), json.dumps(content), row["name"]),
    )
    _emit(connection, content, created=_time(row["created"]), now=request.now, updated=updated)
    return {"ModelPackageArn": content["ModelPackageArn"]}


def _emit(
    connection: sqlite3.Connection,
    content: Mapping[str, Any],
    *,
    created: datetime,
    now: datetime,
    updated: Sequence[str] = (),
) -> None:
    """Tell that a package is there, or that a person has judged it, in the caller's transaction.

    Source:
        SageMaker AI Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    detail = {name: value for name, value in content.items() if name not in _NOT_TOLD}
    detail |= {"CreationTime": _told(created), "LastModifiedTime": _told(now)}
    detail |= {"UpdatedModelPackageFields": list(updated)} if updated else {}
    outbox.emit(
        connection,
        source="aws.sagemaker",
        detail_type="SageMaker Model Package State Change",
        detail=detail,
        now=now,
        resources=[content["ModelPackageArn"]],
    )


def _delete(request: Request, connection: sqlite3.Connection) -> Answer:
    row = _find(connection, request.parameters["ModelPackageName"])
    connection.execute("DELETE FROM model_packages WHERE name = ?", (row["name"],))
    return {}


def _describe(request: Request) -> Answer:
    row = _find(request.database.connection(), request.parameters["ModelPackageName"])
    content: dict[str, Any] = json.loads(row["content"])
    modified = {} if row["modified"] == row["created"] else {"LastModifiedTime": _time(row["modified"])}
    return {
        **content,
        "ModelPackageName": content["ModelPackageGroupName"],  # required by the model, though a version has no name
        "CreationTime": _time(row["created"]),
        **modified,
    }


def _list(request: Request) -> Answer:
    connection, parameters = request.database.connection(), request.parameters
    fixed: dict[str, Any] = {}
    if "ModelPackageGroupName" in parameters:
        fixed["package_group"] = find_group(connection, parameters["ModelPackageGroupName"])["name"]
    elif parameters.get("ModelPackageType", "Unversioned") == "Unversioned":
        return {"ModelPackageSummaryList": []}
    found, token = page(connection, _LISTING, parameters, fixed)
    return {"ModelPackageSummaryList": [_summary(row) for row in found]} | token


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    content = json.loads(row["content"])
    names = (
        "ModelPackageGroupName",
        "ModelPackageVersion",
        "ModelPackageArn",
        "ModelPackageDescription",
        "ModelPackageStatus",
        "ModelApprovalStatus",
        "ModelLifeCycle",
        "ModelPackageRegistrationType",
    )
    return {name: content[name] for name in names if name in content} | {"CreationTime": _time(row["created"])}


def _find(connection: sqlite3.Connection, name_or_arn: str) -> sqlite3.Row:
    group, _, version = bare(_KIND, name_or_arn).rpartition("/")
    row: sqlite3.Row | None = None
    if version.isdecimal():
        key = _key(group, int(version))
        row = connection.execute("SELECT * FROM model_packages WHERE name = ?", (key,)).fetchone()
    if row is None:
        msg = f"ModelPackage {arn(_KIND, bare(_KIND, name_or_arn))} does not exist."
        raise refused(msg)
    return row


def _key(group: str, version: int) -> str:
    return f"{group}/{version:09}"  # sorts as the numbers do


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_properties(properties: Mapping[str, str]) -> None:
    if len(properties) > _MOST_PROPERTIES:
        msg = f"CustomerMetadataProperties has {len(properties)} properties, expected {_MOST_PROPERTIES} at most"
        raise refused(msg)
    for name, value in properties.items():
        if not 0 < len(name) <= _LONGEST_KEY or not 0 < len(value) <= _LONGEST_VALUE:
            msg = (
                f"CustomerMetadataProperties has {name!r} of {len(value)} characters, expected a name of 1 to "
                f"{_LONGEST_KEY} and a value of 1 to {_LONGEST_VALUE}"
            )
            raise refused(msg)


READS: Final[Mapping[str, Read]] = {"DescribeModelPackage": _describe, "ListModelPackages": _list}
WRITES: Final[Mapping[str, Write]] = {
    "CreateModelPackage": _create,
    "UpdateModelPackage": _update,
    "DeleteModelPackage": _delete,
}
