"""A pipeline's definition, version 2020-12-01: read into values, with all that is wrong with it reported at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from cloud_side.local.services.sagemaker.pipelines.documents import read_json
from cloud_side.local.services.sagemaker.pipelines.expressions import (
    ExpressionError,
    OfFile,
    OfParameter,
    OfStep,
    expressions_within,
)
from cloud_side.local.services.sagemaker.pipelines.parameters import Parameter, parse_parameters
from cloud_side.local.services.sagemaker.pipelines.reading import Problems, read_steps
from cloud_side.local.services.sagemaker.pipelines.steps import Step, StepKind

VERSION = "2020-12-01"
_MEMBERS = frozenset(("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"))


class DefinitionError(ValueError):
    """A definition that cannot be executed.

    Attributes:
        problems: Each names the step and the field.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class PipelineDefinition:
    """A pipeline's definition.

    Attributes:
        steps: All of them by name, those in branches too, in the order in which they are written.
    """

    parameters: tuple[Parameter, ...]
    steps: Mapping[str, Step]

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of a name; None if it declares none."""
        return next((each for each in self.parameters if each.name == name), None)


def read_definition(text: str) -> PipelineDefinition:
    """Return what a text defines; the arguments of jobs are not looked at but for their expressions.

    Raises:
        DefinitionError: If it is no definition, with all problems.
    """
    definition, problems = examine_definition(text)
    if problems:
        raise DefinitionError(problems)
    return definition


def examine_definition(text: str) -> tuple[PipelineDefinition, list[str]]:
    """Return as much of a definition as can be read, and what is wrong with the rest.

    Raises:
        DefinitionError: If it is no JSON object.

    Source:
        SageMaker AI Developer Guide, "Pipelines overview"; the JSON schema of pipeline definitions, 2020-12-01.
    """
    try:
        found = read_json(text)
    except ValueError as error:
        msg = f"the definition cannot be read: {error}; expected JSON"
        raise DefinitionError([msg]) from error
    if not isinstance(found, dict):
        msg = f"the definition is a {type(found).__name__}, expected an object"
        raise DefinitionError([msg])
    problems = Problems([])
    definition = _parsed(found, problems)
    problems.found.extend(_references(definition))
    if not problems.found:
        problems.found.extend(_cycles(definition))
    return definition, problems.found


def waits_for(step: Step) -> frozenset[str]:
    """Return the names of all steps that come before one: those it depends on, and the condition of its branch."""
    return step.depends_on | ({step.branch.step} if step.branch is not None else frozenset())


def _parsed(found: Mapping[str, Any], problems: Problems) -> PipelineDefinition:
    if unknown := sorted(found.keys() - _MEMBERS):
        problems.add(f"the definition has {', '.join(unknown)}, expected {', '.join(sorted(_MEMBERS))}")
    if found.get("Version") != VERSION:
        problems.add(f"Version is {found.get('Version')!r}, expected {VERSION!r}")
    steps: dict[str, Step] = {}
    for step in read_steps(found.get("Steps"), "Steps", problems):
        if step.name in steps:
            problems.add(f"step {step.name}: is there twice, expected once")
        steps[step.name] = step
    return PipelineDefinition(parse_parameters(found.get("Parameters", []), problems.add), steps)


def _references(definition: PipelineDefinition) -> Iterator[str]:
    parameters = {each.name for each in definition.parameters}
    for step in definition.steps.values():
        for name in sorted(step.depends_on - definition.steps.keys()):
            yield f"step {step.name}: depends on {name}, expected one of {', '.join(definition.steps)}"
        for place, expression in expressions_within(step.arguments):
            problem = _problem(expression, definition.steps, parameters)
            if problem is not None:
                yield f"step {step.name}: {place}: {problem}"


def _problem(expression: object, steps: Mapping[str, Step], parameters: set[str]) -> str | None:
    match expression:
        case ExpressionError():
            return str(expression)
        case OfParameter(name) if name not in parameters:
            return f"found parameter {name}, expected one of {', '.join(sorted(parameters)) or 'none'}"
        case OfFile(step, file, _) if step in steps and steps[step].property_file(file) is None:
            known = ", ".join(each.name for each in steps[step].property_files) or "none"
            return f"found property file {file} of step {step}, expected one of {known}"
        case OfStep(step, path) if step in steps:
            return _of_step(steps[step], path)
        case _:  # a step that is not there is told of by what depends on it
            return None


def _of_step(step: Step, path: tuple[str | int, ...]) -> str | None:
    match step.kind:
        case StepKind.CONDITION if path != ("Outcome",):
            return f"step {step.name} is a Condition, expected its Outcome and nothing else"
        case StepKind.FAIL:
            return f"step {step.name} is a Fail, which has no properties"
        case _:
            return None


def _cycles(definition: PipelineDefinition) -> list[str]:
    try:
        TopologicalSorter({step.name: waits_for(step) for step in definition.steps.values()}).prepare()
    except CycleError as error:
        return [f"steps wait for each other: {' ← '.join(error.args[1])}"]
    return []
