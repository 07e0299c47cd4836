"""What is promised of the stack that hears stations."""

import json
from typing import Any

import pytest

from cloud_side.monitoring.heard import HEARD
from tests.cloud.infrastructure.conftest import Synthesized

pytestmark = pytest.mark.thorough

DEV = "edge-inspector-dev-ingest"
PROD = "edge-inspector-prod-ingest"


def rules(synthesized: Synthesized, stack: str = DEV) -> dict[str, dict[str, Any]]:
    found = synthesized.resources(stack, "AWS::IoT::TopicRule").values()
    return {each["Properties"]["RuleName"]: each["Properties"]["TopicRulePayload"] for each in found}


def statements(synthesized: Synthesized, description: str) -> list[dict[str, Any]]:
    """Return what a role may do, which is found by what it is for."""
    (role,) = (
        name
        for name, each in synthesized.resources(DEV, "AWS::IAM::Role").items()
        if each["Properties"]["Description"] == description
    )
    return [
        statement
        for each in synthesized.resources(DEV, "AWS::IAM::Policy").values()
        if {"Ref": role} in each["Properties"]["Roles"]
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
    ]


@pytest.mark.parametrize(("stack", "prefix"), [(DEV, "edge-inspector-dev"), (PROD, "edge-inspector")])
def test_every_rule_hears_the_stations_of_its_installation_alone(
    synthesized: Synthesized, stack: str, prefix: str
) -> None:
    found = rules(synthesized, stack)
    assert len(found) == len(HEARD) + 2
    for name, rule in found.items():
        assert f"FROM '{prefix}/" in rule["Sql"], name
        assert name.startswith(stack.removesuffix("-ingest").replace("-", "_")), name


def test_every_rule_says_what_it_could_not_do(synthesized: Synthesized) -> None:
    for name, rule in rules(synthesized).items():
        assert rule["ErrorAction"].keys() == {"CloudwatchLogs"}, name
        assert rule["AwsIotSqlVersion"] == "2016-03-23"


def test_all_events_come_to_the_bucket_and_nothing_that_carries_the_present(synthesized: Synthesized) -> None:
    rule = rules(synthesized)["edge_inspector_dev_events"]
    assert rule["Sql"] == "SELECT * FROM 'edge-inspector-dev/#' WHERE isUndefined(specversion) = false"
    (stream,) = synthesized.resources(DEV, "AWS::KinesisFirehose::DeliveryStream").values()
    name, target = (
        stream["Properties"]["DeliveryStreamName"],
        stream["Properties"]["ExtendedS3DestinationConfiguration"],
    )
    assert rule["Actions"][0]["Firehose"]["DeliveryStreamName"] == name
    assert rule["Actions"][0]["Firehose"]["Separator"] == "\n"
    assert target["CompressionFormat"] == "GZIP"
    assert "KMSEncryptionConfig" in target["EncryptionConfiguration"]
    assert target["Prefix"] == "events/all/dt=!{timestamp:yyyy-MM-dd}/"
    assert target["ErrorOutputPrefix"].startswith("events/failed/")
    assert stream["Properties"]["DeliveryStreamEncryptionConfigurationInput"]["KeyType"] == "AWS_OWNED_CMK"


def test_the_stream_touches_neither_what_rollouts_read_nor_any_image(synthesized: Synthesized) -> None:
    allowed = statements(synthesized, "Writes events to the bucket")
    objects = [each for each in allowed if "s3:PutObject" in each["Action"] or "s3:GetObject" in each["Action"]]
    assert objects
    for each in objects:
        assert all("/events/all/*" in text or "/events/failed/*" in text for text in map(json.dumps, each["Resource"]))


def test_athena_reads_the_events_where_the_stream_writes_them(synthesized: Synthesized) -> None:
    (table,) = synthesized.resources(DEV, "AWS::Glue::Table").values()
    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    described = table["Properties"]["TableInput"]
    template = json.dumps(described["Parameters"]["storage.location.template"])
    assert "/events/all/dt=${dt}/" in template
    assert described["Parameters"]["projection.enabled"] == "true"
    assert described["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]


def test_rows_of_stations_expire_and_cost_what_is_used(synthesized: Synthesized) -> None:
    (table,) = synthesized.resources(DEV, "AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_s", "Enabled": True}
    assert [each["AttributeName"] for each in properties["KeySchema"]] == ["station", "kind"]


def test_defects_are_passed_on_encrypted_and_nobody_is_flooded(synthesized: Synthesized) -> None:
    (topic,) = synthesized.resources(DEV, "AWS::SNS::Topic").values()
    assert topic["Properties"]["TopicName"] == "edge-inspector-dev-defects"
    assert "KmsMasterKeyId" in topic["Properties"]
    (policy,) = synthesized.resources(DEV, "AWS::SNS::TopicPolicy").values()
    assert "aws:SecureTransport" in json.dumps(policy)
    assert not synthesized.resources(DEV, "AWS::SNS::Subscription")
    rule = rules(synthesized)["edge_inspector_dev_defects"]
    assert rule["Sql"] == "SELECT * FROM 'edge-inspector-dev/+/+/+/+/defect'"


def test_the_watch_is_called_every_minute_and_ends_before_the_next_one(synthesized: Synthesized) -> None:
    (rule,) = synthesized.resources(DEV, "AWS::Events::Rule").values()
    (function,) = synthesized.resources(DEV, "AWS::Lambda::Function").values()
    (again,) = synthesized.resources(DEV, "AWS::Lambda::EventInvokeConfig").values()
    assert rule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert function["Properties"]["Timeout"] < 60
    assert again["Properties"]["MaximumRetryAttempts"] == 0
    assert function["Properties"]["Environment"]["Variables"].keys() == {
        "EDGE_INSPECTOR_INSTALLATION",
        "STATIONS_TABLE",
        "TOPIC_ARN",
        "SILENT_AFTER_MINUTES",
    }


def test_the_watch_may_read_and_write_rows_and_tell_people_and_nothing_else(synthesized: Synthesized) -> None:
    allowed = statements(synthesized, "What edge-inspector-dev-watch may do")
    actions = {action for each in allowed for action in [each["Action"]] if isinstance(action, str)}
    actions |= {action for each in allowed if isinstance(each["Action"], list) for action in each["Action"]}
    assert {action for action in actions if not action.startswith(("xray:", "logs:", "kms:"))} == {
        "dynamodb:Scan",
        "dynamodb:BatchWriteItem",
        "sns:Publish",
    }
