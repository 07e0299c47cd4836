"""SNS on this machine: what is published goes to the MQTT broker, and to the functions that are subscribed."""

import base64
import json
import logging
import re
import sqlite3
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloud_side.local import outbox
from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.functions import configuration, queued
from cloud_side.local.services.pages import page
from cloud_side.local.wiring import Answer, RefusedRequest, Request, Service

MESSAGE_BYTES = 262_144
MQTT_PREFIX = "edge-inspector/cloud/"

_TABLES = """
CREATE TABLE IF NOT EXISTS topics (arn TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscriptions (
    arn TEXT PRIMARY KEY, topic TEXT NOT NULL, endpoint TEXT NOT NULL, UNIQUE (topic, endpoint)
) WITHOUT ROWID
"""
_PAGE = 100
_PROTOCOL = "lambda"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SUBJECT = re.compile(r"[!-~][ -~]{0,99}")
_NOWHERE = "http://localhost/"  # where a message of AWS says how to check and end it

_log = logging.getLogger(__name__)


def arn_of(name: str) -> str:
    """Return the ARN of a topic."""
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


def publish(  # noqa: PLR0913 - what a message is made of
    connection: sqlite3.Connection,
    *,
    topic_arn: str,
    message: str,
    now: datetime,
    subject: str | None = None,
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    structure: str | None = None,
) -> str:
    """Publish a message in the caller's transaction, and return its id.

    Args:
        connection: In that transaction.
        topic_arn: The topic.
        message: The text; with a structure, JSON with a text for each protocol.
        now: Aware UTC.
        subject: One line of ASCII.
        attributes: As Publish takes them.
        structure: `json`, or none.

    Raises:
        RefusedRequest: If AWS would refuse it.
    """
    _require_topic(connection, topic_arn)
    texts = _texts(message, structure)
    if subject is not None and not _SUBJECT.fullmatch(subject):
        msg = f"Subject: found {subject!r}, expected one line of up to 100 ASCII characters"
        raise _invalid(msg)
    notification = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": topic_arn,
        "Subject": subject,
        "Timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "MessageAttributes": _told(attributes or {}),
    }
    told = json.dumps({**notification, "Message": texts["default"]}, ensure_ascii=False)
    outbox.publish(connection, f"{MQTT_PREFIX}{topic_arn.rpartition(':')[2]}", told.encode())
    _invoke_subscribers(connection, {**notification, "Message": texts.get(_PROTOCOL, texts["default"])})
    return str(notification["MessageId"])


def _invoke_subscribers(connection: sqlite3.Connection, notification: Mapping[str, Any]) -> None:
    topic = notification["TopicArn"]
    for row in connection.execute("SELECT * FROM subscriptions WHERE topic = ? ORDER BY arn", (topic,)).fetchall():
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": row["arn"],
            "Sns": {
                **notification,
                "SignatureVersion": "1",
                "Signature": "local",
                "SigningCertUrl": _NOWHERE,
                "UnsubscribeUrl": _NOWHERE,
            },
        }
        identity = str(uuid.uuid5(uuid.UUID(notification["MessageId"]), row["arn"]))
        try:
            queued.enqueue(connection, row["endpoint"], json.dumps({"Records": [record]}), identity=identity)
        except RefusedRequest as refusal:
            _log.warning("%s: a message was not delivered to %s: %s", topic, row["endpoint"], refusal.message)


def _texts(message: str, structure: str | None) -> Mapping[str, str]:
    if not message:
        msg = "Empty message"
        raise _invalid(msg)
    if (size := len(message.encode())) > MESSAGE_BYTES:
        msg = f"Message too long: found {size} bytes, expected at most {MESSAGE_BYTES}"
        raise _invalid(msg)
    if structure != "json":
        return {"default": message}
    try:
        texts = json.loads(message)
    except ValueError as error:
        msg = f"Message Structure - JSON message body failed to parse: {error}"
        raise _invalid(msg) from error
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        msg = "Message Structure - No default entry in JSON message body"
        raise _invalid(msg)
    return texts


