"""Topic rules come and go with the workflows that need them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.installing import BUCKET, install, install_each
from cloud_side.local.opening import LocalCloud
from cloud_side.workflows import TopicRule, Workflow
from tests.cloud.local.engines import opened


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with opened(tmp_path_factory.mktemp("installed") / "engine") as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloud.session, "client", cache(cloud.session.client))  # to make one takes longer than a test
        yield cloud


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    definition = tmp_path / "w.asl.json"
    definition.write_text('{"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": {"Type": "Succeed"}}}')
    rule = TopicRule("models", "SELECT * FROM '${Bucket}/+/model'", "events/${Bucket}/${topic(2)}/${newuuid()}")
    return Workflow("told", definition, topic_rules=(rule,))


def rules(cloud: LocalCloud) -> dict[str, Any]:
    iot = cloud.session.client("iot")
    names = [each["ruleName"] for each in iot.list_topic_rules()["rules"]]
    return {name: iot.get_topic_rule(ruleName=name)["rule"] for name in names}


def test_a_topic_rule_is_filled_in_updated_and_goes_with_the_version_that_had_it(
    cloud: LocalCloud, workflow: Workflow
) -> None:
    iot, (rule,) = cloud.session.client("iot"), workflow.topic_rules
    payload = {"sql": "SELECT * FROM 'a'", "actions": [], "description": "not of it"}
    iot.create_topic_rule(ruleName="own", topicRulePayload=payload)
    install(cloud, [workflow])
    found = rules(cloud)["models"]
    assert found["sql"] == f"SELECT * FROM '{BUCKET}/+/model'"
    action = {"bucketName": BUCKET, "key": f"events/{BUCKET}/${{topic(2)}}/${{newuuid()}}"}
    assert found["actions"][0]["s3"].items() >= action.items()

    iot.disable_topic_rule(ruleName="models")
    install(cloud, [workflow])
    install(cloud, [replace(workflow, topic_rules=(replace(rule, key="other/${newuuid()}"),))])
    found = rules(cloud)["models"]
    assert (found["actions"][0]["s3"]["key"], found["ruleDisabled"]) == ("other/${newuuid()}", True)

    install(cloud, [replace(workflow, topic_rules=())])
    assert rules(cloud).keys() == {"own"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sql": "SELECT * FROM '${Nobody}'"}, "topic rule models: nothing is known for ${Nobody}"),
        ({"sql": "SELECT * FROM 'a' WHERE b = 1"}, "topic rule models: sql: found"),
        ({"key": "${topic(9)}"}, "topic rule models: key: found ${topic(9)}"),
        ({"name": "mo-dels"}, "topic rule mo-dels: ruleName: found 'mo-dels'"),
    ],
)
def test_a_topic_rule_that_cannot_be_is_told_and_nothing_of_its_workflow_is_made(
    cloud: LocalCloud, workflow: Workflow, change: dict[str, str], why: str
) -> None:
    (rule,) = workflow.topic_rules
    (problem,) = install_each(cloud, [replace(workflow, name="wrong", topic_rules=(replace(rule, **change),))])
    assert why in problem
    machines = cloud.session.client("stepfunctions").list_state_machines()["stateMachines"]
    assert "wrong" not in [each["name"] for each in machines]
