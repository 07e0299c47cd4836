"""Stations' alarms: which of them ask for a model, each told of once, and a run that a station's own message begins."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber
from paho.mqtt.publish import multiple

from cloud_side import clients
from cloud_side.deployment.evidence import ALARM_EVENTS
from cloud_side.deployment.workflow import ROLLOUT
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.installing import BUCKET, install
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.iot.subscriptions import subscribed
from cloud_side.objects import Bucket
from cloud_side.training.runtime.hearing import UntoldError, hear
from cloud_side.training.triggers.alarms import DRIFT_ALARMS, KEPT, drift_alarm
from edge_inspector.alarms import REJECT_RATE, Alarm, Severity
from edge_inspector.events import EventWriter
from edge_inspector.topics import Message, TopicTree
from tests.cloud.local.engines import opened, running_engine
from tests.mosquitto import HOST, Mosquitto, eventually

WRITER = EventWriter(TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top"), session="s")
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DETAIL = {"name": REJECT_RATE, "site": "berlin", "line": "line-1", "station": "press-3"}


def alarm(name: str = REJECT_RATE) -> Alarm:
    return Alarm(name, Severity.WARNING, "too many rejects", "look at the line")


def raised(name: str = REJECT_RATE, minute: int = 0) -> Message:
    return WRITER.alarm_raised(AT + timedelta(minutes=minute), alarm(name))


def test_an_alarm_that_a_model_helps_against_is_one_of_the_stations_own() -> None:
    found, again = (drift_alarm(raised(minute=minute).payload) for minute in (0, 1))
    assert found is not None
    assert again is not None
    assert found.detail == again.detail == DETAIL
    assert found.key != again.key
    assert set(DRIFT_ALARMS) == {REJECT_RATE}


@pytest.mark.parametrize(
    "content",
    [
        raised("disk-low").payload,
        *(each.payload for each in WRITER.alarm_cleared(AT, alarm())),
        raised().payload.replace(b'"site"', b'"of"'),
        b"\xff",
        b"[]",
        b'{"data": 1, "type": "com.edgeinspector.alarm.raised.v1"}',
    ],
    ids=["another", "cleared", "gone", "of nowhere", "no JSON", "no event", "no data"],
)
def test_other_messages_ask_for_no_model(content: bytes) -> None:
    assert drift_alarm(content) is None


def test_alarms_are_looked_for_where_a_topic_rule_keeps_them() -> None:
    (rule,) = (each for each in ROLLOUT.topic_rules if each.name == "edge_inspector_alarms")
    assert rule.key.startswith(KEPT)
    assert ALARM_EVENTS.startswith(KEPT)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("hearing") / "engine"
    with opened(folder) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE_VARIABLE, local_engine(folder))
        patch.setattr(cloud.session, "client", cache(cloud.session.client))  # to make one takes longer than a test
        install(cloud, [])
        yield cloud


def keep(cloud: LocalCloud, name: str, content: bytes) -> dict[str, Any]:
    """Put a message into the bucket, and return the event that the bucket tells."""
    Bucket(cloud.session.client("s3"), BUCKET).write(f"{KEPT}press-3/{name}.json", content)
    told = {"key": f"{KEPT}press-3/{name}.json", "size": len(content)}
    return {"source": "aws.s3", "detail": {"bucket": {"name": BUCKET}, "object": told}}


def told(cloud: LocalCloud) -> list[Any]:
    """Return what EventBridge was told of alarms."""
    rows = cloud.database.connection().execute("SELECT event FROM emitted ORDER BY seq").fetchall()
    events = (json.loads(row["event"]) for row in rows)
    return [each["detail"] for each in events if (each["source"], each["detail-type"]) == (BUCKET, "Alarm Raised")]


def test_each_alarm_is_told_of_once_also_where_its_message_or_the_event_comes_twice(cloud: LocalCloud) -> None:
    before, message = len(told(cloud)), raised().payload
    event = keep(cloud, "first", message)
    for each in (event, event, keep(cloud, "sent-again", message), keep(cloud, "other", raised("disk-low").payload)):
        hear(each, None)
    assert told(cloud)[before:] == [DETAIL]
    hear(keep(cloud, "raised-again", raised(minute=1).payload), None)
    assert told(cloud)[before:] == [DETAIL, DETAIL]


def test_an_alarm_that_eventbridge_does_not_take_is_told_by_the_next_try(cloud: LocalCloud) -> None:
    before, event = len(told(cloud)), keep(cloud, "refused", raised(minute=2).payload)
    refusing = Stubber(clients.client("events"))
    entry = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slower"}
    refusing.add_response("put_events", {"FailedEntryCount": 1, "Entries": [entry]})
    with refusing, pytest.raises(UntoldError, match="found ThrottlingException: slower"):
        hear(event, None)
    hear(event, None)
    assert told(cloud)[before:] == [DETAIL]


def test_a_message_that_is_gone_or_too_large_for_one_is_passed_over(cloud: LocalCloud) -> None:
    before, event = len(told(cloud)), keep(cloud, "large", raised(minute=3).payload + b" " * (1 << 17))
    hear(event, None)
    Bucket(cloud.session.client("s3"), BUCKET).remove(event["detail"]["object"]["key"])
    event["detail"]["object"]["size"] = 9
    hear(event, None)
    assert told(cloud)[before:] == []


@pytest.mark.thorough
def test_a_stations_alarm_on_the_broker_begins_a_run_by_itself(tmp_path: Path) -> None:
    folder, messages = tmp_path / "engine", [raised("disk-low"), raised(), *WRITER.alarm_cleared(AT, alarm())]
    with Mosquitto(tmp_path) as mosquitto, opened(folder) as cloud:
        states = cloud.session.client("stepfunctions")
        with running_engine(folder, "--broker", f"{HOST}:{mosquitto.port}"):
            eventually(lambda: "edge-inspector/+/+/+/alarm/+" in subscribed(cloud.database), what="the engine hears")
            sent = [{"topic": each.topic, "payload": each.payload, "qos": 1} for each in messages]
            multiple(sent, hostname=HOST, port=mosquitto.port)

            def runs() -> list[Any]:
                return list(states.list_executions(stateMachineArn=arn)["executions"])

            machines = states.list_state_machines()["stateMachines"]
            (arn,) = (each["stateMachineArn"] for each in machines if each["name"] == "edge-inspector-retrain")
            eventually(runs, what="a run has begun")
            eventually(lambda: runs()[0]["status"] != "RUNNING", what="the run has ended")
        (run,) = runs()
        found = states.describe_execution(executionArn=run["executionArn"])
        assert json.loads(found["input"])["detail"] == DETAIL
        assert json.loads(found["output"])["subject"] == "Nothing to train"
