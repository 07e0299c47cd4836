"""Alarms look at what there is, tell people, and are allowed to; people get words."""

import json
import re
from itertools import chain
from typing import Any

import pytest

from cloud_side.infrastructure.alarms import Alarm, Measured, Missing, alarms
from cloud_side.infrastructure.environments import Environment, Limits, read_environments
from cloud_side.infrastructure.notices import NOTICES
from cloud_side.monitoring.metrics import Metric
from tests.cloud.infrastructure.conftest import Synthesized

INSTALLATIONS = ("edge-inspector-dev", "edge-inspector-prod")
TOPIC = "ExportsOutputRefTopic"


def _alarms(synthesized: Synthesized, installation: str) -> list[dict[str, Any]]:
    found = synthesized.resources(f"{installation}-monitoring", "AWS::CloudWatch::Alarm").values()
    return [each["Properties"] for each in found]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_limits_are_those_of_the_environment() -> None:
    environment = Environment(name="lyon", limits=Limits(most_rejected_percent=12, most_waiting_events=7))
    found = {each.name: each for each in alarms(environment)}
    assert found["reject-rate"].limit == 12
    assert "12 %" in found["reject-rate"].says
    assert found["backlog"].limit == 7


def test_an_alarm_with_more_metrics_than_aws_takes_is_refused() -> None:
    many = tuple(Measured("AWS/Lambda", "Errors", ("FunctionName", str(each))) for each in range(11))
    with pytest.raises(ValueError, match="expected at most 10 metrics, found 11"):
        Alarm("many", "", many, 0, Missing.FINE, "")


def test_only_a_watch_that_says_nothing_is_wrong_by_saying_nothing() -> None:
    (dev, *_) = read_environments().environments
    assert [each.name for each in alarms(dev) if each.missing is Missing.WRONG] == ["watch-silent"]


def test_a_message_takes_all_that_it_says_from_the_event() -> None:
    for notice in NOTICES:
        assert set(re.findall(r"<(\w+)>", notice.words)) == notice.paths.keys()
        assert json.loads(re.sub(r"<\w+>", "value", notice.template())).endswith(f"docs/runbook.md#{notice.name}")


@pytest.mark.thorough
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_each_alarm_tells_people_when_it_begins_and_when_it_is_over(
    synthesized: Synthesized, installation: str
) -> None:
    found = _alarms(synthesized, installation)
    assert len(found) > 10
    for each in found:
        name = each["AlarmName"].removeprefix(f"{installation}-")
        assert TOPIC in json.dumps(each["AlarmActions"])
        assert each["AlarmActions"] == each["OKActions"]
        assert each["AlarmDescription"].endswith(f"What to do: docs/runbook.md#{name}")
        assert [query["ReturnData"] for query in each["Metrics"]].count(True) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_what_alarms_look_at_is_there(synthesized: Synthesized, installation: str) -> None:
    properties = [
        each["Properties"]
        for stack, template in synthesized.templates.items()
        if stack.startswith(f"{installation}-")
        for each in template["Resources"].values()
        if "Properties" in each
    ]
    names = {
        str(value)
        for each in properties
        for key, value in each.items()
        if key in {"FunctionName", "StateMachineName", "LogGroupName", "DeliveryStreamName", "Name"}
    }
    told = {metric.value for metric in Metric}
    for metric in chain.from_iterable(
        [query["MetricStat"]["Metric"] for query in each["Metrics"] if "MetricStat" in query]
        for each in _alarms(synthesized, installation)
    ):
        if metric["Namespace"] == "EdgeInspector":
            assert metric["MetricName"] in told
            assert metric["Dimensions"] == [{"Name": "Installation", "Value": installation}]
        for dimension in metric.get("Dimensions", ()):
            if dimension["Name"] != "Installation":
                last = json.dumps(dimension["Value"]).strip('[]}"').rpartition(":")[2]
                assert last in names, dimension


@pytest.mark.thorough
def test_a_rule_tells_of_this_installations_pipeline_and_of_no_refused_model(synthesized: Synthesized) -> None:
    rules = synthesized.resources("edge-inspector-prod-monitoring", "AWS::Events::Rule").values()
    found = {each["Properties"]["Name"]: each["Properties"] for each in rules}
    assert found.keys() == {f"edge-inspector-prod-{each.name}" for each in NOTICES}
    detail = found["edge-inspector-prod-training-failed"]["EventPattern"]["detail"]
    assert "pipeline/edge-inspector-prod-training" in json.dumps(detail["pipelineArn"])
    assert detail["stepName"] == [{"anything-but": ["Refused"]}]
    for each in found.values():
        (target,) = each["Targets"]
        assert TOPIC in json.dumps(target["Arn"])
        assert "RoleArn" not in target  # the topic's own policy is what lets it in


@pytest.mark.thorough
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_the_topic_and_its_key_let_in_who_tells_people(synthesized: Synthesized, installation: str) -> None:
    stack = f"{installation}-catalog"
    (topic,) = synthesized.resources(stack, "AWS::SNS::TopicPolicy").values()
    (key,) = synthesized.resources(stack, "AWS::KMS::Key").values()
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    allowed = [each for each in topic["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    tellers = {service: each.get("Condition") for each in allowed for service in _listed(each["Principal"]["Service"])}
    # EventBridge is let in by no condition that AWS does not support for it.
    assert tellers == {"cloudwatch.amazonaws.com": own, "budgets.amazonaws.com": own, "events.amazonaws.com": None}
    said = [each for each in key["Properties"]["KeyPolicy"]["Statement"] if "Service" in each["Principal"]]
    (events,) = [each["Condition"] for each in said if "events.amazonaws.com" in _listed(each["Principal"]["Service"])]
    assert f":{installation}*" in json.dumps(events["StringLike"]["kms:EncryptionContext:aws:sns:topicArn"])
    assert "StringEquals" not in events


@pytest.mark.thorough
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_a_budget_counts_this_installation_alone(synthesized: Synthesized, installation: str) -> None:
    (budget,) = synthesized.resources(f"{installation}-monitoring", "AWS::Budgets::Budget").values()
    environment = read_environments().named(installation.rpartition("-")[2])
    properties = budget["Properties"]
    assert properties["Budget"]["BudgetLimit"] == {"Amount": environment.monthly_budget_usd, "Unit": "USD"}
    assert properties["Budget"]["CostFilters"] == {"TagKeyValue": [f"user:edge-inspector:installation${installation}"]}
    assert "BudgetName" not in properties["Budget"]  # it could not be replaced
    for told in properties["NotificationsWithSubscribers"]:
        assert "SNS" in [each["SubscriptionType"] for each in told["Subscribers"]]


@pytest.mark.thorough
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_the_dashboard_has_room_for_all_that_it_shows(synthesized: Synthesized, installation: str) -> None:
    (made,) = synthesized.resources(f"{installation}-monitoring", "AWS::CloudWatch::Dashboard").values()
    parts = made["Properties"]["DashboardBody"]["Fn::Join"][1]
    body = json.loads("".join(each if isinstance(each, str) else "111122223333" for each in parts))
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        cells = {(x, y) for x in columns for y in range(widget["y"], widget["y"] + widget["height"])}
        assert not cells & taken
        assert max(columns) < 24
        taken |= cells
    shown = json.dumps(body)
    assert all(f'"{metric.value}"' in shown for metric in Metric)
    assert "Latency, ms (p95)" in shown
