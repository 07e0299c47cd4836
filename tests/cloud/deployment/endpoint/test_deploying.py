"""An endpoint in SageMaker: golden requests, and the calls that are made, answered as botocore's shapes have it."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cloud_side.commands import CommandError
from cloud_side.deployment.endpoint import commands, deploying
from cloud_side.deployment.endpoint.cli import add_commands
from cloud_side.deployment.endpoint.commands import told, wanted_of
from cloud_side.deployment.endpoint.requests import (
    Shifting,
    Wanted,
    config_request,
    create_request,
    model_request,
    owned,
    update_request,
)
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.training.registry.packages import Registered
from cloud_side.training.registry.requests import Approval
from edge_inspector.errors import ConfigError
from tests.cloud.golden import assert_golden
from tests.cloud.local.shapes import LOADER

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


def known(*words: str) -> Wanted:
    """Return what is wanted of an instance that moto knows."""
    return wanted("--instance", "ml.c5.large", *words)


@pytest.fixture
def stub() -> Iterator[Stubber]:
    client = boto3.client(
        "sagemaker", region_name="eu-central-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def sagemaker() -> Iterator[Any]:
    """moto's: endpoints, configurations and models that stay; it has no UpdateEndpoint, and filters no models."""
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="eu-central-1")
        session._session.register_component("data_loader", LOADER)
        yield session.client("sagemaker")


def deployed(sagemaker: Any, want: Wanted) -> None:
    deploying.do(sagemaker, deploying.plan(sagemaker, want))


def updated(sagemaker: Any, want: Wanted) -> None:
    """Have an endpoint serve what is wanted now, as after an update; what it served before is still there."""
    *before, _ = deploying.plan(sagemaker, want)
    deploying.do(sagemaker, tuple(step for step in before if step.operation.startswith("create_")))
    sagemaker.delete_endpoint(EndpointName=want.name)
    sagemaker.create_endpoint(**create_request(want))


def left(sagemaker: Any) -> tuple[set[str], set[str]]:
    return (
        {each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]},
        {each["ModelName"] for each in sagemaker.list_models()["Models"]},
    )


def made(*wants: Wanted) -> tuple[set[str], set[str]]:
    return (
        {config_request(each)["EndpointConfigName"] for each in wants},
        {model_request(each)["ModelName"] for each in wants},
    )


def empty(stub: Stubber) -> None:
    stub.add_response("list_endpoint_configs", {"EndpointConfigs": []}, {"NameContains": owned("line-3")})
    stub.add_response("list_models", {"Models": []}, {"NameContains": owned("line-3")})


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
    empty(stub)
    steps = deploying.plan(stub.client, want)
    stub.add_response("create_model", {"ModelArn": f"{ARN}model/x"}, model_request(want))
    stub.add_response("create_endpoint_config", {"EndpointConfigArn": f"{ARN}endpoint-config/x"}, config_request(want))
    stub.add_response("create_endpoint", {"EndpointArn": f"{ARN}endpoint/line-3"}, create_request(want))
    deploying.do(stub.client, steps)
    assert [step.operation for step in steps] == ["create_model", "create_endpoint_config", "create_endpoint"]


def test_the_same_once_more_changes_nothing(stub: Stubber) -> None:
    there(stub, wanted())
    empty(stub)
    assert deploying.plan(stub.client, wanted()) == ()


def test_what_was_cut_off_goes_on_with_what_is_missing(stub: Stubber) -> None:
    want, name = wanted(), model_request(wanted())["ModelName"]
    absent(stub, "describe_endpoint")
    stub.add_response("describe_model", {"ModelName": name, "CreationTime": NOW, "ModelArn": f"{ARN}model/{name}"})
    stub.add_response("describe_endpoint_config", configuration(want))
    empty(stub)
    assert [step.operation for step in deploying.plan(stub.client, want)] == ["create_endpoint"]


@pytest.mark.parametrize(
    "words", [["--count", "2"], ["--instance", "ml.c7i.xlarge"], ["--precision", "int8"], ["--image", "other:2"]]
)
def test_what_is_other_than_before_is_an_update_beside_the_old_one(stub: Stubber, words: list[str]) -> None:
    other = config_request(wanted())["EndpointConfigName"]
    stub.add_response("describe_endpoint", endpoint("InService", other))
    absent(stub, "describe_model", "describe_endpoint_config")
    stub.add_response("describe_endpoint_config", configuration(wanted()), {"EndpointConfigName": other})
    empty(stub)
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


def test_deleting_an_endpoint_leaves_another_one_of_the_same_package_as_it_was(sagemaker: Any) -> None:
    other = known("--name", "line-3-b")
    for want in (known(), other):
        deployed(sagemaker, want)
    sagemaker.create_model(**{**model_request(known()), "ModelName": "theirs"})
    steps = deploying.delete_steps(sagemaker, "line-3")
    assert [step.operation for step in steps] == ["delete_endpoint", "delete_endpoint_config", "delete_model"]
    deploying.do(sagemaker, steps)
    assert left(sagemaker) == (made(other)[0], made(other)[1] | {"theirs"})
    assert deploying.plan(sagemaker, other) == ()


