"""What each role may do: nothing that nobody needs, all that its functions call, and a list that a person can read."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.installation import installed
from cloud_side.workflows import Function
from tests.cloud.infrastructure.conftest import Synthesized
from tests.cloud.infrastructure.permissions import GOLDEN, acknowledged_in, permission_list
from tests.cloud.infrastructure.policies import ACCOUNT, REGION, Role, policies, roles

pytestmark = pytest.mark.thorough

CALLS = Path(__file__).parent / "recorded" / "calls.json"
FUNCTIONS = [function for workflow in WORKFLOWS for function in workflow.functions]
BUCKET = f"arn:aws:s3:::{{}}-{ACCOUNT}-{REGION}"
# What S3 asks of a caller, by the operation; the others ask for the right of their own name.
S3_ACTIONS = {
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "DeleteObjects": "s3:DeleteObject",
    "CopyObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
}
SERVICES = {
    "stepfunctions": "states",
    "greengrassv2": "greengrass",
    "sagemaker-featurestore-runtime": "sagemaker",
}

# Pictures, labels, versions, models, and what stations said.
KEPT = (
    "samples/site=ulm/line=line-1/station=press-3/dt=2026-03-01/01KJMMA2G0KXABXA243DN30PBS-0.jpg",
    "labeling/batches/first/round-1/accepted.jsonl",
    "labeling/batches/first/round-1/label/answers/00/ana.json",
    "label-store/1/sagemaker/eu-central-1/offline-store/a.parquet",
    "labels/imported/1.jsonl",
    "catalog/taken/00000001.jsonl",
    "datasets/parts/00.jsonl",
    "datasets/images/03/00.png",
    "models/metal-tags/1.0.0/model.tar.gz",
    "deployment/rollouts/first/record.json",
    "events/model/press-3/first.json",
)
# What every function may do: its log, its traces, the installation's key.
OF_ALL = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "s3:ListBucket",  # a key that is not there is told as such, and not as forbidden
    "s3:AbortMultipartUpload",  # an upload that failed
}
# What AWS asks of whoever calls an operation, beside the right of its own name.
# Service Authorization Reference, "AWS IoT Greengrass V2", dependent actions.
_LOOKED_AT = frozenset({"iot:DescribeJob", "iot:DescribeThing", "iot:DescribeThingGroup", "iot:GetThingShadow"})
_BY_ATHENA = frozenset({"GetDatabase", "CreateDatabase", "GetTable", "GetPartitions"})
DEPENDENT: Mapping[str, frozenset[str]] = {
    # https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena.html: it reads and writes as who asks may
    "athena:StartQueryExecution": frozenset(f"glue:{verb}" for verb in _BY_ATHENA)
    | {"athena:GetDataCatalog", "s3:GetObject", "s3:PutObject", "s3:GetBucketLocation"}
    | {"s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"},
    "greengrass:CreateComponentVersion": frozenset({"greengrass:TagResource"}),
    "greengrass:CreateDeployment": _LOOKED_AT
    | {"greengrass:TagResource", "iot:CancelJob", "iot:CreateJob", "iot:UpdateJob"},
    "greengrass:GetDeployment": _LOOKED_AT,
    "greengrass:ListDeployments": _LOOKED_AT,
    "greengrass:ListEffectiveDeployments": _LOOKED_AT | {"iot:DescribeJobExecution"},
}
# What no test has a function do that is recorded.
UNSEEN = {"edge-inspector-rollout-look-restored": {"greengrass:ListDeployments"}}  # which deployment is the latest
# Only with a work team of Ground Truth, which the built-in installations have not.
WITH_TEAM = {"sagemaker:DescribeLabelingJob", "sagemaker:StopLabelingJob"}


@pytest.fixture(scope="module")
def all_roles(everything: Synthesized) -> list[Role]:
    return [
        role
        for stack, template in sorted(everything.templates.items())
        for role in (*roles(stack, template), *policies(stack, template))
    ]


def role_of(all_roles: list[Role], function: str, environment: str) -> Role:
    name = installed(function, f"edge-inspector-{environment}")
    (found,) = [role for role in all_roles if role.described == f"What {name} may do"]
    return found


def test_no_action_has_a_wildcard_and_no_policy_is_one_that_aws_manages(all_roles: list[Role]) -> None:
    assert len(all_roles) > 50
    for role in all_roles:
        assert not [arn for arn in role.managed if "::aws:policy/" in arn], role
        for statement in role.statements:
            if statement.allows:
                assert not [action for action in statement.actions if "*" in action], role


def test_every_role_says_what_it_is_for_and_who_takes_it(all_roles: list[Role]) -> None:
    for role in all_roles:
        assert role.described, role.name
        assert role.taken_by, role.name
        assert "*" not in role.taken_by, role.name


def test_the_list_is_the_one_that_was_read(everything: Synthesized, all_roles: list[Role]) -> None:
    text = permission_list(all_roles, list(acknowledged_in(everything)))
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text


def calls_of(function: Function) -> Iterator[tuple[str, str]]:
    """Return service and operation, and what each call was about, as it was recorded."""
    recorded: Mapping[str, Mapping[str, list[str]]] = json.loads(CALLS.read_text())
    for operation, about in recorded[function.handler].items():
        for what in about:
            copied = re.search(r"'Key': '([^']*)'", what)  # what is copied is read, where it goes is written
            yield ("s3:GetObject", copied[1]) if copied else (operation, what)


def rights_for(operation: str, about: str, installation: str) -> tuple[str, str, Mapping[str, str]]:
    """Return what IAM is asked for a call: action, resource and context; `?` where a call names no resource."""
    service, _, name = operation.partition(":")
    if service == "s3":
        action = S3_ACTIONS.get(name, f"s3:{name}")
        bucket = BUCKET.format(installation)
        if action == "s3:ListBucket":
            return action, bucket, {"s3:prefix": about}
        return action, f"{bucket}/{about}", {}
    return f"{SERVICES.get(service, service)}:{name}", "?", {}


def asked(role: Role, action: str, resource: str, context: Mapping[str, str]) -> bool:
    if resource != "?":
        return role.may(action, resource, context)
    return any(action in statement.actions for statement in role.statements if statement.allows)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.name)
def test_a_function_may_do_all_that_it_was_seen_to_do(all_roles: list[Role], function: Function) -> None:
    role = role_of(all_roles, function.name, "dev")
    wanted = [rights_for(operation, about, "edge-inspector-dev") for operation, about in calls_of(function)]
    assert [each for each in wanted if each[0] not in WITH_TEAM and not asked(role, *each)] == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.name)
def test_a_function_may_do_nothing_that_none_was_seen_to_do(all_roles: list[Role], function: Function) -> None:
    role = role_of(all_roles, function.name, "dev")
    seen = {rights_for(operation, about, "")[0] for operation, about in calls_of(function)} | OF_ALL
    seen |= UNSEEN.get(function.name, set())
    seen |= {dependent for action in seen for dependent in DEPENDENT.get(action, ())}
    assert {action for statement in role.statements for action in statement.actions} <= seen


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.name)
def test_a_function_of_one_installation_may_do_nothing_in_another(all_roles: list[Role], function: Function) -> None:
    role = role_of(all_roles, function.name, "dev")
    for operation, about in calls_of(function):
        action, resource, context = rights_for(operation, about, "edge-inspector-prod")
        if resource != "?":
            assert not role.may(action, resource, context)


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("key", KEPT)
def test_no_role_may_delete_what_was_seen_or_learned(all_roles: list[Role], environment: str, key: str) -> None:
    bucket = BUCKET.format(f"edge-inspector-{environment}")
    deleting = ("s3:DeleteObject", "s3:DeleteObjectVersion")
    able = [role for role in all_roles for action in deleting if role.may(action, f"{bucket}/{key}")]
    assert [role.described for role in able] == []
    assert not [role for role in all_roles if role.may("s3:DeleteBucket", bucket)]


def test_what_no_part_of_the_product_may_do_is_denied(all_roles: list[Role]) -> None:
    for role in all_roles:
        allowed = {action for statement in role.statements if statement.allows for action in statement.actions}
        for action in ("iam:CreateUser", "iam:AttachRolePolicy", "s3:PutBucketPolicy", "kms:ScheduleKeyDeletion"):
            assert action not in allowed, role.described
        assert not role.may(
            "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Admin", {"iam:PassedToService": "ec2.amazonaws.com"}
        )
        assert not role.may("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Admin"), role.described
