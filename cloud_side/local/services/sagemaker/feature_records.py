"""The runtime of the feature store: records are put, got and deleted."""

import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cloud_side.local.jobs.kinds import arn
from cloud_side.local.services.sagemaker.feature_groups import FeatureGroup, find_group
from cloud_side.local.services.sagemaker.feature_rows import (
    Version,
    append_offline,
    newest,
    put_online,
    remove_online,
)
from cloud_side.local.wiring import Answer, Parameters, Read, RefusedRequest, Request, Write

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_LEAST, _MOST = -(2**63), 2**63 - 1


def _put(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    if "TtlDuration" in parameters:
        msg = "TtlDuration is there, expected none: on this engine records do not expire"
        raise _invalid(msg)
    group = find_group(connection, parameters["FeatureGroupName"])
    record = _record(group, parameters["Record"])
    version = Version(group.serial, record[group.identifier], _event_s(group, record[group.event_time]), record)
    stores = _stores(group, parameters)
    if "OnlineStore" in stores:
        put_online(connection, version)
    if "OfflineStore" in stores:
        append_offline(connection, version, request.now)
    return {}


def _delete(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    group = find_group(connection, parameters["FeatureGroupName"])
    identifier, event_time = parameters["RecordIdentifierValueAsString"], parameters["EventTime"]
    stores = _stores(group, parameters)
    marker = {group.identifier: identifier, group.event_time: event_time}
    version = Version(group.serial, identifier, _event_s(group, event_time), marker, is_deleted=True)
    if "OnlineStore" in stores:
        _delete_online(connection, group, version, is_hard=parameters.get("DeletionMode") == "HardDelete")
    if "OfflineStore" in stores:
        append_offline(connection, version, request.now)
    return {}


def _delete_online(connection: sqlite3.Connection, group: FeatureGroup, version: Version, *, is_hard: bool) -> None:
    before = newest(connection, group.serial, version.identifier)
    if before is not None and version.event_s <= before.event_s:
        if is_hard:
            msg = f"EventTime is not later than that of the record {version.identifier!r}, expected a later one"
            raise _invalid(msg)
        return  # the record stays
    if is_hard:
        remove_online(connection, group.serial, version.identifier)
    else:
        put_online(connection, version)


def _get(request: Request) -> Answer:
    connection, parameters = request.database.connection(), request.parameters
    group = find_group(connection, parameters["FeatureGroupName"])
    found = _found(connection, group, parameters["RecordIdentifierValueAsString"], parameters.get("FeatureNames"))
    return {} if found is None else {"Record": found}


def _batch(request: Request) -> Answer:
    connection = request.database.connection()
    records: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for asked in request.parameters["Identifiers"]:
        for identifier in asked["RecordIdentifiersValueAsString"]:
            named = {
                "FeatureGroupName": asked["FeatureGroupName"],
                "RecordIdentifierValueAsString": identifier,
            }
            try:
                group = find_group(connection, asked["FeatureGroupName"])
                found = _found(connection, group, identifier, asked.get("FeatureNames"))
            except RefusedRequest as refusal:
                errors.append(named | {"ErrorCode": refusal.code, "ErrorMessage": refusal.message})
            else:
                records += [] if found is None else [named | {"Record": found}]
    return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}


def _found(
    connection: sqlite3.Connection, group: FeatureGroup, identifier: str, names: Sequence[str] | None
) -> list[dict[str, str]] | None:
    if not group.is_online:
        msg = f"feature group {group.name!r} has no online store, expected one: records are got from there"
        raise _invalid(msg)
    if unknown := set(names or ()) - group.types.keys():
        msg = f"feature group {group.name!r} has no feature {', '.join(sorted(unknown))}"
        raise _invalid(msg)
    version = newest(connection, group.serial, identifier)
    if version is None or version.is_deleted:
        return None
    wanted = group.types if names is None else names
    values = [
        {"FeatureName": name, "ValueAsString": version.record[name]}
        for name in group.types
        if name in wanted and name in version.record
    ]
    return values or None


def _record(group: FeatureGroup, given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    record: dict[str, str] = {}
    for each in given:
        name = each["FeatureName"]
        if name not in group.types or name in record:
            what = "is there twice" if name in record else f"is not one of feature group {group.name!r}"
            msg = f"feature {name!r} {what}, expected each of {', '.join(group.types)} once at most"
            raise _invalid(msg)
        if "ValueAsStringList" in each:
            msg = f"feature {name!r} has ValueAsStringList, expected ValueAsString"
            raise _invalid(msg)
        if "ValueAsString" in each:
            record[name] = _checked(name, each["ValueAsString"], group.types[name])
    for name, role in ((group.identifier, "record identifier"), (group.event_time, "event time")):
        if not record.get(name):
            msg = f"the record has no value for {name!r}, its {role}"
            raise _invalid(msg)
    return record


def _checked(name: str, value: str, feature_type: str) -> str:
    try:
        match feature_type:
            case "Integral" | "Fractional" if "_" in value or not value.isascii():  # numbers to Python alone
                raise ValueError(value)  # noqa: TRY301 - refused like what is no number
            case "Integral" if not _LEAST <= int(value) <= _MOST:
                raise ValueError(value)  # noqa: TRY301
            case "Fractional" if not math.isfinite(float(value)):
                raise ValueError(value)  # noqa: TRY301
    except ValueError as error:
        msg = f"feature {name!r} has the value {value[:100]!r}, expected a value of type {feature_type}"
        raise _invalid(msg) from error
    return value


def _event_s(group: FeatureGroup, value: str) -> float:
    if group.types[group.event_time] == "Fractional":
        return float(_checked(group.event_time, value, "Fractional"))
    try:
        if not _ISO.fullmatch(value):
            raise ValueError(value)  # noqa: TRY301 - refused like a day that the calendar lacks
        return datetime.fromisoformat(value).timestamp()
    except ValueError as error:
        msg = f"the event time is {value[:100]!r}, expected yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ"
        raise _invalid(msg) from error


def _stores(group: FeatureGroup, parameters: Parameters) -> tuple[str, ...]:
    there = (*(("OnlineStore",) if group.is_online else ()), *(("OfflineStore",) if group.is_offline else ()))
    wanted = tuple(parameters.get("TargetStores", there))
    if missing := set(wanted) - set(there):
        msg = f"{arn('feature-group', group.name)} has {' and '.join(there)}, expected {', '.join(sorted(missing))}"
        raise _invalid(msg)
    return wanted


def _invalid(message: str) -> RefusedRequest:
    return RefusedRequest("ValidationError", message)


READS: Final[Mapping[str, Read]] = {"GetRecord": _get, "BatchGetRecord": _batch}
WRITES: Final[Mapping[str, Write]] = {"PutRecord": _put, "DeleteRecord": _delete}
