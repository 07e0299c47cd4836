"""Expressions of a pipeline's definition: values that are known only when an execution comes to them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

VARIABLES = (
    "CurrentDateTime",
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionId",
    "PipelineName",
    "StartDateTime",
)
_STEP = re.compile(r"(?:^|\.)([\w:/-]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_FORMS = frozenset(("Get", "Std:Join", "Std:JsonGet"))


class ExpressionError(ValueError):
    """Something that looks like an expression and is none, or has no value; the message says why."""


@dataclass(frozen=True)
class OfParameter:
    """The value of a parameter."""

    name: str


@dataclass(frozen=True)
class OfExecution:
    """One of `VARIABLES`."""

    variable: str


@dataclass(frozen=True)
class OfStep:
    """A property of another step: what describing its job tells, or the outcome of a condition."""

    step: str
    path: Path


@dataclass(frozen=True)
class OfFile:
    """A value in a JSON file that another step has written.

    Attributes:
        file: The property file's name in the definition.
    """

    step: str
    file: str
    path: Path


@dataclass(frozen=True)
class Joined:
    """A text made of values."""

    separator: str
    values: tuple[Any, ...]


Reference: TypeAlias = OfParameter | OfExecution | OfStep | OfFile
Expression: TypeAlias = Reference | Joined


def expression_in(value: Any) -> Expression | None:  # noqa: ANN401 - any JSON
    """Return what a value of a definition stands for; None where it stands for itself.

    Raises:
        ExpressionError: If it is an expression that cannot be read.

    Source:
        SageMaker AI Developer Guide, "Pipelines overview"; the JSON schema of pipeline definitions, 2020-12-01.
    """
    if not isinstance(value, Mapping):
        return None
    unknown = sorted(key for key in value if str(key).startswith("Std:") and key not in _FORMS)
    if unknown:
        msg = f"found {unknown[0]}, expected Std:Join or Std:JsonGet"
        raise ExpressionError(msg)
    if len(value) != 1:
        return None
    match value:
        case {"Get": str(text)}:
            return _reference(text)
        case {"Std:Join": {"Values": [*values], **rest}} if rest.keys() <= {"On"} and isinstance(
            rest.get("On", ""), str
        ):
            return Joined(str(rest.get("On", "")), tuple(values))
        case {"Std:JsonGet": {"PropertyFile": {"Get": str(file)}, "Path": str(path), **rest}} if not rest:
            return _of_file(file, path)
        case {"Std:Join": found}:
            msg = f"Std:Join has {found!r}, expected On, a text, and Values, a list"
            raise ExpressionError(msg)
        case {"Std:JsonGet": found}:
            msg = f'Std:JsonGet has {found!r}, expected PropertyFile, a {{"Get": "Steps.…"}}, and Path, a text'
            raise ExpressionError(msg)
        case _:
            return None


def expressions_within(value: Any, place: str = "") -> Iterator[tuple[str, Expression | ExpressionError]]:  # noqa: ANN401
    """Yield all expressions in a value, those in joins too, each with its place; what cannot be read as its error."""
    try:
        found = expression_in(value)
    except ExpressionError as error:
        yield place, error
        return
    match found, value:
        case None, Mapping():
            for key, each in value.items():
                yield from expressions_within(each, f"{place}.{key}".lstrip("."))
        case None, list():
            for number, each in enumerate(value):
                yield from expressions_within(each, f"{place}[{number}]")
        case None, _:
            return
        case Joined(values=values), _:
            yield place, found
            for number, each in enumerate(values):
                yield from expressions_within(each, f"{place}.Values[{number}]")
        case _, _:
            assert found is not None  # noqa: S101 - for the type checker
            yield place, found


def evaluated(value: Any, resolve: Callable[[Reference], Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return a value with the value of each expression in its place.

    Args:
        value: Of a definition that was read without problems.
        resolve: Returns what a reference stands for.

    Raises:
        ExpressionError: If an expression has no value.
    """
    expression = expression_in(value)
    if isinstance(expression, Joined):
        return expression.separator.join(_as_text(evaluated(each, resolve)) for each in expression.values)
    if expression is not None:
        return resolve(expression)
    match value:
        case Mapping():
            return {key: evaluated(each, resolve) for key, each in value.items()}
        case list():
            return [evaluated(each, resolve) for each in value]
        case _:
            return value


def parse_path(text: str) -> Path:
    """Return the steps of a path like `Outputs['data'].S3Uri` or `metrics.map50[0]`.

    Raises:
        ExpressionError: If it is none.
    """
    steps: list[str | int] = []
    position = 0
    while position < len(text) and (found := _STEP.match(text, position)):
        name, number, single, double = found.groups()
        steps.append(int(number) if number is not None else name or single or double)
        position = found.end()
    if not steps or position != len(text):
        msg = f"found path {text!r}, expected one like a.b['c'][0]"
        raise ExpressionError(msg)
    return tuple(steps)


def at_path(value: Any, path: Path) -> Any:  # noqa: ANN401 - any JSON
    """Return what lies at a path; in a list also by the name that an item of SageMaker's has, e.g. its OutputName.

    Raises:
        ExpressionError: If nothing does.
    """
    found = value
    for depth, step in enumerate(path):
        match found, step:
            case Mapping(), str() if step in found:
                found = found[step]
            case list(), int() if step < len(found):
                found = found[step]
            case list(), str() if named := [each for each in found if _is_named(each, step)]:
                found = named[0]
            case _:
                msg = f"nothing is at {written(path[: depth + 1])}"
                raise ExpressionError(msg)
    return found


def written(path: Path) -> str:
    """Return a path as a person writes it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _reference(text: str) -> Expression:
    kind, _, rest = text.partition(".")
    match kind:
        case "Parameters" if rest:
            return OfParameter(rest)
        case "Execution" if rest in VARIABLES:
            return OfExecution(rest)
        case "Execution":
            msg = f"found {text!r}, expected Execution. and one of {', '.join(VARIABLES)}"
            raise ExpressionError(msg)
        case "Steps" if "." in rest:
            step, _, path = rest.partition(".")
            return OfStep(step, parse_path(path))
        case _:
            msg = f"found {text!r}, expected Parameters.NAME, Execution.VARIABLE or Steps.NAME.PROPERTY"
            raise ExpressionError(msg)


def _of_file(file: str, path: str) -> OfFile:
    match file.split("."):
        case ["Steps", step, "PropertyFiles", name] if step and name:
            return OfFile(step, name, parse_path(path.removeprefix("$.")))
        case _:
            msg = f"found property file {file!r}, expected Steps.NAME.PropertyFiles.FILE"
            raise ExpressionError(msg)


def _is_named(item: object, name: str) -> bool:
    return isinstance(item, Mapping) and any(key.endswith("Name") and item[key] == name for key in item)


def _as_text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            msg = f"a {type(value).__name__} is to be joined, expected a text or a number"
            raise ExpressionError(msg)
