"""What a Task state does: its call, its result, and the failures that definitions catch."""

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody
from moto import mock_aws

from cloud_side.local.home import REGION
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations import Clients, Integration, check, pause_s, start, stop
from cloud_side.local.states.store import Json
from cloud_side.local.wiring import RefusedRequest, Request, Service

STATES = "arn:aws:states:::"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def moto() -> Iterator[Clients]:
    with mock_aws():
        clients = Clients(boto3.Session(region_name=REGION))
        clients.of("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield clients


def done(resource: str, arguments: Json, clients: Clients) -> Json:
    return start(Integration.parse(resource), arguments, clients)


def failed(resource: str, arguments: Json, clients: Clients) -> StateFailure:
    with pytest.raises(StateFailure) as failure:
        done(resource, arguments, clients)
    return failure.value


def test_an_object_is_put_and_got_as_by_the_sdk_of_step_functions(moto: Clients) -> None:
    place = {"Bucket": "bucket", "Key": "k"}
    put = done(f"{STATES}aws-sdk:s3:putObject", {**place, "Body": {"a": "é"}, "ContentType": "application/json"}, moto)
    assert put["ETag"].startswith('"')
    assert "ResponseMetadata" not in put
    got = done(f"{STATES}aws-sdk:s3:getObject", place, moto)
    assert (got["Body"], got["ContentType"], got["Metadata"]) == ('{"a":"é"}', "application/json", {})
    assert got["LastModified"].endswith("Z")
    listed = done(f"{STATES}aws-sdk:s3:listObjectsV2", {"Bucket": "bucket"}, moto)
    assert [found["Key"] for found in listed["Contents"]] == ["k"]


def test_an_error_of_the_sdk_is_named_after_the_service_and_ends_in_exception(moto: Clients) -> None:
    place = {"Bucket": "bucket", "Key": "absent"}
    failure = failed(f"{STATES}aws-sdk:s3:getObject", place, moto)
    assert failure.error == "S3.NoSuchKeyException"
    assert failure.cause.startswith("The specified key does not exist. (Service: S3, Status Code: 404, Request ID: ")
    assert failure.cause.endswith("(SDK Attempt Count: 1)")
    assert failed(f"{STATES}aws-sdk:s3:headObject", place, moto).error == "S3.NoSuchKeyException"
    assert failed(f"{STATES}aws-sdk:s3:listObjectsV2", {"Bucket": "none"}, moto).error == "S3.NoSuchBucketException"
    missing = {"StateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:none"}
    assert failed(f"{STATES}aws-sdk:sfn:startExecution", missing, moto).error == "Sfn.StateMachineDoesNotExistException"


def test_an_error_that_the_model_does_not_name_is_the_services_own(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    def refuse(_: Request) -> Mapping[str, Any]:
        code = "ThrottlingException"
        raise RefusedRequest(code, "slow down", status=400)

    clients = Clients(
        open_services([Service("sagemaker", reads={"CreateTrainingJob": refuse, "ListModels": refuse})])[0]
    )
    failure = failed(f"{STATES}aws-sdk:sagemaker:listModels", {}, clients)
    assert (failure.error, failure.cause.partition(" (")[0]) == ("SageMaker.SageMakerException", "slow down")
    failure = failed(f"{STATES}sagemaker:createTrainingJob.sync", TRAINING, clients)
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert "(Service: AmazonSageMaker; Status Code: 400; Error Code: ThrottlingException; " in failure.cause


def test_what_the_engine_does_not_have_fails_with_what_it_has(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    failure = failed(f"{STATES}aws-sdk:iot:describeThing", {"ThingName": "t"}, Clients(open_services([])[0]))
    assert failure.error == "Iot.IotException"
    assert "iot:DescribeThing is not there on the local engine" in failure.cause


def test_a_service_that_cannot_be_reached_is_an_sdk_client_exception(moto_session: boto3.Session) -> None:
    clients = Clients(moto_session)
    clients.of("lambda").meta.events.register("before-call", _no_network)
    clients.of("s3").meta.events.register("before-call", _no_network)
    assert failed(f"{STATES}lambda:invoke", {"FunctionName": "f"}, clients).error == "Lambda.SdkClientException"
    assert failed(f"{STATES}aws-sdk:s3:listBuckets", {}, clients).error == "S3.SdkClientException"


def _no_network(**_: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://nowhere")


def test_arguments_that_do_not_fit_fail_the_execution_before_anything_is_called(moto: Clients) -> None:
    failure = failed(f"{STATES}aws-sdk:s3:getObject", {"Bucket": "bucket", "Kee": "k"}, moto)
    assert failure.error == "States.Runtime"
    assert failure.cause.startswith(
        """The Arguments '{"Bucket":"bucket","Kee":"k"}' could not be used to start the Task: ["""
    )
    assert "Did you mean 'Key'?" in failure.cause
    assert (
        'Missing required parameter in input: "Key"'
        in failed(f"{STATES}aws-sdk:s3:getObject", {"Bucket": "bucket"}, moto).cause
    )


def test_a_message_is_published_as_the_text_of_its_json(moto: Clients) -> None:
    topic = moto.of("sns").create_topic(Name="t")["TopicArn"]
    result = done(f"{STATES}sns:publish", {"TopicArn": topic, "Message": {"a": 1}, "Subject": "s"}, moto)
    assert result["MessageId"]
    assert result["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert result["SdkResponseMetadata"]["RequestId"]
    unknown = {"TopicArn": f"{topic}x", "Message": "m"}
    assert failed(f"{STATES}sns:publish", unknown, moto).error == "SNS.NotFoundException"
    assert failed(f"{STATES}aws-sdk:sns:publish", unknown, moto).error == "Sns.NotFoundException"


def test_events_are_put_with_the_execution_among_their_resources(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    seen: list[Any] = []

    def put(request: Request) -> Mapping[str, Any]:
        seen.extend(request.parameters["Entries"])
        bad = [entry for entry in request.parameters["Entries"] if entry["DetailType"] == "bad"]
        return {
            "FailedEntryCount": len(bad),
            "Entries": [{"ErrorCode": "MalformedDetail"}] if bad else [{"EventId": "e"}],
        }

    clients = Clients(open_services([Service("events", reads={"PutEvents": put})])[0])
    integration = Integration.parse(f"{STATES}events:putEvents")
    entry = {"Detail": {"a": [1]}, "DetailType": "d", "Source": "s", "Resources": ["mine"]}
    result = start(integration, {"Entries": [entry]}, clients, started_by=("machine", "execution"))
    assert result == {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}
    assert seen == [{**entry, "Detail": '{"a":[1]}', "Resources": ["mine", "machine", "execution"]}]
    failure = failed(f"{STATES}events:putEvents", {"Entries": [{**entry, "DetailType": "bad"}]}, clients)
    assert failure.error == "EventBridge.FailedEntry"
    assert json.loads(failure.cause)["FailedEntryCount"] == 1


def _functions(open_services: Callable[..., tuple[boto3.Session, Any]]) -> Clients:
    """A Lambda that answers with what it was given, or fails as it is told."""

    def invoke(request: Request) -> Mapping[str, Any]:
        given = request.parameters.get("Payload", b"{}")
        event = json.loads(given)
        payload, fields = given, {}
        if isinstance(event, dict) and "fail" in event:
            payload, fields = json.dumps(event["fail"]).encode(), {"FunctionError": "Unhandled"}
        if request.parameters["FunctionName"] == "none":
            code = "ResourceNotFoundException"
            raise RefusedRequest(code, "Function not found: none", status=404)
        body = StreamingBody(io.BytesIO(payload), len(payload))
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": body, **fields}

    return Clients(open_services([Service("lambda", reads={"Invoke": invoke})])[0])


def test_a_function_is_given_json_and_its_result_is_json(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    clients = _functions(open_services)
    arn = "arn:aws:lambda:eu-central-1:000000000000:function:f"
    given = {"a": [1, "é", None]}
    for payload, expected in ((given, given), ('{"a": 1}', {"a": 1}), ("text", "text"), (7, 7), (None, {})):
        result = done(f"{STATES}lambda:invoke", {"FunctionName": "f", "Payload": payload}, clients)
        assert (result["Payload"], result["StatusCode"], result["ExecutedVersion"]) == (expected, 200, "$LATEST")
        assert result["SdkHttpMetadata"]["HttpStatusCode"] == 200
        assert done(arn, payload, clients) == payload
    by_sdk = done(f"{STATES}aws-sdk:lambda:invoke", {"FunctionName": "f", "Payload": "7"}, clients)
    assert json.loads(by_sdk["Payload"]) == 7


def test_a_function_that_raises_fails_with_the_type_of_its_error(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    clients = _functions(open_services)
    raised = {"errorMessage": "no tag", "errorType": "TagError", "requestId": "r", "stackTrace": []}
    for resource, arguments in (
        (f"{STATES}lambda:invoke", {"FunctionName": "f", "Payload": {"fail": raised}}),
        (f"{STATES}lambda:invoke.waitForTaskToken", {"FunctionName": "f", "Payload": {"fail": raised}}),
        ("arn:aws:lambda:eu-central-1:000000000000:function:f", {"fail": raised}),
    ):
        failure = failed(resource, arguments, clients)
        assert (failure.error, json.loads(failure.cause)) == ("TagError", raised)
    unknown = failed(
        f"{STATES}lambda:invoke", {"FunctionName": "f", "Payload": {"fail": {"errorMessage": "m"}}}, clients
    )
    assert unknown.error == "Lambda.Unknown"
    assert unknown.cause.endswith('Returned payload: {"errorMessage":"m"}')
    missing = failed(f"{STATES}lambda:invoke", {"FunctionName": "none"}, clients)
    assert missing.error == "Lambda.ResourceNotFoundException"
    assert "(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; " in missing.cause


TRAINING = {
    "TrainingJobName": "j",
    "RoleArn": "arn:aws:iam::000000000000:role/training-jobs",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60.0},
}


class Jobs:
    """Training jobs whose status the test says."""

    def __init__(self) -> None:
        self.status = "InProgress"
        self.is_held = False
        self.stopped: list[str] = []
        self.service = Service(
            "sagemaker",
            reads={
                "CreateTrainingJob": lambda _: {"TrainingJobArn": "arn:aws:sagemaker:eu-central-1:0:training-job/j"},
                "DescribeTrainingJob": self.describe,
                "StopTrainingJob": self.stop,
            },
        )

    def describe(self, request: Request) -> Mapping[str, Any]:
        assert request.parameters == {"TrainingJobName": "j"}
        return {
            "TrainingJobName": "j",
            "TrainingJobArn": "arn",
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
            "TrainingJobStatus": self.status,
            "SecondaryStatus": "Training",
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "ResourceConfig": {"VolumeSizeInGB": 1},
            "StoppingCondition": {},
            "CreationTime": NOW,
        }

    def stop(self, request: Request) -> Mapping[str, Any]:
        if self.status != "InProgress" or self.is_held:
            code = "ValidationException"
            raise RefusedRequest(code, "The job cannot be stopped")
        self.stopped.append(request.parameters["TrainingJobName"])
        return {}


def test_a_job_is_followed_to_its_end_and_its_description_is_the_result(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    jobs = Jobs()
    clients = Clients(open_services([jobs.service])[0])
    integration = Integration.parse(f"{STATES}sagemaker:createTrainingJob.sync")
    handle = json.loads(json.dumps(start(integration, TRAINING, clients)))
    assert handle["TrainingJobName"] == "j"
    assert check(integration, handle, clients) is None
    jobs.status = "Completed"
    result = check(integration, handle, clients)
    assert result is not None
    assert result["TrainingJobStatus"] == "Completed"
    assert result["CreationTime"] == round(NOW.timestamp() * 1000)


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_job_that_failed_or_was_stopped_fails_the_task_with_its_description(
    status: str, open_services: Callable[..., tuple[boto3.Session, Any]]
) -> None:
    jobs = Jobs()
    clients = Clients(open_services([jobs.service])[0])
    integration = Integration.parse(f"{STATES}sagemaker:createTrainingJob.sync")
    handle = start(integration, TRAINING, clients)
    jobs.status = status
    with pytest.raises(StateFailure) as failure:
        check(integration, handle, clients)
    assert failure.value.error == "States.TaskFailed"
    assert json.loads(failure.value.cause)["TrainingJobStatus"] == status


def test_a_job_is_stopped_once_and_one_at_its_end_is_left_alone(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    jobs = Jobs()
    clients = Clients(open_services([jobs.service])[0])
    integration = Integration.parse(f"{STATES}sagemaker:createTrainingJob.sync")
    handle = start(integration, TRAINING, clients)
    stop(integration, handle, clients)
    assert jobs.stopped == ["j"]
    for jobs.status in ("Stopping", "Stopped", "Completed"):
        stop(integration, handle, clients)
    assert jobs.stopped == ["j"]


def test_a_job_that_runs_on_is_not_said_to_be_stopped(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    jobs = Jobs()
    clients = Clients(open_services([jobs.service])[0])
    integration = Integration.parse(f"{STATES}sagemaker:createTrainingJob.sync")
    handle = start(integration, TRAINING, clients)
    jobs.is_held = True
    with pytest.raises(StateFailure, match="could not be stopped"):
        stop(integration, handle, clients)


def _executions(status: str, output: str | None) -> Service:
    def describe(request: Request) -> Mapping[str, Any]:
        assert request.parameters == {"executionArn": "arn:child"}
        ended = {} if status == "RUNNING" else {"stopDate": NOW}
        return {
            "executionArn": "arn:child",
            "stateMachineArn": "arn:machine",
            "name": "n",
            "status": status,
            "startDate": NOW,
            "input": '{"a": 1}',
            "inputDetails": {"included": True},
            **ended,
            **({} if output is None else {"output": output}),
            **({"error": "SomeFailure", "cause": "c"} if status == "FAILED" else {}),
        }

    def begin(request: Request) -> Mapping[str, Any]:
        assert request.parameters["input"] in ('{"a":1}', "{}")
        return {"executionArn": "arn:child", "startDate": NOW}

    return Service("stepfunctions", reads={"StartExecution": begin, "DescribeExecution": describe})


@pytest.mark.parametrize(("pattern", "output"), [(".sync", '{"b": 2}'), (".sync:2", {"b": 2})])
def test_a_nested_execution_gives_its_description_with_the_output_as_text_or_as_json(
    pattern: str, output: Json, open_services: Callable[..., tuple[boto3.Session, Any]]
) -> None:
    clients = Clients(open_services([_executions("SUCCEEDED", '{"b": 2}')])[0])
    integration = Integration.parse(f"{STATES}states:startExecution{pattern}")
    handle = start(integration, {"StateMachineArn": "arn:machine", "Input": {"a": 1}}, clients)
    assert handle["ExecutionArn"] == "arn:child"
    result = check(integration, handle, clients)
    assert result == {
        "ExecutionArn": "arn:child",
        "StateMachineArn": "arn:machine",
        "Name": "n",
        "Status": "SUCCEEDED",
        "StartDate": round(NOW.timestamp() * 1000),
        "StopDate": round(NOW.timestamp() * 1000),
        "Input": '{"a": 1}' if pattern == ".sync" else {"a": 1},
        "InputDetails": {"Included": True},
        "Output": output,
    }


def test_a_nested_execution_that_failed_fails_the_task_with_its_error_in_the_cause(
    open_services: Callable[..., tuple[boto3.Session, Any]],
) -> None:
    clients = Clients(open_services([_executions("FAILED", None)])[0])
    integration = Integration.parse(f"{STATES}states:startExecution.sync:2")
    handle = start(integration, {"StateMachineArn": "arn:machine"}, clients)
    with pytest.raises(StateFailure) as failure:
        check(integration, handle, clients)
    assert failure.value.error == "States.TaskFailed"
    cause = json.loads(failure.value.cause)
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "SomeFailure", "c")


def test_an_execution_is_started_and_stopped_at_motos_step_functions(moto: Clients) -> None:
    machine = moto.of("stepfunctions").create_state_machine(
        name="m",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/r",
    )["stateMachineArn"]
    integration = Integration.parse(f"{STATES}states:startExecution.sync")
    handle = start(integration, {"StateMachineArn": machine, "Name": "n", "Input": {"a": 1}}, moto)
    assert check(integration, handle, moto) is None
    stop(integration, handle, moto)
    with pytest.raises(StateFailure) as failure:
        check(integration, handle, moto)
    assert json.loads(failure.value.cause)["Status"] == "ABORTED"
    again = failed(f"{STATES}states:startExecution", {"StateMachineArn": machine, "Name": "n", "Input": {"b": 1}}, moto)
    assert again.error == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_job_is_described_at_motos_sagemaker(moto: Clients) -> None:
    integration = Integration.parse(f"{STATES}sagemaker:createTrainingJob.sync")
    handle = start(integration, TRAINING, moto)
    result = check(integration, handle, moto)
    assert result is not None
    assert (result["TrainingJobName"], result["TrainingJobStatus"]) == ("j", "Completed")
    with pytest.raises(ClientError):
        moto.of("sagemaker").describe_training_job(TrainingJobName="none")


def test_checks_come_soon_at_first_and_later_every_other_second() -> None:
    assert [pause_s(age) for age in (0, 1, 10, 100, 10**6)] == [0.1, 0.1, 1.0, 2.0, 2.0]


def test_many_threads_get_the_same_client_of_a_service(moto_session: boto3.Session) -> None:
    clients = Clients(moto_session)
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(clients.of("sns"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len({id(client) for client in got}) == 1
    clients.close()
