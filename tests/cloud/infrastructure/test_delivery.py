"""The promises of the delivery, read out of its templates: one account delivers to two others."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cloud_side.infrastructure.delivery
from cloud_side.infrastructure.delivery.paths import starts
from cloud_side.infrastructure.delivery.stages import SOURCE
from cloud_side.infrastructure.delivery.units import UNITS, DeliveredUnit, infrastructure_patterns
from cloud_side.infrastructure.environments import Environment, Environments, read_environments
from cloud_side.infrastructure.node import choose_node
from cloud_side.installation import installed
from tests.cloud.infrastructure.conftest import Synthesized

pytestmark = pytest.mark.thorough

_HERE, _DEV, _PROD = "444455556666", "111122223333", "777788889999"
_SECRET = f"arn:aws:secretsmanager:eu-central-1:{_HERE}:secret:hub-AbCdEf"
_CONNECTION = f"arn:aws:codeconnections:eu-central-1:{_HERE}:connection/00000000-0000-0000-0000-000000000000"
_PAGE = {"domain": "labels.example.com", "certificate_arn": "arn:aws:acm:eu-central-1:777788889999:certificate/0"}
_ENVIRONMENTS = Environments.model_validate(
    {
        "environments": [
            {"name": "prod", "stage": "prod", "account": _PROD, "region": "eu-west-1", "page": _PAGE, "endpoint": {}},
            {"name": "dev", "account": _DEV, "endpoint": {}},
        ],
        "delivery": {
            "connection_arn": _CONNECTION,
            "repository": "example/edge-inspector",
            "account": _HERE,
            "permissions_boundary": "edge-inspector-delivery-boundary",
            "notify": ["ana@example.com"],
            "registry_secret_arn": _SECRET,
        },
    }
)
_BOOTSTRAP = Path(cloud_side.infrastructure.delivery.__file__).with_name("bootstrap")
_PIPELINES = ["infrastructure", *(unit.name for unit in UNITS)]
_BY_PIPELINE = pytest.mark.parametrize("name", _PIPELINES)
_DEPLOYS = "arn:aws:iam::{0}:role/cdk-hnb659fds-{1}-role-{0}-{2}"


@dataclass(frozen=True)
class Delivered:
    out: Path
    templates: Mapping[str, Mapping[str, Any]]

    def all(self, kind: str, stack: str = "delivery") -> list[dict[str, Any]]:
        return [each["Properties"] for each in self._resources(stack) if each["Type"] == kind]

    def kept(self, kind: str) -> Iterable[str]:
        return [each.get("DeletionPolicy") for each in self._resources("delivery") if each["Type"] == kind]

    def pipeline(self, name: str) -> dict[str, Any]:
        full = f"edge-inspector-delivery-{name}"
        (found,) = [each for each in self.all("AWS::CodePipeline::Pipeline") if each["Name"] == full]
        return found

    def rights(self, role: str, stack: str = "delivery") -> dict[str, Any]:
        """Return actions with the resources of a role, by its construct's name; a reference is its JSON."""
        wanted = role.replace("-", "")
        (policy,) = [
            each
            for each in self.all("AWS::IAM::Policy", stack)
            if any(reference["Ref"].startswith(wanted) for reference in each["Roles"])
        ]
        found: dict[str, Any] = {}
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in _list(statement["Action"]):
                found.setdefault(action, []).extend(_list(statement["Resource"]))
        return found

    def _resources(self, stack: str) -> Iterable[dict[str, Any]]:
        resources: Mapping[str, dict[str, Any]] = self.templates[stack]["Resources"]
        return resources.values()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    choose_node()
    pytest.importorskip("aws_cdk", reason="it needs the extra edge-inspector-cloud[infra], which is not installed")
    from cloud_side.infrastructure.delivery.app import build_delivery  # noqa: PLC0415 - CDK

    out = tmp_path_factory.mktemp("delivery.out")
    build_delivery(_ENVIRONMENTS, out).synth()
    paths = {"delivery": out / "delivery.template.json"}
    for name in ("dev", "prod"):
        (paths[name],) = (out / f"assembly-{name}").glob("*.template.json")
    return Delivered(out, {name: json.loads(path.read_text()) for name, path in paths.items()})


def test_no_rule_of_cdk_nag_finds_anything_that_has_no_reason(delivered: Delivered) -> None:
    report = json.loads((delivered.out / "validation-report.json").read_text())
    (found,) = report["pluginReports"]
    assert found["pluginName"] == "AwsSolutions"
    assert found["violations"] == []
    assert len(found["suppressedViolations"]) > 10


