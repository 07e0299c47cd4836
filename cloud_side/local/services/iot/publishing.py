"""Messages that the cloud publishes: handed to whoever holds the connection to this machine's broker."""

import sqlite3
from typing import Any

from cloud_side.local import outbox
from cloud_side.local.services.iot.refusals import invalid, refuse_others
from cloud_side.local.wiring import Answer, Request

_MOST_TOPIC_BYTES = 256
_MOST_SLASHES = 7
_MOST_PAYLOAD_BYTES = 128 * 1024


def publish(request: Request, connection: sqlite3.Connection) -> Answer:
    """Publish a message; an empty retained one clears the topic. It is delivered at least once whatever its QoS.

    Source:
        AWS IoT Core endpoints and quotas, "Message broker": 256 bytes and 7 slashes a topic, 128 KB a message.
    """
    refuse_others(request.parameters, "topic qos retain payload contentType payloadFormatIndicator")
    topic, payload = request.parameters["topic"], _bytes_of(request.parameters.get("payload", b""))
    if problem := _problem_of(topic, payload):
        raise invalid(problem)
    outbox.publish(connection, topic, payload, retain=request.parameters.get("retain", False))
    return {}


def _problem_of(topic: str, payload: bytes) -> str | None:
    if not topic or {"+", "#", "\0"} & set(topic) or topic.startswith("$"):
        return f"topic: found {topic!r}, expected one without wildcards that is not the service's own"
    if len(topic.encode()) > _MOST_TOPIC_BYTES or topic.count("/") > _MOST_SLASHES:
        return f"topic: found {topic!r}, expected at most {_MOST_TOPIC_BYTES} bytes and {_MOST_SLASHES} slashes"
    if len(payload) > _MOST_PAYLOAD_BYTES:
        return f"payload: found {len(payload)} bytes, expected at most {_MOST_PAYLOAD_BYTES}"
    return None


def _bytes_of(payload: Any) -> bytes:  # noqa: ANN401 - a blob is given as text, bytes or a file
    if isinstance(payload, str):
        return payload.encode()
    return bytes(payload) if isinstance(payload, bytes | bytearray) else bytes(payload.read())
