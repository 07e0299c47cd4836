"""Topic rules: which messages of devices become objects in S3, and under which keys."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.iot.pages import page_of
from cloud_side.local.services.iot.refusals import invalid, not_here, refuse_others, taken
from cloud_side.local.services.iot.statements import check_template, filter_in
from cloud_side.local.wiring import Answer, Parameters, RefusedRequest, Request

TABLES = """
CREATE TABLE IF NOT EXISTS iot_topic_rules (
    name TEXT PRIMARY KEY, payload TEXT NOT NULL, filter TEXT NOT NULL, disabled INTEGER NOT NULL,
    created_at TEXT NOT NULL
) WITHOUT ROWID
"""
_NAME = re.compile(r"[a-zA-Z0-9_]{1,128}")
_PAYLOAD = "sql description actions ruleDisabled awsIotSqlVersion"
_SQL_VERSIONS = ("2015-10-08", "2016-03-23", "beta")  # the first one where a rule names none
_MOST_ACTIONS = 10
_PAGE = 100


@dataclass(frozen=True)
class Storing:
    """What a rule does with a message.

    Attributes:
        rule: Its name.
        bucket: Where the payload becomes an object.
        key: The object's, with templates.
    """

    rule: str
    bucket: str
    key: str


def storings(connection: sqlite3.Connection) -> Iterator[tuple[str, Storing]]:
    """Yield what the enabled rules do, each with the topic filter of its rule."""
    rows = connection.execute("SELECT * FROM iot_topic_rules WHERE NOT disabled ORDER BY name").fetchall()
    for row in rows:
        for action in json.loads(row["payload"])["actions"]:
            yield row["filter"], Storing(row["name"], action["s3"]["bucketName"], action["s3"]["key"])


def judge(name: str, payload: Parameters) -> str:
    """Return the topic filter of a rule that can be made.

    Args:
        name: What it is to be called.
        payload: What the rule is to be, as CreateTopicRule takes it.

    Raises:
        RefusedRequest: If it is none, or one that is not there on this machine.
    """
    if not _NAME.fullmatch(name):
        msg = f"ruleName: found {name!r}, expected 1 to 128 letters, digits and '_'"
        raise invalid(msg)
    refuse_others(payload, _PAYLOAD)
    topic_filter = filter_in(payload["sql"])
    if (version := payload.get("awsIotSqlVersion", _SQL_VERSIONS[0])) not in _SQL_VERSIONS:
        msg = f"awsIotSqlVersion: found {version!r}, expected one of {', '.join(_SQL_VERSIONS)}"
        raise invalid(msg)
    if len(actions := payload["actions"]) > _MOST_ACTIONS:
        msg = f"actions: found {len(actions)}, expected at most {_MOST_ACTIONS}"
        raise invalid(msg)
    for action in actions:
        refuse_others(action, "s3")
        if "s3" not in action:
            msg = "actions: found one that says nothing, expected s3"
            raise invalid(msg)
        refuse_others(action["s3"], "roleArn bucketName key")
        if "${" in action["s3"]["bucketName"]:
            msg = f"bucketName: found {action['s3']['bucketName']!r}; the local engine fills in templates of keys alone"
            raise not_here(msg)
        check_template(action["s3"]["key"], "key", topic_filter)
    return topic_filter


def create_topic_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    """Make a rule.

    Source:
        AWS IoT API reference, CreateTopicRule and S3Action.
    """
    refuse_others(request.parameters, "ruleName topicRulePayload")
    name = request.parameters["ruleName"]
    if connection.execute("SELECT 1 FROM iot_topic_rules WHERE name = ?", (name,)).fetchone() is not None:
        msg = f"Rule {name} already exists"
        raise taken(msg, identity=name, arn=_arn(name))
    _write(connection, name, request.parameters["topicRulePayload"], request.now.isoformat())
    return {}


def replace_topic_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    """Replace all that a rule says; one that was disabled is enabled unless the new payload says otherwise."""
    row = _find(connection, request.parameters)
    _write(connection, row["name"], request.parameters["topicRulePayload"], row["created_at"])
    return {}


def get_topic_rule(request: Request) -> Answer:
    """Return a rule."""
    row = _find(request.database.connection(), request.parameters)
    payload: dict[str, Any] = json.loads(row["payload"])
    known = {"awsIotSqlVersion": _SQL_VERSIONS[0], **payload, "ruleDisabled": bool(row["disabled"])}
    created_at = datetime.fromisoformat(row["created_at"])
    return {"ruleArn": _arn(row["name"]), "rule": {"ruleName": row["name"], "createdAt": created_at, **known}}


def list_topic_rules(request: Request) -> Answer:
    """Return the rules, by name: all, those of a topic filter, or those that are disabled or are not."""
    refuse_others(request.parameters, "topic maxResults nextToken ruleDisabled")
    wanted = {"filter": request.parameters.get("topic"), "disabled": request.parameters.get("ruleDisabled")}
    rows = request.database.connection().execute("SELECT * FROM iot_topic_rules").fetchall()
    return page_of(
        [row for row in rows if all(value is None or row[column] == value for column, value in wanted.items())],
        request.parameters,
        key=lambda row: row["name"],
        shown=_listed,
        into="rules",
        at_most=_PAGE,
        refusal="InvalidRequestException",
    )


def delete_topic_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    """Delete a rule."""
    row = _find(connection, request.parameters)
    connection.execute("DELETE FROM iot_topic_rules WHERE name = ?", (row["name"],))
    return {}


def enable_topic_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    """Let a rule act; it hears nothing of what came meanwhile."""
    return _set_disabled(request, connection, disabled=False)


def disable_topic_rule(request: Request, connection: sqlite3.Connection) -> Answer:
    """Let a rule not act."""
    return _set_disabled(request, connection, disabled=True)


def _set_disabled(request: Request, connection: sqlite3.Connection, *, disabled: bool) -> Answer:
    row = _find(connection, request.parameters)
    connection.execute("UPDATE iot_topic_rules SET disabled = ? WHERE name = ?", (disabled, row["name"]))
    return {}


def _write(connection: sqlite3.Connection, name: str, payload: Mapping[str, Any], created_at: str) -> None:
    said = {member: value for member, value in payload.items() if member != "ruleDisabled"}
    connection.execute(
        "INSERT OR REPLACE INTO iot_topic_rules (name, payload, filter, disabled, created_at) VALUES (?, ?, ?, ?, ?)",
        (name, json.dumps(said), judge(name, payload), payload.get("ruleDisabled", False), created_at),
    )


def _find(connection: sqlite3.Connection, parameters: Parameters) -> sqlite3.Row:
    """Return a rule; that there is none AWS tells as that nobody may see it: its API has no other error for it."""
    name = parameters["ruleName"]
    row: sqlite3.Row | None = connection.execute("SELECT * FROM iot_topic_rules WHERE name = ?", (name,)).fetchone()
    if row is None:
        msg = f"Access to topic rule '{name}' was denied: expected one that CreateTopicRule made"
        raise RefusedRequest("UnauthorizedException", msg, status=401)
    return row


def _listed(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "ruleArn": _arn(row["name"]),
        "ruleName": row["name"],
        "topicPattern": row["filter"],
        "createdAt": datetime.fromisoformat(row["created_at"]),
        "ruleDisabled": bool(row["disabled"]),
    }


def _arn(name: str) -> str:
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/{name}"
