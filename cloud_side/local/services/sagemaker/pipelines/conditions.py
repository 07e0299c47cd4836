"""Conditions of a Condition step: read from a definition, and decided."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, assert_never

_MEMBERS = {"In": "QueryValue and Values, a list", "Not": "Condition", "Or": "Conditions, a list with one at least"}


class ConditionError(ValueError):
    """A condition that cannot be read or decided; the message says why."""


class Comparison(StrEnum):
    """How two values are compared; named as in a definition."""

    EQUALS = "Equals"
    GREATER = "GreaterThan"
    GREATER_OR_EQUAL = "GreaterThanOrEqualTo"
    LESS = "LessThan"
    LESS_OR_EQUAL = "LessThanOrEqualTo"


@dataclass(frozen=True)
class Compared:
    """Two values, each one or an expression, are in this relation."""

    comparison: Comparison
    left: Any
    right: Any


@dataclass(frozen=True)
class OneOf:
    """A value is one of some."""

    value: Any
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Negated:
    """A condition does not hold."""

    condition: "Condition"


@dataclass(frozen=True)
class Either:
    """One of some conditions holds."""

    conditions: tuple["Condition", ...]


Condition: TypeAlias = Compared | OneOf | Negated | Either


def parse_condition(found: Any) -> Condition:  # noqa: ANN401 - any JSON
    """Return a condition of a definition.

    Raises:
        ConditionError: If it is none.
    """
    kinds = (*Comparison, "In", "Not", "Or")
    match found:
        case {"Type": str(kind), "LeftValue": left, "RightValue": right, **rest} if (
            kind in list(Comparison) and not rest
        ):
            return Compared(Comparison(kind), left, right)
        case {"Type": "In", "QueryValue": value, "Values": [*values], **rest} if not rest:
            return OneOf(value, tuple(values))
        case {"Type": "Not", "Condition": inner, **rest} if not rest:
            return Negated(parse_condition(inner))
        case {"Type": "Or", "Conditions": [_, *_] as inner, **rest} if not rest:
            return Either(tuple(map(parse_condition, inner)))
        case {"Type": str(kind)} if kind in kinds:
            has = ", ".join(sorted(key for key in found if key != "Type")) or "nothing else"
            msg = f"a condition {kind} has {has}, expected {_MEMBERS.get(kind, 'LeftValue and RightValue')}"
            raise ConditionError(msg)
        case _:
            what = found.get("Type") if isinstance(found, Mapping) else found
            msg = f"found condition {what!r}, expected one of {', '.join(kinds)}"
            raise ConditionError(msg)


def values_of(condition: Condition) -> list[Any]:
    """Return the values that a condition is about, as they are in the definition."""
    match condition:
        case Compared(_, left, right):
            return [left, right]
        case OneOf(value, values):
            return [value, *values]
        case Negated(inner):
            return values_of(inner)
        case Either(conditions):
            return [value for each in conditions for value in values_of(each)]
    assert_never(condition)


def holds(conditions: Sequence[Condition], value_of: Callable[[Any], Any]) -> bool:
    """Return whether all conditions hold.

    Args:
        conditions: Of a Condition step.
        value_of: Returns the value of what is in the definition.

    Raises:
        ConditionError: If values cannot be compared.
    """
    return all([_holds(each, value_of) for each in conditions])  # noqa: C419 - each one has to be decidable


def _holds(condition: Condition, value_of: Callable[[Any], Any]) -> bool:
    match condition:
        case Compared(comparison, left, right):
            return _compared(comparison, value_of(left), value_of(right))
        case OneOf(value, values):
            asked = value_of(value)
            return any([_are_equal(asked, value_of(each)) for each in values])  # noqa: C419
        case Negated(inner):
            return not _holds(inner, value_of)
        case Either(conditions):
            return any([_holds(each, value_of) for each in conditions])  # noqa: C419
    assert_never(condition)


def _compared(comparison: Comparison, left: Any, right: Any) -> bool:  # noqa: ANN401 - any JSON
    if comparison is Comparison.EQUALS:
        return _are_equal(left, right)
    if not (isinstance(left, str) and isinstance(right, str)) and not (_is_number(left) and _is_number(right)):
        msg = f"{comparison}: {left!r} and {right!r} cannot be compared, expected two numbers or two texts"
        raise ConditionError(msg)
    match comparison:
        case Comparison.GREATER:
            return bool(left > right)
        case Comparison.GREATER_OR_EQUAL:
            return bool(left >= right)
        case Comparison.LESS:
            return bool(left < right)
        case Comparison.LESS_OR_EQUAL:
            return bool(left <= right)
    assert_never(comparison)


def _are_equal(left: object, right: object) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right  # in Python, True is 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
