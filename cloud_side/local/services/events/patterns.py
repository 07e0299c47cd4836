"""Event patterns: which events a rule is about."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Test: TypeAlias = Callable[[Any], bool]

_ABSENT = object()
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    "=": lambda value, bound: value == bound,
    ">=": lambda value, bound: value >= bound,
    ">": lambda value, bound: value > bound,
}
_WILDCARD = re.compile(r"\\(.)|(\*)|([^\\*]+)|(.)", re.DOTALL)


class PatternError(ValueError):
    """A text is no event pattern."""


class Pattern:
    """A pattern that was found to be one.

    Source:
        Amazon EventBridge User Guide, "Comparison operators for use in event patterns"; all but `cidr`.
    """

    def __init__(self, text: str) -> None:
        """Read a pattern.

        Raises:
            PatternError: If it is none.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            msg = f"it is not JSON: {error}"
            raise PatternError(msg) from error
        self._test = _object(document, "$")

    def matches(self, event: object) -> bool:
        """Return whether an event is one that the pattern is about."""
        return self._test(event)


def _object(pattern: object, place: str) -> Test:
    """Return the test of an object; of a list of them, it is met by one of them as a whole."""
    if not isinstance(pattern, dict) or not pattern:
        msg = f"{place}: found {_short(pattern)}, expected an object with fields, or a list of values"
        raise PatternError(msg)
    tests = [_field(name, value, f"{place}.{name}") for name, value in pattern.items()]

    def test(value: object) -> bool:
        objects = [one for one in _flat(value) if isinstance(one, dict)] or [{}]
        return any(all(each(one) for each in tests) for one in objects)

    return test


def _field(name: str, value: object, place: str) -> Test:
    match value:
        case [dict(), dict(), *_] if name == "$or" and all(isinstance(one, dict) for one in value):
            alternatives = [_object(one, place) for one in value]
            return lambda found: any(each(found) for each in alternatives)
        case [_, *_]:
            inner = _leaf(value, place)
        case _:
            inner = _object(value, place)
    return lambda found: inner(found.get(name, _ABSENT))


def _leaf(wanted: Sequence[object], place: str) -> Test:
    """Return the test of what is no object: one of the values found is one of those wanted."""
    tests = [_value(one, place) for one in wanted]

    def test(found: object) -> bool:
        values = [one for one in _flat(found) if not isinstance(one, dict)] or [_ABSENT]
        return any(each(value) for each in tests for value in values)

    return test


def _value(wanted: object, place: str) -> Test:
    match wanted:
        case dict() if len(wanted) == 1:
            ((operator, operand),) = wanted.items()
            return _operator(operator, operand, place)
        case str() | int() | float() | None:  # bool too
            return lambda found: _is_same(found, wanted)
        case _:
            msg = f"{place}: found {_short(wanted)}, expected a value, or an object with one operator"
            raise PatternError(msg)


def _operator(operator: str, operand: object, place: str) -> Test:
    match operator, operand:
        case "exists", bool():
            return lambda found: (found is not _ABSENT) is operand
        case "numeric", [_, _] | [_, _, _, _]:
            return _numeric(operand, place)
        case "anything-but", dict() if operand.keys() <= {"prefix", "suffix", "equals-ignore-case", "wildcard"}:
            return _other_than([_text_test(*item, place) for item in operand.items()])
        case "anything-but", [_, *_] if _are_plain(operand):
            return _other_than([_value(one, place) for one in operand])
        case "anything-but", str() | int() | float():
            return _other_than([_value(operand, place)])
        case (("prefix" | "suffix" | "equals-ignore-case" | "wildcard"), (str() | dict())):
            return _text_test(operator, operand, place)
    msg = f"{place}: found {{{json.dumps(operator)}: {_short(operand)}}}, which is no operator with its operand"
    raise PatternError(msg)


def _text_test(operator: str, operand: object, place: str) -> Test:
    match operator, operand:
        case _, [_, *_] if all(isinstance(one, str) for one in operand):
            tests = [_text_test(operator, one, place) for one in operand]
            return lambda found: any(each(found) for each in tests)
        case "prefix", str():
            return lambda found: isinstance(found, str) and found.startswith(operand)
        case "suffix", str():
            return lambda found: isinstance(found, str) and found.endswith(operand)
        case "equals-ignore-case", str():
            return lambda found: isinstance(found, str) and found.lower() == operand.lower()
        case "wildcard", str():
            pieces = _pieces(operand, place)
            return lambda found: isinstance(found, str) and _consists_of(pieces, found)
        case (("prefix" | "suffix"), {"equals-ignore-case": str(text), **more}) if not more:
            inner = _text_test(operator, text.lower(), place)
            return lambda found: isinstance(found, str) and inner(found.lower())
    msg = f"{place}: found {_short(operand)} for {operator}, expected a text"
    raise PatternError(msg)


def _pieces(text: str, place: str) -> list[str]:
    """Return what is between the stars of a wildcard."""
    pieces, was_star = [""], False
    for escaped, star, plain, stray in _WILDCARD.findall(text):
        if stray or (escaped and escaped not in r"\*") or (star and was_star):
            msg = f"{place}: found wildcard {_short(text)}, expected no ** and no \\ but in \\* and \\\\"
            raise PatternError(msg)
        was_star = bool(star)
        if star:
            pieces.append("")
        else:
            pieces[-1] += escaped or plain
    return pieces


def _consists_of(pieces: Sequence[str], text: str) -> bool:
    """Return whether a text is these pieces with anything between them; the time grows with the text alone."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *between, last = pieces
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in between:
        if (found := text.find(piece, at, end)) < 0:
            return False
        at = found + len(piece)
    return at <= end


def _numeric(operand: Sequence[Any], place: str) -> Test:
    bounds = list(zip(operand[::2], operand[1::2], strict=True))
    for comparison, bound in bounds:
        if comparison not in _COMPARISONS or not _is_number(bound):
            msg = f"{place}: found numeric {_short(operand)}, expected a comparison and a number, or two of both"
            raise PatternError(msg)
    return lambda found: _is_number(found) and all(_COMPARISONS[sign](found, bound) for sign, bound in bounds)


def _other_than(tests: Sequence[Test]) -> Test:
    return lambda found: found is not _ABSENT and not any(each(found) for each in tests)


def _flat(value: object) -> list[object]:
    """Return what is in a list and in the lists in it, however deep, in any order."""
    flat, left = [], [value]
    while left:
        match left.pop():
            case list(more):
                left += more
            case one:
                flat.append(one)
    return flat


def _is_same(found: object, wanted: object) -> bool:
    """Return whether two values are written the same: 300, 300.0 and true are three of them."""
    return type(found) is type(wanted) and found == wanted


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_plain(values: Sequence[object]) -> bool:
    return all(isinstance(one, str) for one in values) or all(_is_number(one) for one in values)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
