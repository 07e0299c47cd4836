"""Arguments of definitions as requests of boto3, and its answers as results."""

import io
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import OperationModel, StructureShape
from botocore.response import StreamingBody
from botocore.validate import ParamValidator

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.arguments import UnfitArgumentsError, parameters_of
from cloud_side.local.states.integrations.results import result_of
from cloud_side.local.states.integrations.spelling import Spelling
from tests.cloud.local.states.integrations.documents import draw, model

SERVICES = (
    "events",
    "greengrassv2",
    "iot",
    "iot-data",
    "lambda",
    "s3",
    "sagemaker",
    "sagemaker-featurestore-runtime",
    "scheduler",
    "sns",
    "stepfunctions",
)


def operation(service: str, name: str) -> OperationModel:
    return model(service).operation_model(name)


def _goes_there_and_back(shape: StructureShape, seed: str) -> None:
    """Hold a value against its shape, as a document and as what boto3 takes."""
    value = draw(shape, random.Random(seed))
    document = result_of(value, shape, Spelling.SDK, "aws-sdk")
    assert all(spelled[0].isupper() for spelled in document)
    back = parameters_of(json.loads(json.dumps(document)), shape, Spelling.SDK)
    assert not (report := ParamValidator().validate(back, shape)).has_errors(), report.generate_report()
    assert _without_body(back, shape) == _without_body(value, shape)


def _without_body(value: dict[str, Any], shape: StructureShape) -> dict[str, Any]:
    """The body of a request is JSON of a text, that of an answer the text."""
    return {name: inner for name, inner in value.items() if name != shape.serialization.get("payload")}


def _has_events(shape: StructureShape) -> bool:
    return any(getattr(member, "eventstream", False) for member in shape.members.values())


def test_what_fits_a_request_is_the_same_after_it_was_spelled_as_in_definitions() -> None:
    held = 0
    for service in ("greengrassv2", "s3", "stepfunctions"):
        for name in model(service).operation_names:
            if (shape := operation(service, name).input_shape) is not None:
                _goes_there_and_back(shape, name)
                held += 1
    assert held > 150


@pytest.mark.nightly
@pytest.mark.parametrize("service", SERVICES)
def test_many_that_fit_a_request_or_an_answer_are_the_same_after_they_were_spelled(service: str) -> None:
    for name in model(service).operation_names:
        for shape in (operation(service, name).input_shape, operation(service, name).output_shape):
            if shape is not None and not _has_events(shape):
                for seed in range(30):
                    _goes_there_and_back(shape, f"{name}{seed}")


def test_members_that_an_api_begins_in_lower_case_are_written_with_a_capital_letter() -> None:
    arguments = {
        "TargetArn": "arn:aws:iot:eu-central-1:000000000000:thinggroup/canary",
        "Components": {"com.edgeinspector.Model": {"ComponentVersion": "1.2.3"}},
        "DeploymentPolicies": {"ComponentUpdatePolicy": {"TimeoutInSeconds": 60.0}},
        "Tags": {"mixed-Key": "value"},
        "ParentTargetArn": None,
    }
    assert parameters_of(arguments, operation("greengrassv2", "CreateDeployment").input_shape, Spelling.SDK) == {
        "targetArn": "arn:aws:iot:eu-central-1:000000000000:thinggroup/canary",
        "components": {"com.edgeinspector.Model": {"componentVersion": "1.2.3"}},
        "deploymentPolicies": {"componentUpdatePolicy": {"timeoutInSeconds": 60}},
        "tags": {"mixed-Key": "value"},
    }


def test_instants_are_iso_8601_bytes_base64_and_json_is_text_where_text_is_wanted() -> None:
    arguments = {"StartDate": "2026-09-23T22:15:03Z", "Input": {"a": [1, "é"]}, "Name": "n"}
    shape = operation("scheduler", "CreateSchedule").input_shape
    given = parameters_of({"StartDate": arguments["StartDate"]}, shape, Spelling.SDK)
    assert given == {"StartDate": datetime(2026, 9, 23, 22, 15, 3, tzinfo=UTC)}
    assert parameters_of(
        {"Input": arguments["Input"]}, operation("stepfunctions", "StartExecution").input_shape, Spelling.SDK
    ) == {"input": '{"a":[1,"é"]}'}
    assert parameters_of(
        {"Code": {"ZipFile": "AP9BQgo="}}, operation("lambda", "CreateFunction").input_shape, Spelling.SDK
    ) == {"Code": {"ZipFile": b"\x00\xffAB\n"}}


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ("text data", b'"text data"'),
        ({"Dict": "Value"}, b'{"Dict":"Value"}'),
        (["List", "Data"], b'["List","Data"]'),
        (False, b"false"),
        ("AP9BQgo=", b'"AP9BQgo="'),
    ],
)
def test_the_body_of_an_object_is_json_a_text_with_its_quotes(body: Any, stored: bytes) -> None:
    """What AWS stored was recorded there: see the sources in `arguments`."""
    given = parameters_of({"Body": body}, operation("s3", "PutObject").input_shape, Spelling.SDK)
    assert given == {"Body": stored}


