"""Two installations in one account and region: nothing of the one is called as something of the other, nor hears it."""

import json
from collections.abc import Iterator

import pytest

from cloud_side.infrastructure.environments import read_environments
from tests.cloud.infrastructure.conftest import Synthesized

pytestmark = pytest.mark.thorough
# Parts of something that has a name, by the part's own or by that one's.
_PARTS = {
    "AWS::Glue::Table",
    "AWS::IAM::Policy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogStream",
}
_OTHERS_NAMES = {"EventTimeFeatureName", "MetricName", "RecordIdentifierFeatureName"}


def names(synthesized: Synthesized, environment: str) -> Iterator[tuple[str, str, str]]:
    """Yield kind, property and value of all that names a resource of an installation in its account."""
    for stack, template in synthesized.templates.items():
        if stack.startswith(f"edge-inspector-{environment}-"):
            for each in template["Resources"].values():
                for key, value in each.get("Properties", {}).items():
                    is_name = key.endswith(("Name", "RoleAlias")) and key not in _OTHERS_NAMES
                    if is_name and each["Type"] not in _PARTS:
                        yield each["Type"], key, json.dumps(value)


def test_no_two_things_of_two_installations_are_called_the_same(synthesized: Synthesized) -> None:
    dev, prod = (set(names(synthesized, environment)) for environment in ("dev", "prod"))
    assert len(dev) > 50
    assert sorted(dev & prod) == []


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_no_rule_hears_what_another_installation_of_the_account_says(
    synthesized: Synthesized, environment: str
) -> None:
    ours = f"edge-inspector-{environment}"
    stacks = [stack for stack in synthesized.templates if stack.startswith(f"{ours}-")]
    patterns = [
        pattern
        for stack in stacks
        for rule in synthesized.resources(stack, "AWS::Events::Rule").values()
        if (pattern := json.dumps(rule["Properties"].get("EventPattern"))) != "null"
    ]
    assert len(patterns) > 0
    # What Greengrass tells of a device names no installation: all of an account hear of it.
    assert [each for each in patterns if ours not in each and '"aws.greengrass"' not in each] == []
    topics = [
        json.dumps(rule["Properties"]["TopicRulePayload"]["Sql"])
        for stack in stacks
        for rule in synthesized.resources(stack, "AWS::IoT::TopicRule").values()
    ]
    assert len(topics) >= 2
    filters = f"'{read_environments().named(environment).topics}/"
    assert [each for each in topics if filters not in each] == []
