"""EventBridge's operations on rules and events; those that the product uses."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.utils import parse_to_aware_datetime

from cloud_side.local import outbox
from cloud_side.local.services.events import deliveries, rules
from cloud_side.local.services.events.inputs import InputError, require_input
from cloud_side.local.services.events.patterns import Pattern, PatternError
from cloud_side.local.services.events.rules import BUS, DISABLED, ENABLED, Rule, find, keep, next_due, require_bus
from cloud_side.local.services.events.timing import At, TimingError, parse_timing
from cloud_side.local.services.pages import page
from cloud_side.local.wiring import Answer, RefusedRequest, Request, Service, refusing

ENTRY_BYTES = 262_144
_MOST_ENTRIES = 10
_MOST_TARGETS = 5
_PAGE = 100


def _put_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    require_bus(parameters)
    pattern, schedule = parameters.get("EventPattern"), parameters.get("ScheduleExpression")
    _require_reason(pattern, schedule)
    before = connection.execute("SELECT * FROM rules WHERE name = ?", (parameters["Name"],)).fetchone()
    created_at = (
        before["created_at"] if before is not None and before["schedule"] == schedule else request.now.timestamp()
    )
    rule = Rule(
        name=parameters["Name"],
        pattern=pattern,
        schedule=schedule,
        state=parameters.get("State", ENABLED),
        description=parameters.get("Description"),
        role=parameters.get("RoleArn"),
        created_at=created_at,
        due_at=next_due(schedule, created_at, request.now),
    )
    is_as_before = before is not None and (before["schedule"], before["state"]) == (schedule, ENABLED)
    keep(connection, replace(rule, due_at=before["due_at"]) if is_as_before else rule)
    return {"RuleArn": rule.arn}


def _require_reason(pattern: str | None, schedule: str | None) -> None:
    if pattern is None and schedule is None:
        message = "Parameter(s) EventPattern or ScheduleExpression must be specified."
        raise RefusedRequest("ValidationException", message)
    if pattern is not None:
        _pattern(pattern)
    if schedule is not None:
        with refusing("ValidationException", TimingError):
            timing = parse_timing(schedule)
        if isinstance(timing, At):
            message = f"Parameter ScheduleExpression is not valid: found {schedule}, expected rate() or cron()"
            raise RefusedRequest("ValidationException", message)


def _pattern(text: str) -> Pattern:
    try:
        return Pattern(text)
    except PatternError as error:
        message = f"Event pattern is not valid. Reason: {error}"
        raise RefusedRequest("InvalidEventPatternException", message) from error


def _delete_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    require_bus(request.parameters)
    name = request.parameters["Name"]
    if rules.targets_of(connection, name):
        raise RefusedRequest("ValidationException", f"Rule {name} can't be deleted since it has targets.")
    connection.execute("DELETE FROM rules WHERE name = ?", (name,))
    return {}


def _enable_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    require_bus(request.parameters)
    rule = find(connection, request.parameters["Name"])
    if rule.state != ENABLED:  # what it was not there for is not made up for
        keep(connection, replace(rule, state=ENABLED, due_at=next_due(rule.schedule, rule.created_at, request.now)))
    return {}


def _disable_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    require_bus(request.parameters)
    keep(connection, replace(find(connection, request.parameters["Name"]), state=DISABLED))
    return {}


def _describe_rule(request: Request) -> Answer:
    require_bus(request.parameters)
    return find(request.database.connection(), request.parameters["Name"]).told()


def _list_rules(request: Request) -> Answer:
    require_bus(request.parameters)
    query = "SELECT * FROM rules WHERE name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?"
    prefix, limit = request.parameters.get("NamePrefix", ""), request.parameters.get("Limit", _PAGE)
    values = (request.parameters.get("NextToken", ""), prefix, prefix, limit + 1)
    found = [Rule(**dict(row)).told() for row in request.database.connection().execute(query, values)]
    return page("Rules", found, limit, "Name")


def _put_targets(request: Request, connection: sqlite3.Connection) -> Answer:
    require_bus(request.parameters)
    rule = find(connection, request.parameters["Rule"])
    for target in request.parameters["Targets"]:
        deliveries.require_target(target)
        with refusing("ValidationException", InputError):
            require_input(target)
        values = (rule.name, target["Id"], json.dumps(target))
        connection.execute("INSERT OR REPLACE INTO targets VALUES (?, ?, ?)", values)
    if (count := len(rules.targets_of(connection, rule.name))) > _MOST_TARGETS:
        message = f"Rule {rule.name} would have {count} targets, expected at most {_MOST_TARGETS}"
        raise RefusedRequest("LimitExceededException", message)
    return {"FailedEntryCount": 0, "FailedEntries": []}


def _remove_targets(request: Request, connection: sqlite3.Connection) -> Answer:
    require_bus(request.parameters)
    rule = find(connection, request.parameters["Rule"])
    for identity in request.parameters["Ids"]:
        connection.execute("DELETE FROM targets WHERE rule = ? AND id = ?", (rule.name, identity))
    return {"FailedEntryCount": 0, "FailedEntries": []}


def _list_targets(request: Request) -> Answer:
    require_bus(request.parameters)
    connection, limit = request.database.connection(), request.parameters.get("Limit", _PAGE)
    targets = rules.targets_of(connection, find(connection, request.parameters["Rule"]).name)
    after = request.parameters.get("NextToken", "")
    return page("Targets", [target for target in targets if target["Id"] > after], limit, "Id")


def _put_events(request: Request, connection: sqlite3.Connection) -> Answer:
    entries = request.parameters["Entries"]
    if not 1 <= len(entries) <= _MOST_ENTRIES:
        message = f"Entries: found {len(entries)}, expected 1 to {_MOST_ENTRIES}"
        raise RefusedRequest("ValidationException", message)
    if (size := max(map(_size, entries))) > ENTRY_BYTES:
        message = f"Entry size: found {size} bytes, expected at most {ENTRY_BYTES}"
        raise RefusedRequest("ValidationException", message)
    answers = [_put_event(connection, entry, request.now) for entry in entries]
    return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


def _put_event(connection: sqlite3.Connection, entry: Mapping[str, Any], now: datetime) -> dict[str, str]:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    if entry["Source"].startswith("aws."):
        message = f"Not authorized for the source: {entry['Source']}"
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": message}
    detail = _object_in(entry["Detail"])
    if detail is None:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    require_bus(entry)
    identity = outbox.emit(
        connection,
        source=entry["Source"],
        detail_type=entry["DetailType"],
        detail=detail,
        now=parse_to_aware_datetime(entry["Time"]).astimezone(UTC) if "Time" in entry else now,
        resources=entry.get("Resources", ()),
        bus=BUS,
    )
    return {"EventId": identity}


def _object_in(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _size(entry: Mapping[str, Any]) -> int:
    """Return an entry's size as the User Guide has it under "Calculating PutEvents event entry size"."""
    texts = [entry.get(name, "") for name in ("Source", "DetailType", "Detail")] + list(entry.get("Resources", ()))
    return sum(len(text.encode()) for text in texts) + (14 if "Time" in entry else 0)


def _test_pattern(request: Request) -> Answer:
    pattern = _pattern(request.parameters["EventPattern"])
    event = _object_in(request.parameters["Event"])
    if event is None:
        raise RefusedRequest("ValidationException", "Parameter Event is not valid. Reason: it is no JSON object")
    return {"Result": pattern.matches(event)}


EVENTS = Service(
    "events",
    reads={
        "DescribeRule": _describe_rule,
        "ListRules": _list_rules,
        "ListTargetsByRule": _list_targets,
        "TestEventPattern": _test_pattern,
    },
    writes={
        "PutRule": _put_rule,
        "DeleteRule": _delete_rule,
        "EnableRule": _enable_rule,
        "DisableRule": _disable_rule,
        "PutTargets": _put_targets,
        "RemoveTargets": _remove_targets,
        "PutEvents": _put_events,
    },
    tables=f"{rules.TABLES}; {deliveries.TABLES}",
)