@_BY_PIPELINE
def test_a_pipeline_goes_from_tests_to_dev_to_a_person_to_prod(delivered: Delivered, name: str) -> None:
    pipeline = delivered.pipeline(name)
    assert pipeline["PipelineType"] == "V2"
    stages = [stage["Name"] for stage in pipeline["Stages"]]
    begins = ["source", "test", "synth", "update"] if name == "infrastructure" else ["source", "test", "build"]
    installations = ["edge-inspector-dev", "approve-edge-inspector-prod", "edge-inspector-prod"]
    assert stages == [*begins, *installations]
    asked = pipeline["Stages"][-2]["Actions"][-1]
    assert asked["ActionTypeId"]["Category"] == "Approval"
    assert all(action["RunOrder"] < asked["RunOrder"] for action in pipeline["Stages"][-2]["Actions"][:-1])
    assert "NotificationArn" in asked["Configuration"]


@pytest.mark.parametrize("name", [name for name in _PIPELINES if name != "component"])
def test_who_approves_sees_what_would_change_and_whether_permissions_are_broadened(
    delivered: Delivered, name: str
) -> None:
    changes, asked = delivered.pipeline(name)["Stages"][-2]["Actions"]
    assert changes["Namespace"] == "changes-prod"
    assert asked["Configuration"]["CustomData"].endswith("#{changes-prod.PERMISSIONS}")
    assert asked["Configuration"]["ExternalEntityLink"] == "#{changes-prod.LOG}"
    assert delivered.rights("changes-prod-role")["sts:AssumeRole"] == [_DEPLOYS.format(_PROD, "lookup", "eu-west-1")]


@_BY_PIPELINE
def test_only_a_push_that_touches_its_files_starts_a_pipeline(delivered: Delivered, name: str) -> None:
    (trigger,) = delivered.pipeline(name)["Triggers"]
    assert trigger["GitConfiguration"]["SourceActionName"] == SOURCE
    pushes = trigger["GitConfiguration"]["Push"]
    assert all(push["Branches"] == {"Includes": ["main"]} for push in pushes)
    units = {unit.name: unit for unit in UNITS}
    expected = infrastructure_patterns() if name == "infrastructure" else units[name].patterns()
    assert [pattern for push in pushes for pattern in push["FilePaths"]["Includes"]] == list(expected)
    source = delivered.pipeline(name)["Stages"][0]["Actions"][0]["Configuration"]
    assert source["DetectChanges"] == "false"
    touched = starts(expected, "cloud_side/labeling/page/application.py")
    assert touched is (name == "labeling")


def test_the_pipeline_of_the_infrastructure_alone_updates_itself(delivered: Delivered) -> None:
    again = {name: delivered.pipeline(name)["RestartExecutionOnUpdate"] for name in _PIPELINES}
    assert again == {name: name == "infrastructure" for name in _PIPELINES}
    taken = delivered.rights("update-role")["sts:AssumeRole"]
    assert taken == [_DEPLOYS.format(_HERE, kind, "eu-central-1") for kind in ("deploy", "file-publishing")]


def test_a_deployment_takes_the_roles_of_its_own_installation_and_no_other(delivered: Delivered) -> None:
    places = {"dev": (_DEV, "eu-central-1"), "prod": (_PROD, "eu-west-1")}
    for name, (account, region) in places.items():
        taken = delivered.rights(f"deploy-{name}-role")["sts:AssumeRole"]
        assert sorted(taken) == sorted(
            [
                _DEPLOYS.format(account, "deploy", region),
                _DEPLOYS.format(account, "file-publishing", region),
                f"arn:aws:iam::{account}:role/edge-inspector-{name}-receiving-images",
            ]
        )


def test_no_role_may_do_all_of_a_service_or_pass_a_role(delivered: Delivered) -> None:
    for stack in delivered.templates:
        for policy in delivered.all("AWS::IAM::Policy", stack):
            for statement in policy["PolicyDocument"]["Statement"]:
                assert not any("*" in action for action in _list(statement["Action"]))
                if "iam:PassRole" in _list(statement["Action"]):
                    assert statement["Condition"] == {
                        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
                    }


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_receiving_role_trusts_one_project_of_the_account_that_delivers(delivered: Delivered, name: str) -> None:
    projects = {"images": "deploy", "component": "publish", "endpoint": "serve"}
    roles = {each["RoleName"]: each for each in delivered.all("AWS::IAM::Role", name) if "RoleName" in each}
    assert roles.keys() == {f"edge-inspector-{name}-receiving-{what}" for what in projects}
    own = {each["RoleName"] for each in delivered.all("AWS::IAM::Role") if "RoleName" in each}
    for what, project in projects.items():
        (statement,) = roles[f"edge-inspector-{name}-receiving-{what}"]["AssumeRolePolicyDocument"]["Statement"]
        trusted = f"edge-inspector-delivery-{project}-{name}"
        assert statement["Principal"] == {"AWS": f"arn:aws:iam::{_HERE}:root"}
        assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{_HERE}:role/{trusted}"}}
        assert trusted in own


