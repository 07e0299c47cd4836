"""EventBridge: the same asked of the local service and of moto, which cannot test patterns nor read cron's fields."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.services.events import EVENTS
from tests.cloud.local.kept import Kept, kept

PATTERN = '{"source": ["aws.s3"]}'
TOPIC = "arn:aws:sns:eu-central-1:000000000000:alarms"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("events"), [EVENTS]) as made:
        yield made


@pytest.fixture(params=["local", "moto"])
def events(request: pytest.FixtureRequest, local: Kept) -> Any:
    local.empty()
    return (local if request.param == "local" else request.getfixturevalue("moto_session")).client("events")


def test_a_rule_is_told_as_it_was_put_and_changed(events: Any) -> None:
    arn = events.put_rule(Name="new-samples", EventPattern=PATTERN, Description="d")["RuleArn"]
    assert arn.endswith(":rule/new-samples")
    told = events.describe_rule(Name="new-samples")
    assert (told["Name"], told["Arn"], told["State"], told["Description"]) == ("new-samples", arn, "ENABLED", "d")
    assert json.loads(told["EventPattern"]) == json.loads(PATTERN)
    assert told["EventBusName"] == "default"
    events.put_rule(Name="new-samples", ScheduleExpression="rate(5 minutes)", State="DISABLED")
    told = events.describe_rule(Name="new-samples")
    assert (told["State"], told["ScheduleExpression"]) == ("DISABLED", "rate(5 minutes)")
    events.enable_rule(Name="new-samples")
    assert events.describe_rule(Name="new-samples")["State"] == "ENABLED"
    events.disable_rule(Name="new-samples")
    assert events.describe_rule(Name="new-samples")["State"] == "DISABLED"
    events.delete_rule(Name="new-samples")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="new-samples")


def test_rules_are_listed_by_prefix_and_page(events: Any) -> None:
    names = [f"a{number}" for number in range(5)]
    for name in [*names, "b"]:
        events.put_rule(Name=name, EventPattern=PATTERN)
    pages = events.get_paginator("list_rules").paginate(NamePrefix="a", PaginationConfig={"PageSize": 2})
    assert [rule["Name"] for page in pages for rule in page["Rules"]] == names


def test_targets_are_put_replaced_listed_and_removed(events: Any) -> None:
    events.put_rule(Name="r", EventPattern=PATTERN)
    targets = [{"Id": f"{number}", "Arn": f"{TOPIC}{number}", "Input": "1"} for number in range(3)]
    assert events.put_targets(Rule="r", Targets=targets)["FailedEntryCount"] == 0
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": TOPIC, "InputPath": "$.detail"}])
    pages = events.get_paginator("list_targets_by_rule").paginate(Rule="r", PaginationConfig={"PageSize": 2})
    found = {target["Id"]: target for page in pages for target in page["Targets"]}
    assert found["1"] == {"Id": "1", "Arn": TOPIC, "InputPath": "$.detail"}
    assert set(found) == {"0", "1", "2"}
    with pytest.raises(ClientError, match="targets"):
        events.delete_rule(Name="r")
    assert events.remove_targets(Rule="r", Ids=["0", "1", "2"])["FailedEntryCount"] == 0
    events.delete_rule(Name="r")
    for call in (events.enable_rule, events.disable_rule, events.describe_rule):
        with pytest.raises(events.exceptions.ResourceNotFoundException):
            call(Name="r")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": TOPIC}])
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.list_targets_by_rule(Rule="r")


def test_what_is_no_pattern_and_what_is_no_schedule_is_refused(events: Any) -> None:
    for pattern in ("{", '{"source": "aws.s3"}', '{"source": []}'):
        with pytest.raises(events.exceptions.InvalidEventPatternException):
            events.put_rule(Name="r", EventPattern=pattern)
    for schedule in ("rate(5)", "every day"):
        with pytest.raises(ClientError, match="ValidationException"):
            events.put_rule(Name="r", ScheduleExpression=schedule)


def test_each_event_of_a_request_is_taken_or_refused_by_itself(events: Any) -> None:
    good = {"Source": "edge", "DetailType": "Model approved", "Detail": '{"a": 1}'}
    answer = events.put_events(
        Entries=[good, {**good, "Detail": "{"}, {"Source": "edge", "Detail": "{}"}, {**good, "DetailType": "Another"}]
    )
    assert answer["FailedEntryCount"] == 2
    taken, malformed, incomplete, another = answer["Entries"]
    assert len({taken["EventId"], another["EventId"]}) == 2
    assert malformed == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    assert incomplete == {
        "ErrorCode": "InvalidArgument",
        "ErrorMessage": "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
    }
    with pytest.raises(ClientError, match="ValidationException"):
        events.put_events(Entries=[good] * 11)