def _told(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    told = {}
    for name, attribute in attributes.items():
        value = attribute.get("StringValue")
        if value is None:
            value = base64.b64encode(attribute.get("BinaryValue", b"")).decode()
        if not value:
            msg = f"The message attribute '{name}' must contain non-empty message attribute value"
            raise _invalid(msg)
        told[name] = {"Type": attribute["DataType"], "Value": value}
    return told


def _publish(request: Request, connection: sqlite3.Connection) -> Answer:
    parameters = request.parameters
    topic = parameters.get("TopicArn") or parameters.get("TargetArn")
    if topic is None:
        msg = "TopicArn or TargetArn: the local engine sends to topics only"
        raise _invalid(msg)
    identity = publish(
        connection,
        topic_arn=topic,
        message=parameters["Message"],
        now=request.now,
        subject=parameters.get("Subject"),
        attributes=parameters.get("MessageAttributes"),
        structure=parameters.get("MessageStructure"),
    )
    return {"MessageId": identity}


def _create(request: Request, connection: sqlite3.Connection) -> Answer:
    name = request.parameters["Name"]
    if not _NAME.fullmatch(name):
        msg = f"Topic Name: found {name!r}, expected up to 256 letters, digits, - and _"
        raise _invalid(msg)
    connection.execute("INSERT OR IGNORE INTO topics VALUES (?)", (arn_of(name),))
    return {"TopicArn": arn_of(name)}


def _delete(request: Request, connection: sqlite3.Connection) -> Answer:
    topic = request.parameters["TopicArn"]
    connection.execute("DELETE FROM topics WHERE arn = ?", (topic,))
    connection.execute("DELETE FROM subscriptions WHERE topic = ?", (topic,))
    return {}


def _list(request: Request) -> Answer:
    query = "SELECT arn FROM topics WHERE arn > ? ORDER BY arn LIMIT ?"
    rows = request.database.connection().execute(query, (request.parameters.get("NextToken", ""), _PAGE + 1))
    return page("Topics", [{"TopicArn": row["arn"]} for row in rows], _PAGE, "TopicArn")


def _subscribe(request: Request, connection: sqlite3.Connection) -> Answer:
    topic, protocol = request.parameters["TopicArn"], request.parameters["Protocol"]
    _require_topic(connection, topic)
    if protocol != _PROTOCOL:
        msg = (
            f"protocol {protocol!r} is not there on the local engine, expected {_PROTOCOL!r}; "
            f"what is published is on the MQTT broker too, under {MQTT_PREFIX}"
        )
        raise _invalid(msg)
    if request.parameters.get("Attributes"):
        msg = f"Attributes {sorted(request.parameters['Attributes'])} are not there on the local engine"
        raise _invalid(msg)
    endpoint = configuration.arn_of(configuration.name_in(request.parameters.get("Endpoint", "")))
    values = (f"{topic}:{uuid.uuid4()}", topic, endpoint)
    connection.execute("INSERT OR IGNORE INTO subscriptions VALUES (?, ?, ?)", values)
    query = "SELECT arn FROM subscriptions WHERE topic = ? AND endpoint = ?"
    return {"SubscriptionArn": connection.execute(query, (topic, endpoint)).fetchone()["arn"]}


def _unsubscribe(request: Request, connection: sqlite3.Connection) -> Answer:
    connection.execute("DELETE FROM subscriptions WHERE arn = ?", (request.parameters["SubscriptionArn"],))
    return {}


def _list_subscriptions(request: Request) -> Answer:
    topic, connection = request.parameters["TopicArn"], request.database.connection()
    _require_topic(connection, topic)
    query = "SELECT * FROM subscriptions WHERE topic = ? AND arn > ? ORDER BY arn LIMIT ?"
    rows = connection.execute(query, (topic, request.parameters.get("NextToken", ""), _PAGE + 1))
    subscriptions = [
        {
            "SubscriptionArn": row["arn"],
            "Owner": ACCOUNT,
            "Protocol": _PROTOCOL,
            "Endpoint": row["endpoint"],
            "TopicArn": topic,
        }
        for row in rows
    ]
    return page("Subscriptions", subscriptions, _PAGE, "SubscriptionArn")


def _require_topic(connection: sqlite3.Connection, arn: str) -> None:
    if connection.execute("SELECT 1 FROM topics WHERE arn = ?", (arn,)).fetchone() is None:
        raise RefusedRequest("NotFound", f"Topic does not exist: {arn}", status=404)


def _invalid(message: str) -> RefusedRequest:
    return RefusedRequest("InvalidParameter", f"Invalid parameter: {message}")


SNS = Service(
    "sns",
    reads={"ListTopics": _list, "ListSubscriptionsByTopic": _list_subscriptions},
    writes={
        "CreateTopic": _create,
        "DeleteTopic": _delete,
        "Subscribe": _subscribe,
        "Unsubscribe": _unsubscribe,
        "Publish": _publish,
    },
    tables=f"{_TABLES}; {configuration.TABLES}; {queued.TABLES}",
)