def test_the_one_policy_that_is_made_elsewhere_is_that_of_who_brings_models_to_the_endpoint(
    delivered: Delivered, synthesized: Synthesized
) -> None:
    given = [
        (each.get("RoleName"), policy)
        for stack in delivered.templates
        for each in delivered.all("AWS::IAM::Role", stack)
        for policy in each.get("ManagedPolicyArns", [])
    ]
    assert [(name, json.dumps(policy).rpartition("/")[2].rstrip('"]}')) for name, policy in given] == [
        (f"edge-inspector-{name}-receiving-endpoint", f"edge-inspector-{name}-endpoint-deployer")
        for name in ("dev", "prod")
    ]
    made = synthesized.resources("edge-inspector-dev-endpoint", "AWS::IAM::ManagedPolicy").values()
    assert "edge-inspector-dev-endpoint-deployer" in {each["Properties"]["ManagedPolicyName"] for each in made}


def test_an_installation_takes_containers_for_its_own_repositories_alone(delivered: Delivered) -> None:
    pushed = delivered.rights("images-role", "dev")["ecr:PutImage"]
    begin = f"arn:aws:ecr:eu-central-1:{_DEV}:repository/edge-inspector-dev-"
    assert sorted(pushed) == [f"{begin}endpoint", f"{begin}training"]  # it has no labeling page
    assert (
        f"arn:aws:ecr:eu-west-1:{_PROD}:repository/edge-inspector-prod-labeling-page"
        in (delivered.rights("images-role", "prod")["ecr:PutImage"])
    )


def test_artifacts_are_private_encrypted_and_gone_after_a_month(delivered: Delivered) -> None:
    (bucket,) = [
        each
        for each in delivered.all("AWS::S3::Bucket")
        if each["BucketName"] == f"edge-inspector-delivery-{_HERE}-eu-central-1"
    ]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert [each["ExpirationInDays"] for each in bucket["LifecycleConfiguration"]["Rules"]] == [30]
    for policy in delivered.all("AWS::S3::BucketPolicy"):
        denied = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        assert any(each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for each in denied)
    assert all(each["ArtifactStore"]["EncryptionKey"]["Type"] == "KMS" for each in map(delivered.pipeline, _PIPELINES))
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::ECR::Repository"):
        kept = set(delivered.kept(kind))
        assert kept
        assert kept <= {"Retain", "RetainExceptOnCreate"}


def test_only_the_projects_that_build_containers_are_privileged(delivered: Delivered) -> None:
    privileged = {
        each["Name"].removeprefix("edge-inspector-delivery-")
        for each in delivered.all("AWS::CodeBuild::Project")
        if each["Environment"]["PrivilegedMode"]
    }
    assert privileged == {"image-labeling", "image-training", "image-endpoint"}


def test_a_secret_is_read_from_secrets_manager_by_those_who_build_containers_alone(delivered: Delivered) -> None:
    for project in delivered.all("AWS::CodeBuild::Project"):
        name = project["Name"].removeprefix("edge-inspector-delivery-")
        read = delivered.rights(f"{name}-role").get("secretsmanager:GetSecretValue")
        assert read == ([_SECRET] if name.startswith("image-") else None)
        plain = project["Environment"].get("EnvironmentVariables", [])
        assert not [each["Name"] for each in plain if "PASSWORD" in each["Name"] or "TOKEN" in each["Name"]]
        assert project["LogsConfig"]["CloudWatchLogs"]["Status"] == "ENABLED"
        assert "EncryptionKey" in project


@_BY_PIPELINE
def test_a_pipeline_may_begin_its_own_projects_and_no_other(delivered: Delivered, name: str) -> None:
    builds = {
        action["Configuration"]["ProjectName"]
        for stage in delivered.pipeline(name)["Stages"]
        for action in stage["Actions"]
        if action["ActionTypeId"]["Provider"] == "CodeBuild"
    }
    begun = delivered.rights(f"pipeline-{name}-role")["codebuild:StartBuild"]
    assert {arn.rpartition("/")[2] for arn in begun} == builds
    made = {each["Name"] for each in delivered.all("AWS::CodeBuild::Project")}
    assert builds <= made


