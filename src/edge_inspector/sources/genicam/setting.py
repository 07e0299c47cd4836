"""Sets one feature of a camera, and makes sure that the camera took it; says what it allows where not."""

import math
from collections.abc import Mapping

from edge_inspector.errors import ConfigError
from edge_inspector.sources.genicam.nodes import Bounds, Kind, Nodes, RefusedByCameraError, Value

_TOLERANCE = 0.01  # of a float without a step: cameras round to lines and to clock cycles


def set_feature(nodes: Nodes, name: str, value: Value) -> None:
    """Set one feature, and check that the camera took it.

    Raises:
        ConfigError: If it has no such feature, or refuses or changes the value; says what is allowed.
        SourceError: If it does not answer.
    """
    kind = nodes.kind(name)
    if kind is None:
        msg = f"{name}: asked for {value!r}, but the camera has no such feature, or not now"
        raise ConfigError(msg)
    if kind is Kind.COMMAND:
        _execute(nodes, name, value)
        return
    bounds = _checked_bounds(nodes, name, kind, value)
    try:
        if nodes.read(name) == value:  # what is so already may well be locked
            return
        nodes.write(name, value)
        found = nodes.read(name)
    except RefusedByCameraError as error:
        msg = f"{name}: asked for {value!r}, the camera refuses: {error}"
        raise ConfigError(msg) from error
    if not is_same(found, value, bounds):
        allowed = "" if bounds is None else f"; it allows {bounds}"
        msg = f"{name}: asked for {value!r}, the camera made it {found!r}{allowed}"
        raise ConfigError(msg)


def _execute(nodes: Nodes, name: str, value: Value) -> None:
    if value is not True:
        msg = f"{name}: expected true, as it is a command, found {value!r}"
        raise ConfigError(msg)
    try:
        nodes.execute(name)
    except RefusedByCameraError as error:
        msg = f"{name}: the camera refuses the command: {error}"
        raise ConfigError(msg) from error


_WORDS: Mapping[Kind, str] = {
    Kind.BOOLEAN: "true or false",
    Kind.INTEGER: "a whole number",
    Kind.FLOAT: "a number",
    Kind.STRING: "a text",
}


def _checked_bounds(nodes: Nodes, name: str, kind: Kind, value: Value) -> Bounds | None:
    """Return what a number may be; raises ConfigError if the value is not allowed."""
    if kind is Kind.ENUMERATION:
        if value not in (entries := nodes.entries(name)):
            msg = f"{name}: asked for {value!r}, allowed are {', '.join(entries) or 'none now'}"
            raise ConfigError(msg)
        return None
    if not _fits(kind, value):
        msg = f"{name}: asked for {value!r}, expected {_WORDS[kind]}"
        raise ConfigError(msg)
    if not _is_number(value):
        return None
    bounds = nodes.bounds(name)
    if bounds is not None and not _is_within(float(value), bounds, is_whole=kind is Kind.INTEGER):
        msg = f"{name}: asked for {value!r}, allowed is {bounds}"
        raise ConfigError(msg)
    return bounds


def _fits(kind: Kind, value: Value) -> bool:
    match kind:
        case Kind.BOOLEAN:
            return isinstance(value, bool)
        case Kind.INTEGER:
            return _is_number(value) and float(value).is_integer()
        case Kind.FLOAT:
            return _is_number(value)
    return isinstance(value, str)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_within(value: float, bounds: Bounds, *, is_whole: bool) -> bool:
    if not bounds.low <= value <= bounds.high:
        return False
    # A float off its steps is rounded by the camera, and compared afterwards.
    return not is_whole or bounds.step <= 1 or (value - bounds.low) % bounds.step == 0


def is_same(found: Value, asked: Value, bounds: Bounds | None) -> bool:
    """Return whether a camera's value is the one asked for, but for how it rounds."""
    if isinstance(found, float) and _is_number(asked):
        step = 0.0 if bounds is None else bounds.step
        return math.isclose(found, float(asked), rel_tol=_TOLERANCE, abs_tol=step)
    return found == asked
