"""What the command line knows without CDK, and what an account is bootstrapped with, fits what CDK makes."""

import json
from pathlib import Path

import pytest

import cloud_side.lifecycle
from cloud_side.infrastructure.environments import Environment, read_environments
from cloud_side.lifecycle.looking import units_of
from cloud_side.lifecycle.stacks import OWNER_TAG
from cloud_side.lifecycle.templates import read_templates
from tests.cloud.infrastructure.conftest import Synthesized

BOOTSTRAP = Path(cloud_side.lifecycle.__file__).with_name("bootstrap")
PREFIXES = {
    "cognito": "cognito-idp",
    "elasticloadbalancingv2": "elasticloadbalancing",
    "kinesisfirehose": "firehose",
    "stepfunctions": "states",
}

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("environment", read_environments().environments, ids=lambda each: each.name)
def test_each_stack_that_is_made_is_one_that_status_asks_for(
    synthesized: Synthesized, environment: Environment
) -> None:
    templates = read_templates(synthesized.out, environment.name)
    assert {each.unit for each in templates} == set(units_of(environment))
    assert all(each.stack == f"{environment.installation}-{each.unit}" for each in templates)


def test_cloudformation_may_make_what_the_stacks_are_made_of(synthesized: Synthesized) -> None:
    execution = json.loads(BOOTSTRAP.joinpath("execution.json").read_text())["Statement"][0]["Action"]
    kinds = {each["Type"] for template in synthesized.templates.values() for each in template["Resources"].values()}
    services = {kind.split("::")[1].lower() for kind in kinds if kind.startswith("AWS::")} - {"iam", "cdk"}
    assert {PREFIXES.get(each, each) for each in services} <= {each.removesuffix(":*") for each in execution}


def test_no_role_may_do_what_the_boundary_would_take_from_it(synthesized: Synthesized) -> None:
    boundary = json.loads(BOOTSTRAP.joinpath("boundary.json").read_text())["Statement"]
    services = {each.removesuffix(":*") for each in boundary[0]["Action"]}
    for stack in synthesized.templates:
        for policy in synthesized.resources(stack, "AWS::IAM::Policy").values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                said = statement["Action"]
                actions = {said} if isinstance(said, str) else set(said)
                assert actions.isdisjoint(boundary[2]["Action"])
                assert {each.partition(":")[0] for each in actions} - services <= {"iam"}


def test_the_tag_by_which_stacks_are_found_is_the_one_that_they_get() -> None:
    from cloud_side.infrastructure import unit  # noqa: PLC0415 - CDK

    assert unit.OWNER_TAG == OWNER_TAG
