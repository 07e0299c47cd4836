"""What a pipeline's definition may say, and what is said of one that cannot be executed."""

import json
from typing import Any

import pytest

from cloud_side.local.services.sagemaker.pipelines.checking import parse_definition
from cloud_side.local.services.sagemaker.pipelines.conditions import ConditionError, holds, parse_condition
from cloud_side.local.services.sagemaker.pipelines.definition import DefinitionError
from cloud_side.local.services.sagemaker.pipelines.expressions import (
    VARIABLES,
    ExpressionError,
    at_path,
    evaluated,
    parse_path,
)
from cloud_side.local.services.sagemaker.pipelines.parameters import ParameterError, given_values
from cloud_side.local.services.sagemaker.pipelines.steps import Branch
from tests.cloud.local.services.sagemaker.piped import (
    OUTPUT,
    check,
    definition,
    equals,
    fail,
    get,
    in_file,
    join,
    processing,
    report,
    training,
)


def problems(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(text)
    return list(caught.value.problems)


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else "x"


def retried(**policy: Any) -> dict[str, Any]:
    return processing("A", RetryPolicies=[{"ExceptionType": ["SageMaker.CAPACITY_ERROR"], **policy}])


def test_a_step_depends_on_those_it_names_and_those_it_has_values_of() -> None:
    found = parse_definition(
        definition(
            processing("Prepare", writes="made", PropertyFiles=report()),
            training("Train", InputDataConfig=[{**_channel(), "ChannelName": "train"}]),
            processing("Notify", DependsOn=["Prepare"]),
            check("Gate", equals(in_file("Prepare", "passed"), "yes"), then=[processing("Register")]),
        )
    )
    assert {name: set(step.depends_on) for name, step in found.steps.items()} == {
        "Prepare": set(),
        "Train": {"Prepare"},
        "Notify": {"Prepare"},
        "Gate": {"Prepare"},
        "Register": set(),
    }
    assert found.steps["Register"].branch == Branch("Gate", outcome=True)


def _channel() -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": join(get(f"Steps.Prepare.{OUTPUT}"), "train")}
    return {"DataSource": {"S3DataSource": source}}


def test_all_problems_of_a_definition_are_told_at_once_with_step_and_field() -> None:
    text = definition(
        processing("Prepare", DependsOn=["Nobody"]),
        processing("Prepare"),
        {"Name": "Call", "Type": "Lambda", "Arguments": {}},
        processing("Read", reads=get(f"Steps.Prepare.{OUTPUT}")),
        processing("Size", Arguments={"RoleArn": get("Parameters.Role"), "AppSpecification": {}}),
        fail("Bad", get("Execution.Weather")),
        parameters=[{"Name": "Count", "Type": "Integer", "DefaultValue": "many"}],
    )
    no_output = "found ProcessingOutputConfig.Outputs.made, expected one of those in its Arguments"
    assert problems(text) == [
        "step Prepare: is there twice, expected once",
        "step Call: Type is 'Lambda', expected one of Processing, Training, Condition, Fail",
        "parameter Count: DefaultValue is 'many', expected a value of type Integer",
        "step Size: RoleArn: found parameter Role, expected one of none",
        f"step Bad: ErrorMessage: found 'Execution.Weather', expected Execution. and one of {', '.join(VARIABLES)}",
        f"step Read: ProcessingInputs[0].S3Input.S3Uri: step Prepare: {no_output}",
        'step Size: Arguments: Missing required parameter in AppSpecification: "ImageUri"',
    ]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([processing("A", DependsOn=["B"]), processing("B", DependsOn=["A"])], "steps wait for each other: "),
        ([processing("A", DependsOn=["Nobody"])], "step A: depends on Nobody, expected one of A"),
        (
            [check("A", equals(get("Steps.B.ProcessingJobArn"), "x"), then=[processing("B")])],
            "steps wait for each other",
        ),
        ([processing("A", Retry=[])], "step A: has Retry, expected Arguments, CacheConfig, "),
        ([processing("A", CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})], "step A: CacheConfig is "),
        ([processing("A", PropertyFiles=report())], "step A: PropertyFiles[0]: OutputName is 'made'"),
        ([processing("A"), fail("B", in_file("A", "x"))], "step B: ErrorMessage: found property file Report of step A"),
        (
            [processing("A"), fail("B", get("Steps.A.Colour"))],
            "step B: ErrorMessage: step A: found Colour, expected wh",
        ),
        ([fail("A", "x"), fail("B", get("Steps.A.Said"))], "step B: ErrorMessage: step A is a Fail, which has no prop"),
        ([fail("A", {"Std:Split": {}})], "step A: ErrorMessage: found Std:Split, expected Std:Join or Std:JsonGet"),
        ([fail("A", {"Std:Join": {"Values": "x"}})], "step A: ErrorMessage: Std:Join has {'Values': 'x'}, expected On"),
        ([{"Name": "A", "Type": "Fail", "Arguments": {"Error": "x"}}], "step A: Arguments has Error, expected Error"),
        ([{"Name": "a b", "Type": "Fail", "Arguments": {}}], "Steps[0]: Name is 'a b', expected 1 to 64 letters"),
        ([check("A", {"Type": "Like"}, then=[])], "step A: Arguments.Conditions[0]: found condition 'Like', expected "),
        ([check("A", {"Type": "In"}, then=[])], "a condition In has nothing else, expected QueryValue and Values"),
        (
            [check("A", {"Type": "Or", "Conditions": []}, then=[])],
            "Or has Conditions, expected Conditions, a list with",
        ),
        ([check("A", equals(1, 1), then=[{"Name": ""}])], "Arguments.IfSteps[0]: Name is ''"),
        (
            [check("A", equals(1, 1), then=[check("B", equals(1, 1), then=[])])],
            "step B: Type is 'Condition', expected one of Processing, Training, Fail",
        ),
        ([processing("A", DisplayName=5)], "step A: DisplayName is 5, expected a text"),
        (
            [processing("A", RetryPolicies=[{"ExceptionType": ["Bad luck"]}])],
            "step A: RetryPolicies[0]: ExceptionType is ['Bad luck'], expected a list of Step.SERVICE_FAULT",
        ),
        (
            [retried(ExceptionType=[[]])],
            "step A: RetryPolicies[0]: ExceptionType is [[]], expected a list of Step.SERV",
        ),
        ([retried(MaxAttempts=2.5)], "step A: RetryPolicies[0]: MaxAttempts is 2.5, expected an integer from 0 to 20"),
        ([retried(BackoffRate=0.5)], "step A: RetryPolicies[0]: BackoffRate is 0.5, expected a number from 1 to 100"),
        ([retried(Pause=1)], "step A: RetryPolicies[0]: has Pause, expected ExceptionType, IntervalSeconds, "),
        (
            [retried(MaxAttempts=2, ExpireAfterMin=5)],
            "step A: RetryPolicies[0] has MaxAttempts and ExpireAfterMin, expected one of them",
        ),
        (
            [processing("A", Arguments={"ProcessingJobName": "a"})],
            "step A: Arguments has ProcessingJobName, expected none: executions name their jobs",
        ),
        (
            [processing("A", Arguments={"StoppingCondition": {"MaxRuntimeInSeconds": get("Execution.PipelineName")}})],
            "step A: Arguments: Invalid type for parameter StoppingCondition.MaxRuntimeInSeconds",
        ),
        ([], "Steps is [], expected a list of steps"),
    ],
)
def test_a_definition_that_cannot_be_executed_is_refused(steps: list[dict[str, Any]], said: str) -> None:
    assert said in "\n".join(problems(definition(*steps)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the definition cannot be read: Expecting property name"),
        ('{"Version": NaN}', "the definition cannot be read: Out of range float values are not JSON compliant"),
        ('{"Version": 1e999}', "the definition cannot be read: Out of range float values"),
        ('{"Version": "\\ud800"}', "the definition cannot be read: 'utf-8' codec can't encode character"),
        (definition(fail("A", deep(99))), "the definition cannot be read: found deeper nesting, expected 100 levels"),
        (f"{'[' * 100_000}{']' * 100_000}", "the definition cannot be read: found deeper nesting"),
        ("[]", "the definition is a list, expected an object"),
        ('{"Version": "1", "Steps": [], "Pipes": 1}', "Version is '1', expected '2020-12-01'"),
        ('{"Version": "1", "Steps": [], "Pipes": 1}', "the definition has Pipes, expected Metadata, Parameters"),
        ('{"Version": "2020-12-01", "Parameters": 1, "Steps": []}', "Parameters is 1, expected a list"),
        ('{"Version": "1", "Parameters": [{"Name": "a.b"}]}', "Parameters[0]: Name is 'a.b', expected 1 to 64 letters"),
    ],
)
def test_a_text_that_is_no_definition_is_refused(text: str, said: str) -> None:
    assert said in "\n".join(problems(text))


