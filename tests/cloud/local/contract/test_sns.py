"""SNS: the same asked of the local service and of moto."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.services.notifications import SNS
from tests.cloud.local.kept import Kept, kept

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:f"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("sns"), [SNS]) as made:
        yield made


@pytest.fixture(params=["local", "moto"])
def sns(request: pytest.FixtureRequest, local: Kept) -> Any:
    local.empty()
    return (local if request.param == "local" else request.getfixturevalue("moto_session")).client("sns")


def test_a_topic_is_made_once_listed_and_deleted(sns: Any) -> None:
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    assert sns.create_topic(Name="alarms")["TopicArn"] == topic
    assert topic.endswith(":alarms")
    assert sns.list_topics()["Topics"] == [{"TopicArn": topic}]
    sns.delete_topic(TopicArn=topic)
    assert sns.list_topics()["Topics"] == []
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=topic, Message="m")


@pytest.mark.parametrize("sns", ["local", pytest.param("moto", marks=pytest.mark.nightly)], indirect=True)
def test_a_hundred_topics_are_a_page(sns: Any) -> None:
    topics = {sns.create_topic(Name=f"t{number}")["TopicArn"] for number in range(101)}
    pages = list(sns.get_paginator("list_topics").paginate())
    assert len(pages) == 2
    assert {topic["TopicArn"] for page in pages for topic in page["Topics"]} == topics


def test_a_function_is_subscribed_once_and_unsubscribed(sns: Any) -> None:
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)["SubscriptionArn"]
    assert sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)["SubscriptionArn"] == arn
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["SubscriptionArn"], subscription["Endpoint"]) == (arn, FUNCTION)
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_a_message_has_an_id_and_what_cannot_be_is_refused(sns: Any) -> None:
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.create_topic(Name="no spaces")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    for message in ({"Message": "x" * 262_145}, {"Message": "m", "Subject": "s" * 101}):
        with pytest.raises(sns.exceptions.InvalidParameterException):
            sns.publish(TopicArn=topic, **message)
    attributes = {"severity": {"DataType": "String", "StringValue": "high"}}
    sent = sns.publish(TopicArn=topic, Message="m", Subject="s", MessageAttributes=attributes)
    assert len(sent["MessageId"]) == 36
