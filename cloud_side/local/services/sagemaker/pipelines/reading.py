"""Reads the steps of a pipeline's definition."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cloud_side.local.services.sagemaker.pipelines.conditions import Condition, ConditionError, parse_condition
from cloud_side.local.services.sagemaker.pipelines.expressions import OfFile, OfStep, expressions_within
from cloud_side.local.services.sagemaker.pipelines.steps import (
    Branch,
    ExceptionType,
    PropertyFile,
    RetryPolicy,
    Step,
    StepKind,
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALL = frozenset(("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description"))
_MEMBERS: Mapping[StepKind, frozenset[str]] = {
    StepKind.PROCESSING: _ALL | {"PropertyFiles", "RetryPolicies", "CacheConfig"},
    StepKind.TRAINING: _ALL | {"RetryPolicies", "CacheConfig"},
    StepKind.CONDITION: _ALL,
    StepKind.FAIL: _ALL,
}
_BRANCHES = {"IfSteps": True, "ElseSteps": False}
# Least and most of each number of a retry policy; AWS says no most for the rate.
_INTEGERS = {"IntervalSeconds": (1, 43_200), "MaxAttempts": (0, 20), "ExpireAfterMin": (0, 14_400)}
_RETRY = {**_INTEGERS, "BackoffRate": (1, 100)}


@dataclass(frozen=True)
class Problems:
    """What is wrong with a definition.

    Attributes:
        found: All of it.
        where: What is said before each problem.
    """

    found: list[str]
    where: str = ""

    def add(self, text: str) -> None:
        """Keep one."""
        self.found.append(f"{self.where}{text}")

    def of(self, step: str) -> "Problems":
        """Return where those of a step are kept."""
        return Problems(self.found, f"step {step}: ")


def read_steps(found: Any, place: str, problems: Problems, branch: Branch | None = None) -> Iterator[Step]:  # noqa: ANN401
    """Yield the steps of a list, each followed by those in its branches; what is wrong with others is a problem.

    Args:
        found: Any JSON.
        place: Where the list is.
        problems: Gets what is wrong.
        branch: In which the list is.
    """
    if not isinstance(found, list) or (branch is None and not found):
        problems.add(f"{place} is {found!r}, expected a list of steps")
        return
    known = [kind for kind in StepKind if branch is None or kind is not StepKind.CONDITION]
    for number, each in enumerate(found):
        name = each.get("Name") if isinstance(each, Mapping) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            problems.add(f"{place}[{number}]: Name is {name!r}, expected 1 to 64 letters, digits, _ or -")
        elif each.get("Type") not in known:
            problems.of(name).add(f"Type is {each.get('Type')!r}, expected one of {', '.join(known)}")
        elif not isinstance(each.get("Arguments"), Mapping):
            problems.of(name).add(f"Arguments is {each.get('Arguments')!r}, expected an object")
        else:
            yield from _read(each, replace(_described(each, problems.of(name)), branch=branch), problems.of(name))


def _described(found: Mapping[str, Any], problems: Problems) -> Step:
    kind, arguments = StepKind(found["Type"]), found["Arguments"]
    if unknown := sorted(found.keys() - _MEMBERS[kind]):
        problems.add(f"has {', '.join(unknown)}, expected {', '.join(sorted(_MEMBERS[kind]))}")
    caching = found.get("CacheConfig", {"Enabled": False})
    if caching != {"Enabled": False}:
        problems.add(f"CacheConfig is {caching!r}, expected none: this engine does every step again")
    for member in ("DisplayName", "Description"):
        if not isinstance(found.get(member, ""), str):
            problems.add(f"{member} is {found[member]!r}, expected a text")
    before = found.get("DependsOn", [])
    if not isinstance(before, list) or not all(isinstance(name, str) for name in before):
        problems.add(f"DependsOn is {before!r}, expected a list of names of steps")
        before = []
    own = {key: value for key, value in arguments.items() if kind is not StepKind.CONDITION or key not in _BRANCHES}
    return Step(
        name=found["Name"],
        kind=kind,
        arguments=own,
        depends_on=frozenset(before) | _used(own),
        display_name=found.get("DisplayName"),
        description=found.get("Description"),
    )


def _used(arguments: Mapping[str, Any]) -> frozenset[str]:
    found = (expression for _, expression in expressions_within(arguments))
    return frozenset(each.step for each in found if isinstance(each, OfStep | OfFile))


def _read(found: Mapping[str, Any], step: Step, problems: Problems) -> Iterator[Step]:
    arguments = found["Arguments"]
    match step.kind:
        case StepKind.CONDITION:
            if unknown := sorted(arguments.keys() - {"Conditions", *_BRANCHES}):
                problems.add(f"Arguments has {', '.join(unknown)}, expected Conditions, IfSteps and ElseSteps")
            yield replace(step, conditions=tuple(_conditions(arguments.get("Conditions"), problems)))
            for member, outcome in _BRANCHES.items():
                inner = arguments.get(member, [])
                yield from read_steps(inner, f"Arguments.{member}", problems, Branch(step.name, outcome))
        case StepKind.FAIL:
            if arguments.keys() != {"ErrorMessage"}:
                has = ", ".join(sorted(arguments)) or "nothing"
                problems.add(f"Arguments has {has}, expected ErrorMessage and nothing else")
            yield step
        case StepKind.PROCESSING | StepKind.TRAINING:
            files = tuple(_property_files(found.get("PropertyFiles", []), step, problems))
            retries = tuple(_retries(found.get("RetryPolicies", []), problems))
            yield replace(step, property_files=files, retries=retries)


def _conditions(found: Any, problems: Problems) -> Iterator[Condition]:  # noqa: ANN401 - any JSON
    if not isinstance(found, list) or not found:
        problems.add(f"Arguments.Conditions is {found!r}, expected a list of conditions")
        return
    for number, each in enumerate(found):
        try:
            yield parse_condition(each)
        except ConditionError as error:
            problems.add(f"Arguments.Conditions[{number}]: {error}")


def _property_files(found: Any, step: Step, problems: Problems) -> Iterator[PropertyFile]:  # noqa: ANN401
    for number, each in enumerate(found if isinstance(found, list) else [found]):
        match each:
            case {"PropertyFileName": str(name), "OutputName": str(output), "FilePath": str(path), **rest} if not rest:
                if step.output_uri(step.arguments, output) is None:
                    problems.add(f"PropertyFiles[{number}]: OutputName is {output!r}, expected one of its outputs")
                yield PropertyFile(name, output, path)
            case _:
                expected = "PropertyFileName, OutputName and FilePath"
                problems.add(f"PropertyFiles[{number}] is {each!r}, expected {expected}")


def _retries(found: Any, problems: Problems) -> Iterator[RetryPolicy]:  # noqa: ANN401 - any JSON
    for number, each in enumerate(found if isinstance(found, list) else [found]):
        place = f"RetryPolicies[{number}]"
        kinds = each.get("ExceptionType") if isinstance(each, Mapping) else None
        if not isinstance(kinds, list) or not kinds or not all(kind in list(ExceptionType) for kind in kinds):
            problems.add(f"{place}: ExceptionType is {kinds!r}, expected a list of {', '.join(ExceptionType)}")
            continue
        numbers = {key: value for key, value in each.items() if key != "ExceptionType"}
        if wrong := [problem for key, value in numbers.items() if (problem := _number_problem(key, value)) is not None]:
            problems.add(f"{place}: {'; '.join(wrong)}")
            continue
        expires = numbers.get("ExpireAfterMin")
        if expires is not None and "MaxAttempts" in numbers:
            problems.add(f"{place} has MaxAttempts and ExpireAfterMin, expected one of them")
        yield RetryPolicy(
            exceptions=tuple(map(ExceptionType, kinds)),
            interval_s=numbers.get("IntervalSeconds", 1),
            backoff=numbers.get("BackoffRate", 2.0),
            attempts=numbers.get("MaxAttempts", 5) if expires is None else None,
            expires_s=None if expires is None else expires * 60,
        )


def _number_problem(name: str, value: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Return why a number of a retry policy is none."""
    if name not in _RETRY:
        return f"has {name}, expected ExceptionType, {', '.join(_RETRY)}"
    least, most = _RETRY[name]
    is_number = isinstance(value, int) or (name not in _INTEGERS and isinstance(value, float))
    if is_number and not isinstance(value, bool) and least <= value <= most:
        return None
    return f"{name} is {value!r}, expected {'an integer' if name in _INTEGERS else 'a number'} from {least} to {most}"