def test_a_payload_that_is_no_stream_keeps_a_text_as_it_is() -> None:
    shape = operation("lambda", "Invoke").input_shape
    assert parameters_of({"Payload": '{"a": 7}'}, shape, Spelling.SDK) == {"Payload": b'{"a": 7}'}
    assert parameters_of({"Payload": {"a": 7}}, shape, Spelling.SDK) == {"Payload": b'{"a":7}'}
    assert parameters_of({"Payload": None}, shape, Spelling.SDK) == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"Bogus": 1}, 'The field "Bogus" is not supported by Step Functions'),
        ({"contentType": "a"}, "Did you mean 'ContentType'?"),
        ({"Bucket": 123}, 'the field "Bucket" is 123, expected a string'),
        ({"ContentLength": 1.5}, 'the field "ContentLength" is 1.5, expected a whole number'),
        ({"ContentLength": True}, 'the field "ContentLength" is true, expected a whole number'),
        ({"BucketKeyEnabled": "yes"}, 'the field "BucketKeyEnabled" is "yes", expected a boolean'),
        ({"Metadata": []}, 'the field "Metadata" is [], expected an object'),
        ({"Expires": "tomorrow"}, 'the field "Expires" is "tomorrow", expected an instant in ISO 8601'),
        ({"Bucket": 1, "Key": 2}, 'the field "Key" is 2'),
        (["Bucket"], 'the arguments is ["Bucket"], expected an object'),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_every_problem(arguments: Any, told: str) -> None:
    with pytest.raises(UnfitArgumentsError) as refused:
        parameters_of(arguments, operation("s3", "PutObject").input_shape, Spelling.SDK)
    assert told in str(refused.value)


def test_instants_of_results_are_iso_8601_or_milliseconds_in_optimized_ones() -> None:
    shape = operation("stepfunctions", "StartExecution").output_shape
    answer = {"executionArn": "arn", "startDate": datetime(2026, 9, 23, 22, 15, 3, 155000, tzinfo=UTC)}
    assert result_of(answer, shape, Spelling.SDK, "aws-sdk:sfn") == {
        "ExecutionArn": "arn",
        "StartDate": "2026-09-23T22:15:03.155Z",
    }
    assert result_of(answer, shape, Spelling.OPTIMIZED, "states")["StartDate"] == 1790201703155


def test_a_stream_is_text_and_closed() -> None:
    raw = io.BytesIO("hello π".encode() + b"\xff")
    answer = {"Body": StreamingBody(raw, None), "Metadata": {}, "ContentLength": 8, "ResponseMetadata": {}}
    result = result_of(answer, operation("s3", "GetObject").output_shape, Spelling.SDK, "aws-sdk:s3")
    assert result == {"Body": "hello π�", "Metadata": {}, "ContentLength": 8}
    assert raw.closed


def test_a_result_of_more_than_256_kib_fails_the_state() -> None:
    body = StreamingBody(io.BytesIO(b"x" * 262_145), None)
    with pytest.raises(StateFailure) as failed:
        result_of({"Body": body}, operation("s3", "GetObject").output_shape, Spelling.SDK, "aws-sdk:s3")
    assert failed.value.error == "States.DataLimitExceeded"
    assert failed.value.cause.startswith("The state/task 'aws-sdk:s3' returned a result with a size exceeding")
    many = {"Contents": [{"Key": "k" * 1000}] * 300}
    with pytest.raises(StateFailure, match="DataLimitExceeded"):
        result_of(many, operation("s3", "ListObjectsV2").output_shape, Spelling.SDK, "aws-sdk:s3")