def test_a_model_that_was_approved_starts_the_pipeline_of_the_endpoint(delivered: Delivered) -> None:
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"]}
    bus = f"arn:aws:events:eu-central-1:{_HERE}:event-bus/edge-inspector-delivery"
    for name in ("dev", "prod"):
        (sent,) = delivered.all("AWS::Events::Rule", name)
        approved = {"ModelApprovalStatus": ["Approved"], "ModelPackageGroupName": [f"edge-inspector-{name}"]}
        assert sent["EventPattern"] == {**pattern, "detail": approved}
        assert [each["Arn"] for each in sent["Targets"]] == [bus]
        assert delivered.rights("news-role", name) == {"events:PutEvents": [bus]}
    (begins,) = [each for each in delivered.all("AWS::Events::Rule") if "EventBusName" in each]
    endpoint = f"arn:aws:codepipeline:eu-central-1:{_HERE}:edge-inspector-delivery-endpoint"
    assert begins["EventPattern"] == {**pattern, "detail": {"ModelApprovalStatus": ["Approved"]}}
    assert [each["Arn"] for each in begins["Targets"]] == [endpoint]
    assert delivered.rights("news-role") == {"codepipeline:StartPipelineExecution": [endpoint]}
    allowed = delivered.all("AWS::Events::EventBusPolicy")
    assert [each["Statement"]["Principal"]["AWS"] for each in allowed] == [
        f"arn:aws:iam::{account}:root" for account in (_DEV, _PROD)
    ]
    serves = [stage["Actions"][-1]["Name"] for stage in delivered.pipeline("endpoint")["Stages"][-3::2]]
    assert serves == ["serve", "serve"]


def test_people_are_told_of_a_pipeline_that_failed(delivered: Delivered) -> None:
    (rule,) = [each for each in delivered.all("AWS::Events::Rule") if "EventBusName" not in each]
    assert rule["EventPattern"]["detail"] == {
        "state": ["FAILED"],
        "pipeline": [{"prefix": "edge-inspector-delivery-"}],
    }
    assert [each["Endpoint"] for each in delivered.all("AWS::SNS::Subscription")] == ["ana@example.com"]


def test_cloudformation_may_make_what_the_delivery_is_made_of(delivered: Delivered) -> None:
    allowed = json.loads((_BOOTSTRAP / "execution.json").read_text())["Statement"][0]["Action"]
    kinds = {each["Type"].split("::")[1].lower() for each in delivered.templates["delivery"]["Resources"].values()}
    assert {f"{kind}:*" for kind in kinds - {"iam"}} <= set(allowed)
    roles = delivered.all("AWS::IAM::Role")
    bounded = {json.dumps(each["PermissionsBoundary"]) for each in roles}
    assert len(bounded) == 1
    assert "policy/edge-inspector-delivery-boundary" in bounded.pop()
    # CDK calls a role that has no name after its stack.
    assert all(
        each.get("RoleName", "edge-inspector-delivery-").startswith("edge-inspector-delivery-") for each in roles
    )


def test_no_role_of_the_delivery_may_do_what_its_boundary_would_take_from_it(delivered: Delivered) -> None:
    allows, _, denies = json.loads((_BOOTSTRAP / "boundary.json").read_text())["Statement"]
    for policy in delivered.all("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in _list(statement["Action"]):
                assert action not in denies["Action"]
                known = {action, f"{action.partition(':')[0]}:*"} & {*allows["Action"], "sts:AssumeRole"}
                assert known, action


_CONTAINERS = [
    (unit, environment)
    for environment in read_environments().environments
    for unit in UNITS
    if unit.is_in(environment) and unit.has_image_in(environment)
]


@pytest.mark.parametrize(("unit", "environment"), _CONTAINERS, ids=lambda each: each.name)
def test_a_stack_has_the_repository_and_the_parameter_that_its_pipeline_fills(
    synthesized: Synthesized, unit: DeliveredUnit, environment: Environment
) -> None:
    assert unit.image is not None
    stack = f"{environment.installation}-{unit.name}"
    repositories = synthesized.resources(stack, "AWS::ECR::Repository").values()
    names = [each["Properties"]["RepositoryName"] for each in repositories]
    assert names == [installed(unit.image.repository, environment.installation)]
    assert "ImageTag" in synthesized.templates[stack]["Parameters"]


def test_the_stack_of_the_endpoint_says_what_its_pipeline_asks_for(synthesized: Synthesized) -> None:
    parameters = synthesized.resources("edge-inspector-dev-endpoint", "AWS::SSM::Parameter").values()
    names = {each["Properties"]["Name"] for each in parameters}
    assert {f"/edge-inspector-dev/endpoint-{each}" for each in ("alarms", "image", "role")} <= names


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_who_publishes_components_may_use_the_key_of_the_bucket(delivered: Delivered, environment: str) -> None:
    parameters = delivered.templates[environment]["Parameters"].values()
    assert f"/edge-inspector-{environment}/key" in {each["Default"] for each in parameters}
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= delivered.rights("component-role", environment).keys()
