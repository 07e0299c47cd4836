"""Events reach the targets of the rules that they match, once."""

import json
import logging
from datetime import UTC, datetime

import pytest

from cloud_side.local import outbox
from cloud_side.local.delivery import events as delivery_events
from cloud_side.local.services.functions.service import register
from tests.cloud.local.delivery.stage import FUNCTION, MACHINE, TOPIC, Stage

ANY = '{"source": ["edge"]}'


def register_function(stage: Stage) -> None:
    with stage.database.transaction() as connection:
        register(connection, name="f", handler="h.h", now=datetime.now(UTC))


def test_an_event_starts_an_execution_named_after_it_and_the_rule(stage: Stage) -> None:
    stage.rule("r", ANY, MACHINE)
    identity = stage.emit('{"a": 1}')
    stage.deliver()
    (started,) = stage.started()
    event = json.loads(started["input"])
    assert (event["id"], event["detail"], event["source"]) == (identity, {"a": 1}, "edge")
    assert len(started["name"]) <= 80
    assert not stage.rows("SELECT * FROM deliveries")


def test_an_event_goes_to_all_targets_of_all_rules_that_it_matches(stage: Stage) -> None:
    register_function(stage)
    stage.sns.create_topic(Name="alarms")
    stage.rule("all", ANY, MACHINE, FUNCTION, TOPIC, InputPath="$.detail")
    stage.rule("some", '{"detail": {"size": [{"numeric": [">", 2]}]}}', MACHINE, Input='"large"')
    stage.rule("none", '{"source": ["aws.s3"]}', MACHINE)
    stage.emit('{"size": 3}')
    stage.emit('{"size": 1}')
    stage.deliver()
    assert sorted(row["input"] for row in stage.started()) == ['"large"', '{"size": 1}', '{"size": 3}']
    assert len({row["name"] for row in stage.started()}) == 3
    payloads = [row["payload"] for row in stage.rows("SELECT payload FROM invocations")]
    assert sorted(payloads) == ['{"size": 1}', '{"size": 3}']
    messages = [json.loads(row["payload"])["Message"] for row in stage.rows("SELECT payload FROM messages")]
    assert sorted(messages) == ['{"size": 1}', '{"size": 3}']


def test_a_topic_gets_a_text_as_a_person_reads_it(stage: Stage) -> None:
    stage.sns.create_topic(Name="alarms")
    template = '"Model <m> was approved"'
    stage.rule("r", ANY, TOPIC, InputTransformer={"InputPathsMap": {"m": "$.detail.m"}, "InputTemplate": template})
    stage.emit('{"m": "tags-7"}')
    stage.deliver()
    (message,) = stage.rows("SELECT payload FROM messages")
    assert json.loads(message["payload"])["Message"] == "Model tags-7 was approved"


def test_a_rule_that_is_disabled_lets_events_pass(stage: Stage) -> None:
    stage.rule("r", ANY, MACHINE)
    stage.events.disable_rule(Name="r")
    stage.emit()
    stage.deliver()
    stage.events.enable_rule(Name="r")
    stage.deliver()
    assert not stage.started()


def test_what_services_emit_in_their_transactions_is_delivered_in_order(stage: Stage) -> None:
    stage.rule("r", '{"source": ["aws.sagemaker"]}', MACHINE)
    with stage.database.transaction() as connection:
        for number in range(250):
            detail = {"number": number}
            outbox.emit(connection, source="aws.sagemaker", detail_type="d", detail=detail, now=datetime.now(UTC))
    stage.deliver()
    assert sorted(json.loads(row["input"])["detail"]["number"] for row in stage.started()) == list(range(250))


def test_a_target_that_does_not_take_it_is_tried_again_and_stops_no_other(stage: Stage) -> None:
    register_function(stage)
    stage.rule("r", ANY, FUNCTION, MACHINE)
    stage.client("lambda").delete_function(FunctionName="f")
    stage.emit()
    stage.delivery.turn()
    assert len(stage.started()) == 1
    (row,) = stage.rows("SELECT * FROM deliveries")
    assert (row["arn"], row["attempt"]) == (FUNCTION, 1)
    register_function(stage)
    stage.deliver()
    assert len(stage.rows("SELECT * FROM invocations")) == 1
    assert not stage.rows("SELECT * FROM dead_letters")


