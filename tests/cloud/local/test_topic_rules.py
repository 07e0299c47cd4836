"""What stations tell becomes objects, over kills of the engine and of the connection."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.publish import multiple
from paho.mqtt.reasoncodes import ReasonCode

from cloud_side.local.broker import Broker, TopicRules
from cloud_side.local.home import REGION
from cloud_side.local.services.iot import IOT
from cloud_side.local.services.iot.subscriptions import subscribed
from cloud_side.local.services.s3 import S3
from tests.cloud.local.kept import Kept, kept
from tests.mosquitto import HOST, PATIENCE_S, Mosquitto

BUCKET = "edge-inspector"
AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
KEY = "events/${topic(2)}/${timestamp()}-${newuuid()}.json"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("rules"), [S3, IOT]) as made:
        yield made


@pytest.fixture
def cloud(home: Kept) -> Kept:
    home.empty()
    home.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return home


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


Connect = Callable[..., TopicRules]


@pytest.fixture
def connect(cloud: Kept, mosquitto: Mosquitto) -> Iterator[Connect]:
    made: list[TopicRules] = []

    def chore(port: int | None = None, s3: Any = None) -> TopicRules:
        broker = Broker(HOST, port or mosquitto.port)
        s3 = s3 or cloud.client("s3")
        made.append(TopicRules(cloud.database, broker, s3, clock=lambda: AT, pauses_s=(0.01, 0.05)))
        return made[-1]

    yield chore
    for each in made:
        each.close()


def make_rule(cloud: Kept, topic_filter: str, name: str = "r", *, key: str = KEY, bucket: str = BUCKET) -> None:
    action = {"s3": {"roleArn": "arn:aws:iam::000000000000:role/r", "bucketName": bucket, "key": key}}
    payload = {"sql": f"SELECT * FROM '{topic_filter}'", "actions": [action]}
    cloud.client("iot").create_topic_rule(ruleName=name, topicRulePayload=payload)


def stored(cloud: Kept) -> dict[str, bytes]:
    s3 = cloud.client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found}


def subscribe(chore: TopicRules, *filters: str) -> None:
    """Let a chore take turns until the broker has answered its wishes."""
    for _ in range(3):
        chore.turn()
    assert chore._asked.keys() == set(filters)


def publish(mosquitto: Mosquitto, topic: str, *payloads: bytes, **more: Any) -> None:
    messages = [{"topic": topic, "payload": payload, "qos": 1, **more} for payload in payloads]
    multiple(messages, hostname=HOST, port=mosquitto.port)


def turn_until(chore: TopicRules, condition: Callable[[], object], *, what: str) -> None:
    """Let a chore take turns until something is true."""
    ends_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_s, f"never happened: {what}"
        chore.turn()


def turn_until_stored(chore: TopicRules, cloud: Kept, count: int) -> dict[str, bytes]:
    turn_until(chore, lambda: len(stored(cloud)) >= count, what=f"{count} objects")
    return stored(cloud)


def test_a_message_becomes_an_object_as_it_came_under_the_key_that_the_rule_says(
    cloud: Kept, mosquitto: Mosquitto, connect: Connect
) -> None:
    make_rule(cloud, "as-it-came/+", key="e/${topic(2)}/${topic()}/${timestamp()}-${newuuid()}.json")
    chore = connect()
    subscribe(chore, "as-it-came/+")
    publish(mosquitto, "as-it-came/press-7", b'{"a":  1}', b"\xff no JSON", b"", b"last")
    publish(mosquitto, "other/press-7", b"nobody's")
    found = turn_until_stored(chore, cloud, 3)
    assert sorted(found.values()) == sorted([b'{"a":  1}', b"\xff no JSON", b"last"]), "and nothing of an empty one"
    start = f"e/press-7/as-it-came/press-7/{round(AT.timestamp() * 1000)}-"
    assert all(key.startswith(start) and len(key) == len(start) + len(".json") + 36 for key in found)


def test_what_is_published_while_nobody_hears_is_stored_later(
    cloud: Kept, mosquitto: Mosquitto, connect: Connect
) -> None:
    make_rule(cloud, "later/+")
    chore = connect()
    subscribe(chore, "later/+")
    chore.close()
    publish(mosquitto, "later/press-7", b"1", b"2")
    assert sorted(turn_until_stored(connect(), cloud, 2).values()) == [b"1", b"2"]


class Killed(BaseException):
    """The process ends here."""


class Dying:
    """Kills the process before an object is there."""

    def put_object(self, **_: Any) -> None:
        raise Killed


def test_a_message_that_was_heard_and_not_stored_comes_again(
    cloud: Kept, mosquitto: Mosquitto, connect: Connect
) -> None:
    make_rule(cloud, "again/+")
    chore = connect(s3=Dying())
    subscribe(chore, "again/+")
    publish(mosquitto, "again/press-7", b"1", b"2")
    with pytest.raises(Killed):
        turn_until(chore, lambda: False, what="it dies")
    assert chore._link is not None
    chore._link.shut()
    assert sorted(turn_until_stored(connect(), cloud, 2).values()) == [b"1", b"2"]


class Full:
    """A disk that takes nothing at first."""

    def __init__(self, s3: Any) -> None:
        self._s3, self._refusals = s3, 2

    def put_object(self, **arguments: Any) -> None:
        if self._refusals:
            self._refusals -= 1
            raise OSError(ENOSPC, "No space left on device")
        self._s3.put_object(**arguments)


def test_a_full_disk_loses_nothing(cloud: Kept, mosquitto: Mosquitto, connect: Connect) -> None:
    make_rule(cloud, "full/+")
    chore = connect(s3=Full(cloud.client("s3")))
    subscribe(chore, "full/+")
    publish(mosquitto, "full/press-7", b"1", b"2")
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            turn_until(chore, lambda: False, what="it is full")
    assert sorted(turn_until_stored(chore, cloud, 2).values()) == [b"1", b"2"]


@pytest.mark.thorough
def test_what_was_stored_does_not_come_again(cloud: Kept, mosquitto: Mosquitto, connect: Connect) -> None:
    make_rule(cloud, "once/+")
    chore = connect()
    subscribe(chore, "once/+")
    publish(mosquitto, "once/press-7", b"1")
    before = turn_until_stored(chore, cloud, 1)
    chore.close()
    again = connect()
    subscribe(again, "once/+")
    publish(mosquitto, "once/press-7", b"2")
    assert sorted(turn_until_stored(again, cloud, 2).values()) == [b"1", b"2"]
    assert before.items() <= stored(cloud).items()


@pytest.mark.thorough
def test_a_disabled_rule_stores_nothing_and_its_filter_is_given_up(
    cloud: Kept, mosquitto: Mosquitto, connect: Connect
) -> None:
    make_rule(cloud, "off/+")
    chore = connect()
    subscribe(chore, "off/+")
    publish(mosquitto, "off/press-7", b"while it came, the rule was disabled")
    cloud.client("iot").disable_topic_rule(ruleName="r")
    turn_until(chore, lambda: not subscribed(cloud.database), what="the broker has forgotten it")
    publish(mosquitto, "off/press-7", b"lost")
    cloud.client("iot").enable_topic_rule(ruleName="r")
    subscribe(chore, "off/+")
    publish(mosquitto, "off/press-7", b"heard")
    assert list(turn_until_stored(chore, cloud, 1).values()) == [b"heard"]


@pytest.mark.thorough
def test_a_message_that_several_filters_fit_is_stored_once_for_each_rule(
    cloud: Kept, mosquitto: Mosquitto, connect: Connect
) -> None:
    for number, topic_filter in enumerate(("both/+", "both/#", "both/+")):
        make_rule(cloud, topic_filter, f"r{number}", key=f"r{number}/${{newuuid()}}")
    chore = connect()
    subscribe(chore, "both/+", "both/#")
    publish(mosquitto, "both/press-7", b"1", b"last")
    turn_until(chore, lambda: sum(value == b"last" for value in stored(cloud).values()) >= 3, what="all is stored")
    chore.turn()
    assert sorted(key[:2] for key in stored(cloud)) == ["r0", "r0", "r1", "r1", "r2", "r2"]


@pytest.mark.thorough
def test_what_is_retained_from_before_a_rule_is_none_of_its_messages(
    cloud: Kept, mosquitto: Mosquitto, connect: Connect
) -> None:
    publish(mosquitto, "retained/press-7", b"from before", retain=True)
    make_rule(cloud, "retained/+")
    chore = connect()
    subscribe(chore, "retained/+")
    publish(mosquitto, "retained/press-7", b"new", retain=True)
    assert list(turn_until_stored(chore, cloud, 1).values()) == [b"new"]


@pytest.mark.thorough
def test_a_message_that_s3_refuses_is_told_and_holds_up_none(
    cloud: Kept, mosquitto: Mosquitto, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    make_rule(cloud, "refused/+", "r1", bucket="gone")
    make_rule(cloud, "refused/+", "r2")
    chore = connect()
    subscribe(chore, "refused/+")
    publish(mosquitto, "refused/press-7", b"1", b"2")
    assert sorted(turn_until_stored(chore, cloud, 2).values()) == [b"1", b"2"]
    assert "topic rule r1: a message of refused/press-7 was not stored: " in caplog.text


def test_a_filter_that_the_broker_does_not_let_hear_is_told(
    cloud: Kept, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    make_rule(cloud, "denied/+")
    chore = connect()
    subscribe(chore, "denied/+")
    assert "lets no topic rule hear" not in caplog.text
    answer = [ReasonCode(PacketTypes.SUBACK, "Not authorized")]  # which no setting of mosquitto's own makes it give
    chore._on_subscribe(Client(CallbackAPIVersion.VERSION2), None, chore._asked["denied/+"], answer, None)
    assert "lets no topic rule hear denied/+: Not authorized" in caplog.text


@pytest.mark.thorough
def test_a_broker_that_has_forgotten_the_session_is_told(
    tmp_path: Path, cloud: Kept, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    make_rule(cloud, "forgotten/+")
    with Mosquitto(tmp_path) as forgetful:
        chore = connect(forgetful.port)
        subscribe(chore, "forgotten/+")
        assert "has not kept the session" not in caplog.text
        forgetful.kill()
        turn_until(chore, lambda: chore._link is not None and chore._link.client is None, what="it is away")
        forgetful.start()
        turn_until(chore, lambda: "has not kept the session" in caplog.text, what="it is told")
        publish(forgetful, "forgotten/press-7", b"heard again")
        assert list(turn_until_stored(chore, cloud, 1).values()) == [b"heard again"]
    assert "messages for topic rules wait, trying again" in caplog.text


def test_without_a_broker_rules_sleep_and_it_is_said_once(cloud: Kept, caplog: pytest.LogCaptureFixture) -> None:
    chore = TopicRules(cloud.database, None, cloud.client("s3"))
    with caplog.at_level(logging.INFO):
        chore.turn()
        assert "topic rules" not in caplog.text
        make_rule(cloud, "sleep/+")
        for _ in range(2):
            assert chore.turn() > 0
    assert caplog.text.count("no broker is configured; topic rules hear nothing") == 1
    chore.close()


def test_without_rules_there_is_no_connection(connect: Connect) -> None:
    chore = connect()
    assert chore.turn() > 0
    assert chore._link is not None
    assert chore._link.client is None
