"""Parameters of a pipeline: what a definition declares, and what an execution is given."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

Value: TypeAlias = str | int | float | bool

_MEMBERS = frozenset(("Name", "Type", "DefaultValue", "EnumValues", "Description"))
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BOOLEANS = {"true": True, "false": False}


class ParameterError(ValueError):
    """A parameter that is not as declared; the message says which and why."""


class ParameterType(StrEnum):
    """The type of a parameter; named as in a definition."""

    STRING = "String"
    INTEGER = "Integer"
    FLOAT = "Float"
    BOOLEAN = "Boolean"

    def takes(self, value: object) -> bool:
        """Return whether a JSON value is one of this type."""
        if isinstance(value, bool):
            return self is ParameterType.BOOLEAN
        match self:
            case ParameterType.STRING:
                return isinstance(value, str)
            case ParameterType.INTEGER:
                return isinstance(value, int)
            case ParameterType.FLOAT:
                return isinstance(value, int | float)
            case ParameterType.BOOLEAN:
                return False

    def read(self, text: str) -> Value:
        """Return the value in a text.

        Raises:
            ValueError: If it has none of this type.
        """
        text.encode()  # half a character is none
        match self:
            case ParameterType.STRING:
                return text
            case ParameterType.INTEGER:
                return int(text)
            case ParameterType.FLOAT:
                if not math.isfinite(value := float(text)):
                    raise ValueError(text)
                return value
            case ParameterType.BOOLEAN:
                if text.lower() not in _BOOLEANS:
                    raise ValueError(text)
                return _BOOLEANS[text.lower()]


@dataclass(frozen=True)
class Parameter:
    """A parameter that a definition declares.

    Attributes:
        default: None where an execution has to be given one.
        choices: Its only values; empty where all are allowed.
    """

    name: str
    type: ParameterType
    default: Value | None = None
    choices: tuple[Value, ...] = ()


def parse_parameters(found: Any, report: Callable[[str], None]) -> tuple[Parameter, ...]:  # noqa: ANN401 - any JSON
    """Return the parameters of a definition, and report what is wrong with the others."""
    if not isinstance(found, list):
        report(f"Parameters is {found!r}, expected a list")
        return ()
    parsed: dict[str, Parameter] = {}
    for number, each in enumerate(found):
        try:
            parameter = _parsed(each, number)
        except ParameterError as error:
            report(str(error))
            continue
        if parameter.name in parsed:
            report(f"parameter {parameter.name}: is there twice, expected once")
        parsed[parameter.name] = parameter
    return tuple(parsed.values())


def given_values(parameters: Sequence[Parameter], given: Sequence[Mapping[str, str]]) -> dict[str, Value]:
    """Return the value of each parameter for an execution.

    Args:
        parameters: As declared.
        given: As StartPipelineExecution takes them: Name and Value, a text.

    Raises:
        ParameterError: If something is given that is not declared, or not as it is, or something is missing.
    """
    texts = {each["Name"]: each["Value"] for each in given}
    known = {each.name for each in parameters}
    problems = [f"{name}: is not declared, expected {_listed(known)}" for name in texts.keys() - known]
    values: dict[str, Value] = {}
    for parameter in parameters:
        try:
            values[parameter.name] = _given(parameter, texts.get(parameter.name))
        except ParameterError as error:
            problems.append(str(error))
    if problems:
        msg = "; ".join(f"parameter {problem}" for problem in sorted(problems))
        raise ParameterError(msg)
    return values


def _given(parameter: Parameter, text: str | None) -> Value:
    if text is None:
        if parameter.default is None:
            msg = f"{parameter.name}: is not given and has no default"
            raise ParameterError(msg)
        return parameter.default
    try:
        value = parameter.type.read(text)
    except ValueError as error:
        msg = f"{parameter.name}: found {text!r}, expected a value of type {parameter.type}"
        raise ParameterError(msg) from error
    if parameter.choices and value not in parameter.choices:
        msg = f"{parameter.name}: found {text!r}, expected one of {', '.join(map(str, parameter.choices))}"
        raise ParameterError(msg)
    return value


def _parsed(found: Any, number: int) -> Parameter:  # noqa: ANN401 - any JSON
    name = found.get("Name") if isinstance(found, Mapping) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        msg = f"Parameters[{number}]: Name is {name!r}, expected 1 to 64 letters, digits, _ or -"
        raise ParameterError(msg)
    kind = found.get("Type", "String")
    if unknown := sorted(found.keys() - _MEMBERS):
        msg = f"parameter {name}: has {', '.join(unknown)}, expected {_listed(_MEMBERS)}"
        raise ParameterError(msg)
    if kind not in list(ParameterType):
        msg = f"parameter {name}: Type is {kind!r}, expected one of {', '.join(ParameterType)}"
        raise ParameterError(msg)
    type_, default, choices = ParameterType(kind), found.get("DefaultValue"), found.get("EnumValues", [])
    if not isinstance(choices, list) or not all(map(type_.takes, choices)):
        msg = f"parameter {name}: EnumValues is {choices!r}, expected a list of values of type {type_}"
        raise ParameterError(msg)
    if default is not None and not (type_.takes(default) and (not choices or default in choices)):
        which = f"one of {', '.join(map(str, choices))}" if choices else f"a value of type {type_}"
        msg = f"parameter {name}: DefaultValue is {default!r}, expected {which}"
        raise ParameterError(msg)
    return Parameter(name, type_, default, tuple(choices))


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
