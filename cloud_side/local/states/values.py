"""JSON as the JSONata library holds it, where None is undefined and NULL is null; and back; and as text."""

import math
from collections.abc import Iterator, Sequence
from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import Any, TypeAlias

from jsonata.utils import Utils

from cloud_side.local.states.syntax import Reads

NULL = Utils.NULL_VALUE
LARGEST_TEXT = 6_990_256  # AWS: a value takes at most so many bytes, a character as one, an item as eight
LARGEST_ARRAY = LARGEST_TEXT // 8
_EXPONENT_FROM = 1e21  # from here on JavaScript, and so AWS, writes a whole number with an exponent
_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"})

Json: TypeAlias = Any
Value: TypeAlias = Any  # JSON with NULL for null, or a function of the library; None is undefined


class NotJson(Exception):  # noqa: N818 - an expression's result, told of in the words of its cause
    """A value is or holds something that is no JSON."""


def with_nulls(value: Json, wanted: Reads | None = None) -> Value:
    """Return the library's form of what is wanted of a value, by default of all of it."""
    if isinstance(value, dict):
        if wanted is None:
            return {key: with_nulls(member) for key, member in value.items()}
        return {key: with_nulls(value[key], below) for key, below in wanted.items() if key in value}
    if isinstance(value, list):
        return [with_nulls(item) for item in value]
    return NULL if value is None else value


def plain(value: Value) -> Json:
    """Return a value as JSON that shares nothing with it; a whole number is an int.

    Raises:
        NotJson: If there is a function in it, or a number that is not finite; or if it is too large, as a small one
            becomes that holds the same part in many places.
    """
    return _plain(value, iter(range(LARGEST_ARRAY)))


def _plain(value: Value, room: Iterator[int]) -> Json:
    if next(room, None) is None:
        message = f"a value of more than {LARGEST_ARRAY} members"
        raise NotJson(message)
    match value:
        case str() | bool():
            return value
        case int() | float() if math.isfinite(value):
            return int(value) if value == int(value) and abs(value) < _EXPONENT_FROM else float(value)
        case list():
            return [_plain(item, room) for item in value]
        case dict():
            return {key: _plain(member, room) for key, member in value.items()}
    if value is None or value is NULL:
        return None
    message = f"{value} is not a JSON number" if isinstance(value, float) else "a function"
    raise NotJson(message)


def text_of(value: Value, *, pretty: bool = False) -> str:
    """Return the JSON text of a value as Step Functions writes it; a function in it is an empty text.

    Raises:
        NotJson: If it is too large.
    """
    return _text(value, "\n" if pretty else None)


def _text(value: Value, line: str | None) -> str:
    """Return it in one line, or with `line` before each member, and two spaces more for each level."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return _number(value)
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case list():
            return _enclosed("[]", [_text(item, _below(line)) for item in value], line)
        case dict():
            colon = ":" if line is None else ": "
            members = [f"{_text(key, None)}{colon}{_text(member, _below(line))}" for key, member in value.items()]
            return _enclosed("{}", members, line)
    return "null" if value is NULL else '""'


def _below(line: str | None) -> str | None:
    return None if line is None else f"{line}  "


def _enclosed(brackets: str, members: Sequence[str], line: str | None) -> str:
    if sum(map(len, members)) > LARGEST_TEXT:
        message = f"a text of more than {LARGEST_TEXT} characters"
        raise NotJson(message)
    if line is None or not members:
        return brackets[0] + ",".join(members) + brackets[1]
    return brackets[0] + ",".join(f"{line}  {member}" for member in members) + line + brackets[1]


def _number(number: float) -> str:
    """Return a whole number in all its digits, a fraction cut to 15 of them."""
    if number == int(number):
        return str(int(number)) if abs(number) < _EXPONENT_FROM else repr(float(number))
    with localcontext(prec=15, rounding=ROUND_FLOOR):
        return str((+Decimal(repr(number))).normalize()).replace("E", "e")