def test_a_value_of_a_file_may_stand_for_any_type_and_a_default_for_its_own() -> None:
    size = {"InstanceType": get("Parameters.Type"), "InstanceCount": 1, "VolumeSizeInGB": in_file("A", "gigabytes")}
    step = processing("B", Arguments={"ProcessingResources": {"ClusterConfig": size}})
    parameters = [{"Name": "Type", "Type": "String", "DefaultValue": "ml.m5.large"}]
    parse_definition(definition(processing("A", writes="made", PropertyFiles=report()), step, parameters=parameters))


def test_parameters_are_read_by_their_types_and_checked_against_their_choices() -> None:
    declared = parse_definition(
        definition(
            processing("A"),
            parameters=[
                {"Name": "size", "Type": "String", "EnumValues": ["nano", "small"], "DefaultValue": "nano"},
                {"Name": "count", "Type": "Integer"},
                {"Name": "rate", "Type": "Float", "DefaultValue": 1},
                {"Name": "folds", "Type": "Boolean", "DefaultValue": False},
            ],
        )
    ).parameters
    assert given_values(declared, _given(count="2", folds="true")) == {
        "size": "nano",
        "count": 2,
        "rate": 1,
        "folds": True,
    }
    with pytest.raises(ParameterError) as caught:
        given_values(declared, _given(size="huge", rate="fast", folds="maybe", colour="red"))
    assert str(caught.value).split("; ") == [
        "parameter colour: is not declared, expected count, folds, rate, size",
        "parameter count: is not given and has no default",
        "parameter folds: found 'maybe', expected a value of type Boolean",
        "parameter rate: found 'fast', expected a value of type Float",
        "parameter size: found 'huge', expected one of nano, small",
    ]
    for name, text in (("rate", "nan"), ("rate", "1e999"), ("size", "\ud800")):
        with pytest.raises(ParameterError, match=f"^parameter {name}: found .*, expected a value of type"):
            given_values(declared, _given(**{"count": "1", name: text}))


