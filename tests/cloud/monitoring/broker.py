"""AWS IoT Core's rules, as far as ours go: the rows that a station's messages become."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cloud_side.monitoring.heard import HEARD, HeardRule
from edge_inspector.topics import Message

PREFIX = "edge-inspector"
Row = dict[str, Any]
_PARTS = re.compile(r"[\w.]+\(\d\)|'[^']*'|[\w.]+")


def heard(message: Message, at_ms: int) -> list[Row]:
    """Return the rows that a message becomes; it is heard at a time."""
    found = (_row(rule, message, at_ms) for rule in HEARD if _matches(f"{PREFIX}/{rule.topic}", message.topic))
    return [row for row in found if row is not None]


def _matches(topic_filter: str, topic: str) -> bool:
    wanted, found = topic_filter.split("/"), topic.split("/")
    return len(wanted) == len(found) and all(a in {"+", b} for a, b in zip(wanted, found, strict=True))


def _row(rule: HeardRule, message: Message, at_ms: int) -> Row | None:
    payload = json.loads(message.payload) if message.payload else {}

    def value(expression: str) -> Any:
        return _value(expression, payload, message.topic.split("/"), at_ms)

    if rule.where and not any(
        value(a) == value(b) for a, b in (each.split(" = ") for each in rule.where.split(" OR "))
    ):
        return None
    values = {column: value(expression) for column, expression in rule.columns.items()}
    return {column: each for column, each in values.items() if each is not None}


def _value(expression: str, payload: Mapping[str, Any], levels: list[str], at_ms: int) -> Any:
    def value(each: str) -> Any:
        return _value(each, payload, levels, at_ms)

    if expression == "timestamp()":
        return at_ms
    for pattern, meaning in (
        (r"'([^']*)'", lambda text: text),
        (r"topic\((\d)\)", lambda number: levels[int(number) - 1]),
        (r"floor\(timestamp\(\) / 1000\) \+ (\d+)", lambda seconds: at_ms // 1000 + int(seconds)),
        (r"concat\((.*)\)", lambda parts: _joined(value(each) for each in _PARTS.findall(parts))),
        (r"get\(([\w.]+), '([^']*)'\)", lambda path, name: (value(path) or {}).get(name)),
    ):
        if found := re.fullmatch(pattern, expression):
            return meaning(*found.groups())
    assert re.fullmatch(r"\w+(\.\w+)*", expression), expression
    for name in expression.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload


def _joined(values: Iterable[Any]) -> str | None:
    parts = list(values)
    return None if None in parts else "".join(parts)
