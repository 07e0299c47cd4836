"""The endpoint unit: what deploys a model to an endpoint may do that and no more, and what rolls it back is there."""

from collections.abc import Mapping
from typing import Any

import pytest

from cloud_side.deployment.endpoint.requests import (
    VARIANT,
    Wanted,
    config_request,
    create_request,
    model_request,
    owned,
    update_request,
)
from cloud_side.infrastructure.environments import read_environments
from tests.cloud.infrastructure.conftest import Synthesized, Template
from tests.cloud.infrastructure.policies import ACCOUNT, REGION, Role, roles, text

pytestmark = pytest.mark.thorough

INSTALLATION = "edge-inspector-dev"
STACK = f"{INSTALLATION}-endpoint"
BUCKET = f"arn:aws:s3:::{INSTALLATION}-{ACCOUNT}-{REGION}"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
RESOURCES = {"ModelName": "model", "EndpointConfigName": "endpoint-config", "EndpointName": "endpoint"}


@pytest.fixture(scope="module")
def template(synthesized: Synthesized) -> Template:
    return synthesized.templates[STACK]


@pytest.fixture(scope="module")
def runs(template: Template) -> Role:
    (found,) = [each for each in roles(STACK, template) if each.described == "What the endpoint may do"]
    return found


@pytest.fixture(scope="module")
def deployer(template: Template) -> Role:
    """Return somebody who has the policy of who deploys, and nothing else."""
    (policy,) = [each["Properties"] for each in of_kind(template, "AWS::IAM::ManagedPolicy")]
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    given = {"Type": "AWS::IAM::Policy", "Properties": {**policy, "Roles": [{"Ref": "Somebody"}]}}
    (found,) = roles(STACK, {"Resources": {"Somebody": role, "Given": given}})
    return found


def of_kind(template: Template, kind: str) -> list[Mapping[str, Any]]:
    return [each for each in template["Resources"].values() if each["Type"] == kind]


def parameter(template: Template, name: str) -> str:
    (found,) = [
        each["Properties"]["Value"]
        for each in of_kind(template, "AWS::SSM::Parameter")
        if each["Properties"]["Name"] == f"/{INSTALLATION}/{name}"
    ]
    return text(found)


def wanted(endpoint: str) -> Wanted:
    return Wanted("parts", "1.4.0", "s3://bucket/key", "f" * 64, "image:1", "arn:role", endpoint=endpoint)


def arns(request: Mapping[str, Any]) -> list[str]:
    return [f"{SAGEMAKER}:{kind}/{request[key]}" for key, kind in RESOURCES.items() if key in request]


def may(role: Role, action: str, request: Mapping[str, Any]) -> bool:
    return all(role.may(f"sagemaker:{action}", arn) for arn in arns(request))


def test_there_is_one_where_an_installation_wants_it(synthesized: Synthesized) -> None:
    asked = {each.installation for each in read_environments().environments if each.endpoint is not None}
    assert {name.removesuffix("-endpoint") for name in synthesized.templates if name.endswith("-endpoint")} == asked


def test_the_container_is_kept_and_a_tag_never_says_another_one(template: Template) -> None:
    (made,) = of_kind(template, "AWS::ECR::Repository")
    assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert made["Properties"]["RepositoryName"] == f"{INSTALLATION}-endpoint"
    assert made["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    assert made["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert parameter(template, "endpoint-image").endswith(":<ImageTag>")


@pytest.mark.parametrize("action", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint"])
def test_who_deploys_may_make_what_deploying_makes_for_this_endpoint_alone(deployer: Role, action: str) -> None:
    requests = {
        "CreateModel": lambda asked: {"ModelName": model_request(asked)["ModelName"]},
        "CreateEndpointConfig": lambda asked: {"EndpointConfigName": config_request(asked)["EndpointConfigName"]},
        "CreateEndpoint": create_request,
        "UpdateEndpoint": update_request,
    }
    assert may(deployer, action, requests[action](wanted(INSTALLATION)))
    for other in ("edge-inspector-prod", f"{INSTALLATION}-2"):
        assert not may(deployer, action, requests[action](wanted(other)))


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig", "Endpoint"])
@pytest.mark.parametrize("verb", ["Describe", "Delete"])
def test_who_deploys_may_look_at_it_and_delete_it_again(deployer: Role, kind: str, verb: str) -> None:
    own = owned(INSTALLATION)
    names = {"Model": f"{own}1-4-0-f", "EndpointConfig": f"{own}1-4-0-f", "Endpoint": INSTALLATION}
    assert may(deployer, f"{verb}{kind}", {f"{kind}Name": names[kind]})
    assert not may(deployer, f"{verb}{kind}", {f"{kind}Name": "theirs"})


def test_who_deploys_approves_no_model_and_sees_no_object(deployer: Role) -> None:
    package = f"{SAGEMAKER}:model-package/{INSTALLATION}/7"
    assert deployer.may("sagemaker:DescribeModelPackage", package)
    assert not deployer.may("sagemaker:UpdateModelPackage", package)
    assert not [each for each in deployer.statements for action in each.actions if action.startswith("s3:")]


def test_who_deploys_gives_the_endpoint_its_role_and_no_other(deployer: Role, runs: Role) -> None:
    (passes,) = [each for each in deployer.statements if "iam:PassRole" in each.actions]
    assert passes.resources == (f"<{runs.name}.Arn>",)
    assert passes.conditions == {"StringEquals": {"iam:PassedToService": ("sagemaker.amazonaws.com",)}}


def test_the_endpoint_reads_archives_of_models_and_writes_nothing(runs: Role) -> None:
    assert runs.may("s3:GetObject", f"{BUCKET}/models/parts/1.4.0/model.tar.gz")
    for key in (
        "models/parts/1.4.0/predictions.jsonl",
        "datasets/images/ab/abcd.jpg",
        "training/abc/model/model.tar.gz",
    ):
        assert not runs.may("s3:GetObject", f"{BUCKET}/{key}")
    assert not [each for each in runs.statements if "s3:PutObject" in each.actions]
    assert not [each for each in runs.statements if "kms:GenerateDataKey" in each.actions]


def test_an_update_is_rolled_back_by_failures_and_by_slowness(template: Template) -> None:
    (settings,) = [each.endpoint for each in read_environments().environments if each.installation == INSTALLATION]
    assert settings is not None
    found = {
        each["Properties"]["AlarmName"]: each["Properties"] for each in of_kind(template, "AWS::CloudWatch::Alarm")
    }
    assert found.keys() == {f"{STACK}-5xx", f"{STACK}-latency"}
    for alarm in found.values():
        said = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert said == {"EndpointName": INSTALLATION, "VariantName": VARIANT}
        assert alarm["TreatMissingData"] == "notBreaching"
    assert found[f"{STACK}-5xx"]["MetricName"] == "Invocation5XXErrors"
    assert found[f"{STACK}-5xx"]["Threshold"] < 1
    latency = found[f"{STACK}-latency"]
    assert (latency["MetricName"], latency["Threshold"]) == ("ModelLatency", settings.most_latency_ms * 1000)


def test_the_alarms_may_be_looked_at_by_who_updates_and_by_what_is_updated(
    template: Template, runs: Role, deployer: Role
) -> None:
    alarms = {name for name, each in template["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert set(parameter(template, "endpoint-alarms").split(",")) == {f"<{name}>" for name in alarms}
    for role in (runs, deployer):
        (looks,) = [each for each in role.statements if "cloudwatch:DescribeAlarms" in each.actions]
        assert set(looks.resources) == {f"<{name}.Arn>" for name in alarms}
