"""An endpoint in SageMaker: golden requests, and the calls that are made, answered as botocore's shapes have it."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cloud_side.commands import CommandError
from cloud_side.deployment.endpoint import deploying
from cloud_side.deployment.endpoint.cli import add_commands
from cloud_side.deployment.endpoint.commands import told, wanted_of
from cloud_side.deployment.endpoint.requests import (
    Shifting,
    Wanted,
    config_request,
    create_request,
    model_request,
    update_request,
)
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.training.registry.packages import Registered
from cloud_side.training.registry.requests import Approval
from edge_inspector.errors import ConfigError
from tests.cloud.golden import assert_golden

ARN = "arn:aws:sagemaker:eu-central-1:123456789012:"
PACKAGE = f"{ARN}model-package/edge-inspector/7"
WORDS = [
    "endpoint", "deploy", PACKAGE, "--image", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/endpoint:1",
    "--role", "arn:aws:iam::123456789012:role/endpoint", "--name", "line-3",
]  # fmt: skip
NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    return parser.parse_args([*WORDS, *words])


def package(approval: Approval = Approval.APPROVED, **changes: Any) -> Registered:
    fields: dict[str, Any] = {
        "arn": PACKAGE,
        "group": "edge-inspector",
        "number": 7,
        "approval": approval,
        "why": None,
        "created": NOW,
        "properties": {"model": "metal-tags", "version": "1.4.0", "archive_sha256": "ab" * 32},
        "model_uri": "s3://bucket/models/metal-tags/1.4.0/model.tar.gz",
        "evaluation_uri": None,
    }
    return Registered(**(fields | changes))


def wanted(*words: str) -> Wanted:
    return wanted_of(package(), options(*words))


@pytest.fixture
def stub() -> Iterator[Stubber]:
    client = boto3.client(
        "sagemaker", region_name="eu-central-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def absent(stub: Stubber, *operations: str) -> None:
    for operation in operations:
        stub.add_client_error(operation, "ValidationException", "Could not find it")


def endpoint(status: str, config: str, **more: Any) -> dict[str, Any]:
    return {
        "EndpointName": "line-3",
        "EndpointArn": f"{ARN}endpoint/line-3",
        "EndpointConfigName": config,
        "EndpointStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        **more,
    }


def configuration(want: Wanted) -> dict[str, Any]:
    request = config_request(want)
    return {
        "EndpointConfigName": request["EndpointConfigName"],
        "EndpointConfigArn": f"{ARN}endpoint-config/{request['EndpointConfigName']}",
        "ProductionVariants": request["ProductionVariants"],
        "CreationTime": NOW,
    }


def there(stub: Stubber, want: Wanted, *, status: str = "InService") -> None:
    name = model_request(want)["ModelName"]
    stub.add_response(
        "describe_endpoint", endpoint(status, config_request(want)["EndpointConfigName"]), {"EndpointName": "line-3"}
    )
    stub.add_response(
        "describe_model",
        {"ModelName": name, "CreationTime": NOW, "ModelArn": f"{ARN}model/{name}"},
        {"ModelName": name},
    )
    stub.add_response("describe_endpoint_config", configuration(want))


def test_the_requests_are_as_their_golden_files() -> None:
    want = wanted("--count", "4", "--alarm", "endpoint-5xx", "--alarm", "endpoint-latency")
    assert_golden("endpoint.create_model", model_request(want), "sagemaker", "CreateModel")
    assert_golden("endpoint.create_endpoint_config", config_request(want), "sagemaker", "CreateEndpointConfig")
    assert_golden("endpoint.create_endpoint", create_request(want), "sagemaker", "CreateEndpoint")
    assert_golden("endpoint.update_endpoint", update_request(want), "sagemaker", "UpdateEndpoint")


@pytest.mark.parametrize(
    ("count", "share", "routing"),
    [
        (1, "0.5", {"Type": "ALL_AT_ONCE"}),
        (2, "0.1", {"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}),
        (3, "0.5", {"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}),
        (20, "0.1", {"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 2}}),
    ],
)
def test_the_canary_is_at_most_half_of_the_instances(count: int, share: str, routing: dict[str, Any]) -> None:
    request = update_request(wanted("--count", str(count), "--share", share))
    deployment = request["DeploymentConfig"]
    found = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert found == {**routing, "WaitIntervalInSeconds": 600}
    assert "AutoRollbackConfiguration" not in deployment


def test_a_new_endpoint_takes_a_model_a_configuration_and_the_endpoint(stub: Stubber) -> None:
    want = wanted()
    absent(stub, "describe_endpoint", "describe_model", "describe_endpoint_config")
    steps = deploying.plan(stub.client, want)
    stub.add_response("create_model", {"ModelArn": f"{ARN}model/x"}, model_request(want))
    stub.add_response("create_endpoint_config", {"EndpointConfigArn": f"{ARN}endpoint-config/x"}, config_request(want))
    stub.add_response("create_endpoint", {"EndpointArn": f"{ARN}endpoint/line-3"}, create_request(want))
    deploying.do(stub.client, steps)
    assert [step.operation for step in steps] == ["create_model", "create_endpoint_config", "create_endpoint"]


def test_the_same_once_more_changes_nothing(stub: Stubber) -> None:
    there(stub, wanted())
    assert deploying.plan(stub.client, wanted()) == ()


def test_what_was_cut_off_goes_on_with_what_is_missing(stub: Stubber) -> None:
    want, name = wanted(), model_request(wanted())["ModelName"]
    absent(stub, "describe_endpoint")
    stub.add_response("describe_model", {"ModelName": name, "CreationTime": NOW, "ModelArn": f"{ARN}model/{name}"})
    stub.add_response("describe_endpoint_config", configuration(want))
    assert [step.operation for step in deploying.plan(stub.client, want)] == ["create_endpoint"]


@pytest.mark.parametrize(
    "words", [["--count", "2"], ["--instance", "ml.c7i.xlarge"], ["--precision", "int8"], ["--image", "other:2"]]
)
def test_what_is_other_than_before_is_an_update_beside_the_old_one(stub: Stubber, words: list[str]) -> None:
    other = config_request(wanted())["EndpointConfigName"]
    stub.add_response("describe_endpoint", endpoint("InService", other))
    absent(stub, "describe_model", "describe_endpoint_config")
    last = deploying.plan(stub.client, wanted(*words, "--alarm", "endpoint-5xx"))[-1]
    assert last.operation == "update_endpoint"
    assert last.request["EndpointConfigName"] != other
    assert last.request["DeploymentConfig"]["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "endpoint-5xx"}]}
    assert "back on endpoint-5xx" in last.line


@pytest.mark.parametrize(("status", "said"), [("Updating", "try again later"), ("Failed", "endpoint delete line-3")])
def test_an_endpoint_that_does_not_stand_is_not_touched(stub: Stubber, status: str, said: str) -> None:
    stub.add_response("describe_endpoint", endpoint(status, "other", FailureReason="no capacity"))
    with pytest.raises(CommandError, match=f"found it {status} \\(no capacity\\).*{said}"):
        deploying.plan(stub.client, wanted())


def test_waiting_ends_when_the_new_one_serves(stub: Stubber) -> None:
    name, pauses = config_request(wanted())["EndpointConfigName"], []
    for status in ("Creating", "Updating", "InService"):
        stub.add_response("describe_endpoint", endpoint(status, name))
    deploying.wait(stub.client, wanted(), pause=pauses.append)
    assert len(pauses) == 2


def test_an_update_that_was_rolled_back_is_a_failure_with_its_reason(stub: Stubber) -> None:
    stub.add_response("describe_endpoint", endpoint("InService", "old-one", FailureReason="alarm endpoint-5xx"))
    with pytest.raises(CommandError, match="found InService with old-one: alarm endpoint-5xx"):
        deploying.wait(stub.client, wanted(), pause=lambda _: None)


def test_deleting_takes_what_was_made_for_the_endpoint_and_no_model_of_others(stub: Stubber) -> None:
    config = configuration(wanted())
    config["ProductionVariants"] = [*config["ProductionVariants"], {"VariantName": "b", "ModelName": "theirs"}]
    stub.add_response("describe_endpoint", endpoint("InService", config["EndpointConfigName"]))
    stub.add_response("describe_endpoint_config", config)
    steps = deploying.delete_steps(stub.client, "line-3")
    assert [step.operation for step in steps] == ["delete_endpoint", "delete_endpoint_config", "delete_model"]
    assert steps[-1].request == {"ModelName": model_request(wanted())["ModelName"]}


def test_deleting_what_is_gone_does_nothing(stub: Stubber) -> None:
    absent(stub, "describe_endpoint")
    assert deploying.delete_steps(stub.client, "line-3") == ()


def test_the_status_says_what_serves_and_what_is_on_its_way(stub: Stubber) -> None:
    variants = [{"VariantName": "model", "CurrentInstanceCount": 1, "DesiredInstanceCount": 2}]
    pending = {"EndpointConfigName": "next"}
    summary = endpoint("Updating", "now", ProductionVariants=variants, PendingDeploymentSummary=pending)
    stub.add_response("describe_endpoint", summary)
    stub.add_response("describe_endpoint_config", configuration(wanted()))
    lines = "\n".join(told(*deploying.status(stub.client, "line-3")))
    assert "line-3, Updating" in lines
    assert f"model:          {model_request(wanted())['ModelName']}" in lines
    assert "in service:     1 of 2" in lines
    assert "on its way:     next" in lines


def test_an_endpoint_that_is_not_there_has_no_status(stub: Stubber) -> None:
    absent(stub, "describe_endpoint")
    with pytest.raises(CommandError, match="line-3: expected an endpoint, found none"):
        deploying.status(stub.client, "line-3")


def test_names_fit_and_differ_by_content() -> None:
    other = wanted_of(package(properties={**package().properties, "archive_sha256": "cd" * 32}), options())
    assert model_request(wanted())["ModelName"].startswith("edge-inspector-metal-tags-1-4-0-")
    assert model_request(other)["ModelName"] != model_request(wanted())["ModelName"]
    long = wanted_of(package(properties={"model": "m_" * 32, "version": "10.20.30-rc.1"}), options())
    names = model_request(long)["ModelName"], config_request(long)["EndpointConfigName"]
    assert all(len(name) <= 63 for name in names)
    assert "_" not in names[0]
    assert "." not in names[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--count", "0"], "count: expected at least 1"),
        (["--name", "line_3"], "endpoint: expected up to 63 letters"),
        (["--share", "0.6"], "share: expected more than 0 and at most 0.5"),
        (["--watch", "3601"], "watch_s: expected 0 to 3600 seconds, found 3601"),
        ([*["--alarm", "a"] * 11], "alarms: expected at most 10, found 11"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_before(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        wanted(*words)
    assert Shifting() == wanted().shifting


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approval": Approval.PENDING}, "metal-tags@1.4.0: expected a model that was approved"),
        ({"model_uri": None}, "without a model or an archive"),
    ],
)
def test_only_an_approved_model_is_served(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        wanted_of(package(**changes), options())


def test_an_engine_of_one_machine_hosts_nothing_and_says_what_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, f"local:{tmp_path}")
    asked = options()
    with pytest.raises(ConfigError, match="hosts no models; `edge-inspector-cloud endpoint serve MODEL_DIR`"):
        asked.command(asked)
