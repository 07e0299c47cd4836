"""Promises that hold for all templates: CloudFormation would take them, and nothing that matters can be lost."""

import copy
import io
import json
import os
import re
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.parsing import resource_class_from_type
from moto.core import DEFAULT_ACCOUNT_ID

from cloud_side.infrastructure.environments import read_environments
from cloud_side.infrastructure.packages import Packages
from tests.cloud.infrastructure.conftest import Synthesized, Template, require_cdk
from tests.cloud.infrastructure.policies import PSEUDO

pytestmark = pytest.mark.thorough

UNITS = {"catalog", "deployment", "ingest", "labeling", "monitoring", "training"}
GOLDEN = Path(__file__).parents[2] / "golden" / "infrastructure"
CERTIFICATE = re.compile(r"arn:aws:acm:[\w:/-]+")
# What holds something that somebody would miss: it outlives its stack.
KEPT = (
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::ECR::Repository",
    "AWS::Cognito::UserPool",
    "AWS::IoT::Policy",
    "AWS::IoT::ThingGroup",
)


def all_resources(synthesized: Synthesized) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for stack, template in synthesized.templates.items():
        for name, each in template["Resources"].items():
            yield stack, name, each


def test_each_installation_has_its_stacks_and_the_optional_ones_where_they_are_wanted(synthesized: Synthesized) -> None:
    stacks = {name.split("-", 3)[2] + "/" + name.split("-", 3)[3] for name in synthesized.templates}
    assert {f"dev/{unit}" for unit in UNITS} | {"dev/endpoint", "dev/simulated-device"} <= stacks
    assert {f"prod/{unit}" for unit in UNITS} <= stacks
    assert not {"prod/endpoint", "prod/simulated-device"} & stacks


def test_cfn_lint_has_nothing_against_any_template(everything: Synthesized) -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--", *map(str, everything.paths.values())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_what_somebody_would_miss_outlives_its_stack(everything: Synthesized) -> None:
    found = [each for each in all_resources(everything) if each[2]["Type"] in KEPT]
    assert len(found) >= 14
    for stack, name, each in found:
        assert each.get("DeletionPolicy") in {"Retain", "RetainExceptOnCreate"}, (stack, name)
        assert each.get("UpdateReplacePolicy") == "Retain", (stack, name)


