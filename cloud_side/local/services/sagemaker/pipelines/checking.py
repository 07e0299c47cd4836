"""Holds a definition against botocore's model of SageMaker: the arguments of its jobs, and what is used of them."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.services.sagemaker.pipelines.definition import (
    DefinitionError,
    PipelineDefinition,
    examine_definition,
)
from cloud_side.local.services.sagemaker.pipelines.expressions import (
    Expression,
    ExpressionError,
    Joined,
    OfExecution,
    OfParameter,
    OfStep,
    Path,
    at_path,
    expression_in,
    expressions_within,
    written,
)
from cloud_side.local.services.sagemaker.pipelines.parameters import ParameterType
from cloud_side.local.services.sagemaker.pipelines.steps import Step

_TEXT = "s3://placeholder/placeholder-placeholder"  # as long as the shortest ARN may be
_SAMPLES: Mapping[str, Any] = {"string": _TEXT, "integer": 1, "long": 1, "float": 1.0, "double": 1.0, "boolean": True}
_OF_TYPE: Mapping[ParameterType, Any] = {
    ParameterType.STRING: _TEXT,
    ParameterType.INTEGER: 1,
    ParameterType.FLOAT: 1.0,
    ParameterType.BOOLEAN: True,
}
_LISTS = (("ProcessingOutputConfig", "Outputs"), ("ProcessingInputs",), ("InputDataConfig",))


def parse_definition(text: str) -> PipelineDefinition:
    """Return what a text defines, if everything in it can be executed.

    Each expression is replaced by a value of its type; so filled in, the arguments of a step have to be what the Create
    operation of its job takes.

    Raises:
        DefinitionError: If something is wrong, with all problems, each naming the step and the field.
    """
    definition, problems = examine_definition(text)
    problems += [problem for step in definition.steps.values() for problem in _problems(definition, step)]
    if problems:
        raise DefinitionError(problems)
    return definition


def argument_problems(kind: JobKind, arguments: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the arguments of a job without its name; none where nothing is."""
    given = {**arguments, f"{kind.word}Name": "placeholder"}
    report = ParamValidator().validate(given, _operation(f"Create{kind.word}").input_shape)
    return [line for line in str(report.generate_report()).splitlines() if line]


def _problems(definition: PipelineDefinition, step: Step) -> Iterator[str]:
    for place, expression in expressions_within(step.arguments):
        if isinstance(expression, OfStep) and expression.step in definition.steps:
            problem = _of_step(definition.steps[expression.step], expression.path)
            if problem is not None:
                yield f"step {step.name}: {place}: step {expression.step}: {problem}"
    if (kind := step.kind.job) is None:
        return
    name = f"{kind.word}Name"
    if name in step.arguments:
        yield f"step {step.name}: Arguments has {name}, expected none: executions name their jobs"
    filled = _filled(step.arguments, _operation(f"Create{kind.word}").input_shape, definition)
    for problem in argument_problems(kind, filled):
        yield f"step {step.name}: Arguments: {problem}"


def _of_step(step: Step, path: Path) -> str | None:
    """Return why a property of a step is none."""
    if (kind := step.kind.job) is None:
        return None  # it was looked at when the definition was read
    if _shape_at(_operation(f"Describe{kind.word}").output_shape, path) is None:
        return f"found {written(path)}, expected what Describe{kind.word} tells"
    for place in _LISTS:
        if path[: len(place)] == place and len(path) > len(place):
            return _of_item(step, path[: len(place) + 1])
    return None


def _of_item(step: Step, path: Path) -> str | None:
    try:
        at_path(step.arguments, path)
    except ExpressionError:
        return f"found {written(path)}, expected one of those in its Arguments"
    return None


def _filled(value: Any, shape: Shape | None, definition: PipelineDefinition) -> Any:  # noqa: ANN401 - any JSON
    """Return a value with one of the right type in place of each expression."""
    try:
        expression = expression_in(value)
    except ExpressionError:  # it is told of elsewhere
        return _of_shape(shape)
    if expression is not None:
        return _sample(expression, shape, definition)
    match value:
        case Mapping():
            return {key: _filled(each, _shape_at(shape, (key,)), definition) for key, each in value.items()}
        case list():
            return [_filled(each, _shape_at(shape, (0,)), definition) for each in value]
        case _:
            return value


def _sample(expression: Expression, shape: Shape | None, definition: PipelineDefinition) -> Any:  # noqa: ANN401
    match expression:
        case OfParameter(name) if (parameter := definition.parameter(name)) is not None:
            return _OF_TYPE[parameter.type] if parameter.default is None else parameter.default
        case OfExecution() | Joined():
            return _TEXT
        case OfStep(step, path) if step in definition.steps and (kind := definition.steps[step].kind.job) is not None:
            return _of_shape(_shape_at(_operation(f"Describe{kind.word}").output_shape, path))
        case OfStep(step, _) if step in definition.steps:
            return _TEXT
        case _:  # nobody knows what will be in a file; what is not there is told of elsewhere
            return _of_shape(shape)


def _of_shape(shape: Shape | None) -> Any:  # noqa: ANN401 - any JSON
    return _TEXT if shape is None else _SAMPLES.get(shape.type_name, _TEXT)


def _shape_at(shape: Shape | None, path: Path) -> Shape | None:
    for step in path:
        match shape:
            case StructureShape() if step in shape.members:
                shape = shape.members[step]
            case ListShape():
                shape = shape.member
            case MapShape() if isinstance(step, str):
                shape = shape.value
            case _:
                return None
    return shape


def _operation(name: str) -> OperationModel:
    return _model().operation_model(name)


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")