def test_what_is_never_taken_becomes_a_dead_letter(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_events, "MOST_DEAD_LETTERS", 2)
    stage.rule("r", ANY, f"{MACHINE}x", RetryPolicy={"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600})
    for number in range(3):
        stage.emit(json.dumps({"number": number}))
    with caplog.at_level(logging.WARNING):
        stage.deliver()
    letters = stage.rows("SELECT * FROM dead_letters ORDER BY seq")
    assert [json.loads(letter["input"])["detail"] for letter in letters] == [{"number": 1}, {"number": 2}]
    assert "State Machine Does Not Exist" in letters[0]["reason"]
    assert "given up after 3 attempts: State Machine Does Not Exist" in caplog.text
    assert not stage.rows("SELECT * FROM deliveries")


def test_what_is_too_old_is_tried_no_more(stage: Stage) -> None:
    stage.rule("r", ANY, f"{MACHINE}x", RetryPolicy={"MaximumRetryAttempts": 100, "MaximumEventAgeInSeconds": 60})
    stage.emit()
    stage.delivery.turn()
    with stage.database.transaction() as connection:
        connection.execute("UPDATE deliveries SET expires_at = 1")
    stage.deliver()
    assert len(stage.rows("SELECT * FROM dead_letters")) == 1


def test_an_input_that_is_no_json_is_a_dead_letter_too(stage: Stage) -> None:
    register_function(stage)
    stage.sns.create_topic(Name="alarms")
    policy = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    stage.rule("r", ANY, TOPIC, FUNCTION, InputTransformer={"InputTemplate": "no json"}, RetryPolicy=policy)
    stage.emit()
    stage.deliver()
    reasons = [letter["reason"] for letter in stage.rows("SELECT reason FROM dead_letters")]
    assert ["Expecting value" in reason for reason in reasons] == [True, True]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"Arn": "arn:aws:sqs:eu-central-1:000000000000:q"}, "a function, a topic or a pipeline"),
        ({"Arn": TOPIC, "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:000000000000:q"}}, "dead letters itself"),
    ],
)
def test_a_target_that_is_not_there_is_refused(stage: Stage, target: dict[str, str], said: str) -> None:
    stage.events.put_rule(Name="r", EventPattern=ANY)
    with pytest.raises(stage.events.exceptions.ClientError, match=said):
        stage.events.put_targets(Rule="r", Targets=[{"Id": "1", **target}])


def test_more_than_five_targets_are_refused_all_of_them(stage: Stage) -> None:
    with pytest.raises(stage.events.exceptions.LimitExceededException, match="would have 6 targets"):
        stage.rule("r", ANY, *[MACHINE] * 6)
    stage.events.delete_rule(Name="r")


def test_another_bus_is_not_there(stage: Stage) -> None:
    with pytest.raises(stage.events.exceptions.ResourceNotFoundException, match="has default alone"):
        stage.events.put_rule(Name="r", EventPattern=ANY, EventBusName="other")


def test_nobody_speaks_for_aws(stage: Stage) -> None:
    entry = {"Source": "aws.s3", "DetailType": "d", "Detail": "{}"}
    (answer,) = stage.events.put_events(Entries=[entry])["Entries"]
    assert answer["ErrorCode"] == "NotAuthorizedForSourceException"


def test_an_event_has_its_own_time_and_size(stage: Stage) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    entry = {"Source": "edge", "DetailType": "d", "Detail": "{}", "Time": moment, "Resources": ["r"]}
    stage.events.put_events(Entries=[entry])
    (row,) = stage.rows("SELECT event FROM emitted")
    event = json.loads(row["event"])
    assert (event["time"], event["resources"]) == ("2026-01-02T03:04:05Z", ["r"])
    with pytest.raises(stage.events.exceptions.ClientError, match="Entry size: found 2621"):
        stage.events.put_events(Entries=[{**entry, "Detail": json.dumps({"a": "x" * 262_144})}])


def test_a_pattern_is_tried_on_an_event(stage: Stage) -> None:
    assert stage.events.test_event_pattern(EventPattern=ANY, Event='{"source": "edge"}')["Result"] is True
    assert stage.events.test_event_pattern(EventPattern=ANY, Event='{"source": "x"}')["Result"] is False
    with pytest.raises(stage.events.exceptions.ClientError, match="no JSON object"):
        stage.events.test_event_pattern(EventPattern=ANY, Event="[]")