def test_a_deletion_that_was_cut_off_is_finished_by_the_next_one(sagemaker: Any) -> None:
    for calls in (1, 2, 4):
        deployed(sagemaker, known())
        updated(sagemaker, known("--image", "other:2"))
        deploying.do(sagemaker, deploying.delete_steps(sagemaker, "line-3")[:calls])
        deploying.do(sagemaker, deploying.delete_steps(sagemaker, "line-3"))
        assert left(sagemaker) == (set(), set())
    assert deploying.delete_steps(sagemaker, "line-3") == ()


def test_what_an_update_replaced_goes_once_the_new_one_serves(sagemaker: Any) -> None:
    oldest, old, new = (known("--image", f"endpoint:{number}") for number in (1, 2, 3))
    deployed(sagemaker, oldest)
    updated(sagemaker, old)
    steps = deploying.plan(sagemaker, new)
    assert [step.operation for step in steps[2:]] == ["update_endpoint", "delete_endpoint_config", "delete_model"]
    assert {*steps[3].request.values(), *steps[4].request.values()} == set.union(*made(oldest))
    updated(sagemaker, new)
    deployed(sagemaker, new)
    assert left(sagemaker) == made(new)


def test_an_endpoint_that_is_on_its_way_out_is_deleted_no_second_time(stub: Stubber) -> None:
    stub.add_response("describe_endpoint", endpoint("Deleting", "any"))
    config = {"EndpointConfigName": f"{owned('line-3')}1-4-0-0", "EndpointConfigArn": "arn-of-it-" * 2}
    stub.add_response("list_endpoint_configs", {"EndpointConfigs": [{**config, "CreationTime": NOW}]})
    stub.add_response("list_models", {"Models": []})
    assert [step.operation for step in deploying.delete_steps(stub.client, "line-3")] == ["delete_endpoint_config"]


def test_an_endpoint_that_is_being_changed_is_not_deleted(stub: Stubber) -> None:
    stub.add_response("describe_endpoint", endpoint("Updating", "any"))
    with pytest.raises(CommandError, match="found it Updating; try again later"):
        deploying.delete_steps(stub.client, "line-3")


def test_an_endpoint_that_others_made_is_not_deleted(sagemaker: Any) -> None:
    deployed(sagemaker, known())
    (serves,) = made(known())[0]
    sagemaker.create_endpoint(EndpointName="theirs", EndpointConfigName=serves)
    with pytest.raises(CommandError, match=f"theirs: expected an endpoint that .* made, found one .* serving {serves}"):
        deploying.delete_steps(sagemaker, "theirs")


def test_without_a_count_an_endpoint_keeps_the_instances_that_it_has(sagemaker: Any) -> None:
    assert deploying.as_many_as_stand(sagemaker, known()).count == 1
    deployed(sagemaker, known("--count", "4"))
    weights = [{"VariantName": "model", "DesiredInstanceCount": 6}]
    for stands, kept in ((4, 4), (6, 6)):
        assert deploying.plan(sagemaker, deploying.as_many_as_stand(sagemaker, known())) == ()
        assert deploying.as_many_as_stand(sagemaker, known("--image", "other:2")).count == kept, stands
        sagemaker.update_endpoint_weights_and_capacities(EndpointName="line-3", DesiredWeightsAndCapacities=weights)


def test_a_deploy_that_waits_leaves_only_what_serves_and_the_next_one_has_nothing_to_do(
    sagemaker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "find", lambda *_: package())  # of a registry that moto does not have
    monkeypatch.setattr(deploying, "do", stale_after(deploying.do))
    said: list[str] = []
    words = ["--instance", "ml.c5.large", "--wait"]
    commands._deploy(options(*words, "--count", "4"), sagemaker, said.append)
    assert said[-1] == f"delete model {owned('line-3')}old"
    assert left(sagemaker) == made(known("--count", "4"))
    commands._deploy(options(*words), sagemaker, said.append)
    assert said[-2:] == ["line-3 serves metal-tags 1.4.0 already: nothing to do", "line-3 serves metal-tags 1.4.0"]


def stale_after(do: Any) -> Any:
    """Return a `do` after whose making of an endpoint a model of an earlier deploy is there."""

    def doing(sagemaker: Any, steps: tuple[deploying.Step, ...]) -> None:
        do(sagemaker, steps)
        if any(step.operation == "create_endpoint" for step in steps):
            sagemaker.create_model(**{**model_request(known()), "ModelName": f"{owned('line-3')}old"})

    return doing


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
    assert model_request(wanted())["ModelName"].startswith(f"{owned('line-3')}1-4-0-")
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
        (["--most", "1500"], "most_s: expected more than the 1500 seconds that every update waits .*, found 1500"),
        (["--watch", "1800"], "most_s: expected more than the 3900 seconds that every update waits .*, found 3600"),
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