def test_what_is_kept_has_the_identity_that_it_always_had(everything: Synthesized) -> None:
    kept = sorted(
        f"{stack} {name} {each['Type']}" for stack, name, each in all_resources(everything) if each["Type"] in KEPT
    )
    path, text = GOLDEN / "kept.txt", "\n".join(kept) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text  # another logical id would be a new, empty one beside the old


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_catalog_is_as_it_was_read(synthesized: Synthesized, environment: str) -> None:
    template = synthesized.templates[f"edge-inspector-{environment}-catalog"]
    path, text = GOLDEN / f"catalog-{environment}.json", json.dumps(template, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def test_every_bucket_is_private_encrypted_and_asked_by_tls_alone(everything: Synthesized) -> None:
    for stack, name, each in all_resources(everything):
        if each["Type"] != "AWS::S3::Bucket":
            continue
        properties = each["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, (stack, name)
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"], (stack, name)
        (policy,) = [
            other["Properties"]["PolicyDocument"]
            for other in everything.resources(stack, "AWS::S3::BucketPolicy").values()
            if other["Properties"]["Bucket"] == {"Ref": name}
        ]
        assert any(
            statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in policy["Statement"]
        ), (stack, name)


def test_nothing_is_open_to_the_world_but_a_door_with_tls(everything: Synthesized) -> None:
    for stack, name, each in all_resources(everything):
        if each["Type"] == "AWS::EC2::SecurityGroup":
            open_ports = {
                rule["FromPort"]
                for rule in each["Properties"].get("SecurityGroupIngress", [])
                if rule.get("CidrIp") == "0.0.0.0/0" or rule.get("CidrIpv6") == "::/0"
            }
            assert open_ports <= {443}, (stack, name)


def test_nothing_has_to_be_looked_up_in_an_account(packages: Packages, tmp_path: Path) -> None:
    from cloud_side.infrastructure.app import build  # noqa: PLC0415 - it imports CDK

    require_cdk()
    said = {"account": "111122223333", "workteam_arn": "arn:aws:sagemaker:eu-central-1:111122223333:workteam/a/b"}
    environments = [each.model_copy(update=said) for each in read_environments().environments]
    build(environments, packages, tmp_path / "cdk.out").synth()
    for path in (tmp_path / "cdk.out").glob("**/manifest.json"):
        assert json.loads(path.read_text()).get("missing", []) == []


def test_everything_is_tagged_with_its_installation(synthesized: Synthesized) -> None:
    for path in synthesized.out.glob("assembly-*/manifest.json"):
        for artifact in json.loads(path.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                tags = artifact["properties"]["tags"]
                assert artifact["properties"]["stackName"].startswith(tags["edge-inspector:installation"] + "-")


def test_stacks_of_production_are_protected_from_deletion(synthesized: Synthesized) -> None:
    for path in synthesized.out.glob("assembly-*/manifest.json"):
        for artifact in json.loads(path.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                properties = artifact["properties"]
                is_production = properties["stackName"].startswith("edge-inspector-prod-")
                assert properties.get("terminationProtection", False) is is_production


def put_assets(synthesized: Synthesized, environment: str) -> None:
    """Put what functions are made of where templates look for it, as a bootstrapped account has it."""
    s3 = boto3.client("s3")
    bucket = f"cdk-hnb659fds-assets-{DEFAULT_ACCOUNT_ID}-eu-central-1"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("module.py", "")
    for path in synthesized.out.glob(f"assembly-{environment}/*.assets.json"):
        for each in json.loads(path.read_text())["files"].values():
            for destination in each["destinations"].values():
                s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=content.getvalue())


def known_to_moto(template: Template) -> dict[str, Any]:
    """Return a template without what moto does not know, and without what refers to that."""
    left: dict[str, Any] = copy.deepcopy(dict(template["Resources"]))
    while True:
        gone = {name for name in template["Resources"] if name not in left}
        lost = [
            name
            for name, each in left.items()
            if not is_known(each["Type"]) or gone & references(each.get("Properties", {}))
        ]
        if not lost:
            break
        for name in lost:
            del left[name]
    for each in left.values():
        each.pop("DependsOn", None)
    outputs = {
        name: each
        for name, each in template.get("Outputs", {}).items()
        if references(each) <= left.keys() | PSEUDO.keys()
    }
    return {**template, "Resources": left, "Outputs": outputs}


def is_known(kind: str) -> bool:
    """Whether moto itself makes such a resource: tests of the life cycle teach it some."""
    model = resource_class_from_type(kind)
    return model is not None and model.__module__.startswith("moto.")


def references(value: Any) -> set[str]:
    """Return the logical ids that a part of a template refers to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), _]}:
            return {name}
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
        case _:
            return set()


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_moto_makes_what_it_knows_of_every_stack(
    synthesized: Synthesized, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    first = f"edge-inspector-{environment}-catalog"
    stacks = sorted(
        (name for name in synthesized.templates if name.startswith(f"edge-inspector-{environment}-")),
        key=lambda name: (name != first, name),
    )
    with mock_aws(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tried to parse")  # what it does not know, it says
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        boto3.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        put_assets(synthesized, environment)
        client = boto3.client("cloudformation")
        certificate = boto3.client("acm").request_certificate(DomainName="labels.example.com")["CertificateArn"]
        for stack in stacks:
            client.create_stack(
                StackName=stack,
                TemplateBody=CERTIFICATE.sub(certificate, json.dumps(known_to_moto(synthesized.templates[stack]))),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            (made,) = client.describe_stacks(StackName=stack)["Stacks"]
            assert made["StackStatus"] == "CREATE_COMPLETE", stack
        machines = boto3.client("stepfunctions").list_state_machines()["stateMachines"]
        assert {each["name"] for each in machines} == {
            f"edge-inspector-{environment}-{name}" for name in ("labeling", "retrain", "rollout")
        }
        parameters = boto3.client("ssm").get_parameters_by_path(Path=f"/edge-inspector-{environment}")["Parameters"]
        assert f"/edge-inspector-{environment}/bucket" in {each["Name"] for each in parameters}