def _given(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (equals(1, 1.0), True),
        (equals(1, right=True), False),
        (equals("1", 1), False),
        ({"Type": "GreaterThan", "LeftValue": 2, "RightValue": 1.5}, True),
        ({"Type": "GreaterThan", "LeftValue": 2, "RightValue": 2}, False),
        ({"Type": "GreaterThanOrEqualTo", "LeftValue": 2, "RightValue": 2}, True),
        ({"Type": "LessThan", "LeftValue": "2026-01-01", "RightValue": "2026-01-02"}, True),
        ({"Type": "LessThan", "LeftValue": 2, "RightValue": 2}, False),
        ({"Type": "LessThanOrEqualTo", "LeftValue": 2, "RightValue": 2}, True),
        ({"Type": "In", "QueryValue": "a", "Values": ["a", "b"]}, True),
        ({"Type": "In", "QueryValue": 1, "Values": [True]}, False),
        ({"Type": "Not", "Condition": equals(1, 1)}, False),
        ({"Type": "Or", "Conditions": [equals(1, 2), equals(2, 2)]}, True),
        ({"Type": "Or", "Conditions": [equals(1, 2)]}, False),
    ],
)
def test_a_condition_holds_or_not(condition: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert holds([parse_condition(condition)], lambda value: value) is expected


def test_all_conditions_have_to_hold_and_each_has_to_be_decidable() -> None:
    yes, no = parse_condition(equals(1, 1)), parse_condition(equals(1, 2))
    strange = parse_condition({"Type": "LessThan", "LeftValue": 1, "RightValue": "2"})
    assert holds([yes, yes], lambda value: value)
    assert not holds([yes, no], lambda value: value)
    with pytest.raises(ConditionError, match="LessThan: 1 and '2' cannot be compared, expected two numbers or two tex"):
        holds([no, strange], lambda value: value)


def test_a_path_goes_through_objects_and_lists_by_number_and_by_name() -> None:
    value = {"a": [{"b.c": 1}, {"OutputName": "data", "S3Output": {"S3Uri": "s3://x"}}]}
    assert at_path(value, parse_path("a[0]['b.c']")) == 1
    assert at_path(value, parse_path('a["data"].S3Output.S3Uri')) == "s3://x"
    for path, missing in (("a[2]", r"a\[2\]"), ("a[0].x", r"a\[0\]\.x"), ("a.label", r"a\.label")):
        with pytest.raises(ExpressionError, match=f"^nothing is at {missing}$"):
            at_path(value, parse_path(path))
    for text in ("", "a.", "a[b]", "a b"):
        with pytest.raises(ExpressionError, match="expected one like"):
            parse_path(text)


def test_a_join_writes_numbers_and_truth_as_text_and_nothing_else() -> None:
    assert evaluated(json.loads(json.dumps(join("a", 1, 2.5, join(*[True], on="")))), str) == "a/1/2.5/true"
    with pytest.raises(ExpressionError, match="a list is to be joined"):
        evaluated(join([1]), str)
