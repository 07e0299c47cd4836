"""What is published reaches the broker's topic and the functions, once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_side.local.calling import Caller, calling
from cloud_side.local.database import Database
from cloud_side.local.services.functions.service import register
from cloud_side.local.services.notifications import SNS
from tests.cloud.local.kept import Kept, kept


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("sns"), [SNS]) as made:
        yield made


@pytest.fixture
def opened(kept_home: Kept) -> tuple[Any, Database]:
    kept_home.empty()
    with kept_home.database.transaction() as connection:
        register(connection, name="f", handler="h.h", now=datetime.now(UTC))
    return kept_home.client("sns"), kept_home.database


def test_a_message_goes_to_the_broker_under_its_topics_name(opened: tuple[Any, Database]) -> None:
    sns, database = opened
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    attributes = {
        "severity": {"DataType": "String", "StringValue": "high"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\0"},
    }
    sent = sns.publish(TopicArn=topic, Message="it is hot: 90 °C", Subject="Oven 3", MessageAttributes=attributes)
    (row,) = database.connection().execute("SELECT * FROM messages")
    assert (row["topic"], row["retain"]) == ("edge-inspector/cloud/alarms", 0)
    told = json.loads(row["payload"])
    del told["Timestamp"]
    assert told == {
        "Type": "Notification",
        "MessageId": sent["MessageId"],
        "TopicArn": topic,
        "Subject": "Oven 3",
        "Message": "it is hot: 90 °C",
        "MessageAttributes": {
            "severity": {"Type": "String", "Value": "high"},
            "raw": {"Type": "Binary", "Value": "AA=="},
        },
    }


def test_a_subscribed_function_is_invoked_with_its_own_text(opened: tuple[Any, Database]) -> None:
    sns, database = opened
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint="f")["SubscriptionArn"]
    texts = {"default": "short", "lambda": '{"a": 1}'}
    sns.publish(TopicArn=topic, Message=json.dumps(texts), MessageStructure="json")
    (row,) = database.connection().execute("SELECT * FROM invocations")
    assert row["function"] == "f"
    (record,) = json.loads(row["payload"])["Records"]
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", subscription)
    assert (record["Sns"]["Message"], record["Sns"]["TopicArn"]) == ('{"a": 1}', topic)
    (message,) = database.connection().execute("SELECT payload FROM messages")
    assert json.loads(message["payload"])["Message"] == "short"


def test_a_function_that_is_gone_does_not_stop_the_message(
    opened: tuple[Any, Database], caplog: pytest.LogCaptureFixture
) -> None:
    sns, database = opened
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint="gone")
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint="f")
    sns.publish(TopicArn=topic, Message="m")
    assert len(database.connection().execute("SELECT * FROM invocations").fetchall()) == 1
    assert "not delivered to arn:aws:lambda:eu-central-1:000000000000:function:gone" in caplog.text


def test_a_task_that_is_cut_off_publishes_once(opened: tuple[Any, Database]) -> None:
    sns, database = opened
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sent = []
    for _ in range(2):
        with calling(Caller("execution", "task")):
            sent.append(sns.publish(TopicArn=topic, Message="m")["MessageId"])
    assert len(set(sent)) == 1
    assert len(database.connection().execute("SELECT * FROM messages").fetchall()) == 1


@pytest.mark.parametrize(
    ("subscription", "said"),
    [
        ({"Protocol": "email", "Endpoint": "a@example.com"}, "'email' is not there on the local engine"),
        ({"Protocol": "lambda", "Endpoint": "f", "Attributes": {"FilterPolicy": "{}"}}, "FilterPolicy"),
    ],
)
def test_what_makes_no_sense_here_is_refused(
    opened: tuple[Any, Database], subscription: dict[str, Any], said: str
) -> None:
    sns, _ = opened
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    with pytest.raises(sns.exceptions.InvalidParameterException, match=said):
        sns.subscribe(TopicArn=topic, **subscription)


@pytest.mark.parametrize("message", ["{", '{"lambda": "m"}', "[]"])  # moto looks into none of them
def test_a_structure_needs_a_text_for_all(opened: tuple[Any, Database], message: str) -> None:
    sns, _ = opened
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    with pytest.raises(sns.exceptions.InvalidParameterException, match="Message Structure"):
        sns.publish(TopicArn=topic, Message=message, MessageStructure="json")
