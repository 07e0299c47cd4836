"""What a topic rule says, as far as this machine knows it: `SELECT * FROM 'filter'`, and templates in keys. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from cloud_side.local.services.iot.refusals import invalid, not_here
from cloud_side.local.wiring import RefusedRequest

_ANY_STATEMENT = re.compile(r"\s*SELECT\s.+\sFROM\s+'.*", re.IGNORECASE | re.DOTALL)
_STATEMENT = re.compile(r"\s*SELECT\s+\*\s+FROM\s+'([^']+)'\s*", re.IGNORECASE)
_TEMPLATE = re.compile(r"\$\{([^}]*)\}")
_CALL = re.compile(r"\s*(\w+)\s*\(\s*(\d*)\s*\)\s*")
_FUNCTIONS = "topic(), topic(n), timestamp() and newuuid()"
_KNOWN = "SELECT * FROM 'filter'"
_MOST_FILTER_BYTES, _MOST_SLASHES = 256, 7


def filter_in(sql: str) -> str:
    """Return the topic filter of a statement, which selects whole payloads.

    Raises:
        RefusedRequest: If it is no statement, or one that is not there on this machine.

    Source:
        AWS IoT Core Developer Guide, "AWS IoT SQL reference", "FROM clause"; AWS IoT Core endpoints and quotas,
        "Message broker": 256 bytes and 7 slashes a filter.
    """
    if not _ANY_STATEMENT.fullmatch(sql):
        msg = f"sql: found {sql!r}, expected {_KNOWN}"
        raise RefusedRequest("SqlParseException", msg)
    if (found := _STATEMENT.fullmatch(sql)) is None:
        msg = f"sql: found {sql!r}; the local engine knows {_KNOWN} alone, without WHERE"
        raise not_here(msg)
    if problem := _problem_of(found[1]):
        msg = f"sql: the topic filter is {found[1]!r}, expected {problem}"
        raise RefusedRequest("SqlParseException", msg)
    return found[1]


def _problem_of(topic_filter: str) -> str | None:
    levels = topic_filter.split("/")
    if len(topic_filter.encode()) > _MOST_FILTER_BYTES or len(levels) > _MOST_SLASHES + 1:
        return f"at most {_MOST_FILTER_BYTES} bytes and {_MOST_SLASHES} slashes"
    if any("+" in level and level != "+" for level in levels):
        return "'+' to be a whole level"
    if "#" in topic_filter.removesuffix("#") or ("#" in topic_filter and levels[-1] != "#"):
        return "'#' to be the whole last level"
    return "a topic that is not the service's own" if topic_filter.startswith("$") else None


def check_template(text: str, member: str, topic_filter: str) -> None:
    """Refuse a text whose templates could not be filled in for each message of a filter.

    Args:
        text: With templates, or without.
        member: Where it stands, for the error.
        topic_filter: Whose topics are asked for.

    Raises:
        RefusedRequest: If one is no call of a function that is there, or asks for a level that a topic may lack.
    """
    if "${" in _TEMPLATE.sub("", text):
        msg = f"{member}: found {text!r}, expected each ${{ to be closed by a }}"
        raise invalid(msg)
    levels = len(topic_filter.removesuffix("/#").split("/"))
    for expression in _TEMPLATE.findall(text):
        _, number = _call_in(expression, member)
        if number is not None and not 1 <= number <= levels:
            there = f"levels 1 to {levels} of {topic_filter}"
            msg = f"{member}: found ${{{expression}}}; the local engine fills in {there}"
            raise not_here(msg)


def filled(text: str, topic: str, at: datetime, new_id: Callable[[], str]) -> str:
    """Return a checked text with its templates filled in.

    Args:
        text: With templates.
        topic: Of the message.
        at: When it came.
        new_id: Draws a random UUID.

    Source:
        AWS IoT Core Developer Guide, "Substitution templates" and "Functions": levels are counted from 1, `timestamp()`
        is milliseconds since 1970.
    """
    levels = topic.split("/")

    def value(found: re.Match[str]) -> str:
        name, number = _call_in(found[1], text)
        given: Mapping[str, Callable[[], str]] = {
            "topic": lambda: topic if number is None else levels[number - 1],
            "timestamp": lambda: str(round(at.timestamp() * 1000)),
            "newuuid": new_id,
        }
        return given[name]()

    return _TEMPLATE.sub(value, text)


def _call_in(expression: str, member: str) -> tuple[str, int | None]:
    """Return the function that an expression calls, and the level that it asks for, if any."""
    if (found := _CALL.fullmatch(expression)) is not None:
        name, number = found[1].lower(), found[2]
        if name == "topic" or (name in {"timestamp", "newuuid"} and not number):
            return name, int(number) if number else None
    msg = f"{member}: ${{{expression}}} is not there on the local engine, which knows {_FUNCTIONS}"
    raise not_here(msg)
