"""Topic rules of AWS IoT, here and as moto knows them.

Where moto differs from AWS: it looks at no statement and no name, and a rule that is not there it does not find; AWS's
operations have no such error.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.iot import IOT
from tests.cloud.local.fleet import forget, open_cloud

SQL = "SELECT * FROM 'edge-inspector/+/+/+/model'"
S3 = {"roleArn": "arn:aws:iam::000000000000:role/r", "bucketName": "b", "key": "events/${topic(4)}/${newuuid()}.json"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Any]]:
    home = Home(tmp_path_factory.mktemp("cloud"))
    home.make()
    database, session = open_cloud(home, [IOT])
    yield database, session.client("iot")
    database.close()


@pytest.fixture
def local(opened: tuple[Database, Any]) -> Any:
    database, client = opened
    forget(database)
    return client


@pytest.fixture(params=["local", pytest.param("moto", marks=pytest.mark.nightly)])
def iot(request: pytest.FixtureRequest) -> Any:
    if request.param == "moto":
        return request.getfixturevalue("moto_session").client("iot")
    return request.getfixturevalue("local")


def rule(**more: Any) -> dict[str, Any]:
    return {"sql": SQL, "actions": [{"s3": S3}], **more}


def test_a_rule_is_made_got_listed_replaced_and_deleted(iot: Any) -> None:
    iot.create_topic_rule(ruleName="models", topicRulePayload=rule(description="d", awsIotSqlVersion="2016-03-23"))
    found = iot.get_topic_rule(ruleName="models")
    assert found["ruleArn"].endswith(":rule/models")
    said = {name: found["rule"][name] for name in ("ruleName", "sql", "actions", "description", "awsIotSqlVersion")}
    assert said == {"ruleName": "models", "description": "d", "awsIotSqlVersion": "2016-03-23", **rule()}
    assert found["rule"]["ruleDisabled"] is False
    iot.replace_topic_rule(ruleName="models", topicRulePayload=rule(sql="SELECT * FROM 'a/+/+/d/#'", ruleDisabled=True))
    (listed,) = iot.list_topic_rules()["rules"]
    assert (listed["ruleName"], listed["topicPattern"], listed["ruleDisabled"]) == ("models", "a/+/+/d/#", True)
    iot.delete_topic_rule(ruleName="models")
    assert iot.list_topic_rules()["rules"] == []


def test_a_rule_is_disabled_and_enabled(iot: Any) -> None:
    iot.create_topic_rule(ruleName="models", topicRulePayload=rule())
    for change, is_disabled in ((iot.disable_topic_rule, True), (iot.enable_topic_rule, False)):
        change(ruleName="models")
        assert iot.get_topic_rule(ruleName="models")["rule"]["ruleDisabled"] is is_disabled


def test_a_name_is_taken_once(iot: Any) -> None:
    iot.create_topic_rule(ruleName="models", topicRulePayload=rule())
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_topic_rule(ruleName="models", topicRulePayload=rule())


def test_rules_are_listed_by_name_in_pages_by_filter_and_by_whether_they_act(local: Any) -> None:
    for name in "cab":
        local.create_topic_rule(ruleName=name, topicRulePayload=rule(ruleDisabled=name == "c"))
    local.create_topic_rule(ruleName="d", topicRulePayload=rule(sql="SELECT * FROM 'd'", actions=[]))
    pages = local.get_paginator("list_topic_rules").paginate(PaginationConfig={"PageSize": 3})
    assert [[each["ruleName"] for each in page["rules"]] for page in pages] == [["a", "b", "c"], ["d"]]
    assert [each["ruleName"] for each in local.list_topic_rules(topic="d")["rules"]] == ["d"]
    assert [each["ruleName"] for each in local.list_topic_rules(ruleDisabled=True)["rules"]] == ["c"]


def test_a_rule_that_is_not_there_may_be_seen_and_changed_by_nobody(local: Any) -> None:
    calls = [local.get_topic_rule, local.delete_topic_rule, local.enable_topic_rule, local.disable_topic_rule]
    for call in calls:
        with pytest.raises(local.exceptions.UnauthorizedException, match="Access to topic rule 'gone' was denied"):
            call(ruleName="gone")
    with pytest.raises(local.exceptions.UnauthorizedException):
        local.replace_topic_rule(ruleName="gone", topicRulePayload=rule())


@pytest.mark.parametrize(
    ("sql", "code", "said"),
    [
        ("SELEC * FROM 'a'", "SqlParseException", "expected SELECT * FROM 'filter'"),
        ("SELECT * FROM 'a/b+'", "SqlParseException", "'+' to be a whole level"),
        ("SELECT * FROM 'a/#/b'", "SqlParseException", "'#' to be the whole last level"),
        ("SELECT * FROM 'a/b#'", "SqlParseException", "'#' to be the whole last level"),
        ("SELECT * FROM '1/2/3/4/5/6/7/8/9'", "SqlParseException", "7 slashes"),
        ("SELECT * FROM '$aws/things/#'", "SqlParseException", "not the service's own"),
        ("SELECT color FROM 'a'", "NotOnLocalEngine", "knows SELECT * FROM 'filter' alone, without WHERE"),
        ("SELECT * FROM 'a' WHERE color = 'red'", "NotOnLocalEngine", "without WHERE"),
    ],
)
def test_a_statement_that_is_not_there_here_is_refused_with_what_is(local: Any, sql: str, code: str, said: str) -> None:
    with pytest.raises(ClientError) as error:
        local.create_topic_rule(ruleName="r", topicRulePayload=rule(sql=sql, actions=[]))
    assert error.value.response["Error"]["Code"] == code
    assert said in error.value.response["Error"]["Message"]
    assert sql.partition("'")[2].rpartition("'")[0] in error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("action", "code", "said"),
    [
        ({"lambda": {"functionArn": "f"}}, "NotOnLocalEngine", "lambda: not there on the local engine, which knows s3"),
        ({}, "InvalidRequestException", "expected s3"),
        ({"s3": {**S3, "cannedAcl": "private"}}, "NotOnLocalEngine", "cannedAcl: not there"),
        ({"s3": {**S3, "bucketName": "${topic(1)}"}}, "NotOnLocalEngine", "templates of keys alone"),
        ({"s3": {**S3, "key": "${clientid()}"}}, "NotOnLocalEngine", "${clientid()} is not there on the local engine"),
        ({"s3": {**S3, "key": "${color}"}}, "NotOnLocalEngine", "${color} is not there on the local engine"),
        ({"s3": {**S3, "key": "${timestamp(1)}"}}, "NotOnLocalEngine", "${timestamp(1)} is not there"),
        ({"s3": {**S3, "key": "${topic(0)}"}}, "NotOnLocalEngine", "levels 1 to 5 of edge-inspector/+/+/+/model"),
        ({"s3": {**S3, "key": "${topic(6)}"}}, "NotOnLocalEngine", "levels 1 to 5 of edge-inspector/+/+/+/model"),
        ({"s3": {**S3, "key": "${topic()"}}, "InvalidRequestException", "to be closed by a }"),
    ],
)
def test_an_action_that_is_not_there_here_is_refused_by_name(
    local: Any, action: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(ClientError) as error:
        local.create_topic_rule(ruleName="r", topicRulePayload=rule(actions=[action]))
    assert error.value.response["Error"]["Code"] == code
    assert said in error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"awsIotSqlVersion": "2015"}, "found '2015', expected one of 2015-10-08"),
        ({"actions": [{"s3": S3}] * 11}, "found 11, expected at most 10"),
    ],
)
def test_what_a_rule_cannot_be_is_said(local: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises(local.exceptions.InvalidRequestException, match=said):
        local.create_topic_rule(ruleName="r", topicRulePayload=rule(**more))
    with pytest.raises(local.exceptions.InvalidRequestException, match="found 'a-b', expected 1 to 128 letters"):
        local.create_topic_rule(ruleName="a-b", topicRulePayload=rule())
