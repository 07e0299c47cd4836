"""A long outage: everything that waited is delivered afterwards, the defects first."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.settings import MqttSettings
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree
from tests.mosquitto import Mosquitto, Subscriber, Wire, eventually

TOPICS = TopicTree("edge-inspector", "hall", "line", "station", "camera")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, "max_queued_messages 0") as broker:
        yield broker


def message(channel: Channel, number: int) -> Message:
    payload = json.dumps({"number": number, "filling": "x" * 900}).encode()
    return Message(TOPICS.topic(channel), payload, CATALOGUE[channel], f"{number}/{channel}")


def drain(tmp_path: Path, broker: Mosquitto, *, events: int) -> None:
    settings = MqttSettings(port=broker.port, reconnect_min_s=0.05, reconnect_max_s=0.1)
    will = Message(TOPICS.topic(Channel.STATUS), b"{}", CATALOGUE[Channel.STATUS])
    defects = events // 10
    with Wire(broker.port) as wire, Subscriber(broker.port, "edge-inspector/#") as subscriber:
        wire.cut()
        settings = settings.model_copy(update={"port": wire.port})
        with Journal(tmp_path / "journal.db", JournalOptions()) as journal:
            with MqttSink(settings, journal, client_id="station", will=will):
                for number in range(events):
                    channel = Channel.DEFECT if number % 10 == 0 else Channel.RESULT
                    journal.append([message(channel, number)])
                    if number % 1000 == 999:
                        assert journal.flush(60)  # a disk that is slower than this loop is another test's matter
            state = journal.state()
            assert (state.waiting, state.evicted, state.lost) == ({"mqtt": events}, {}, 0)
        wire.mend()
        with Journal(tmp_path / "journal.db", JournalOptions()) as journal:  # after a restart
            began_s = time.monotonic()
            with MqttSink(settings, journal, client_id="station", will=will) as sink:
                received = [subscriber.next() for _ in range(events)]
                rate_hz = events / (time.monotonic() - began_s)
                eventually(lambda: sink.queued == 0, what="all is acknowledged")
    numbers = [(each.topic.endswith("/defect"), json.loads(each.payload)["number"]) for each in received]
    assert numbers[:defects] == [(True, number) for number in range(0, events, 10)]
    assert numbers[defects:] == [(False, number) for number in range(events) if number % 10]
    print(f"{events} events drained at {rate_hz:.0f} a second, the broker and a subscriber on the same cores")  # noqa: T201


@pytest.mark.thorough
def test_what_waited_is_drained_in_order_the_defects_first(tmp_path: Path, broker: Mosquitto) -> None:
    drain(tmp_path, broker, events=3000)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_hundred_thousand_events_are_drained(tmp_path: Path, broker: Mosquitto) -> None:
    drain(tmp_path, broker, events=100_000)
