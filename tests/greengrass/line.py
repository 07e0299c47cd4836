"""A nucleus as the daemon has it, with the sinks of a station: the real client at a fake nucleus."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge_inspector.app.nucleus import open_nucleus_sinks
from edge_inspector.events import EventWriter
from edge_inspector.greengrass.environment import NucleusEnvironment
from edge_inspector.greengrass.link import Pace
from edge_inspector.greengrass.nucleus import Nucleus
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.pipeline.deliver import Losses
from edge_inspector.settings import parse
from edge_inspector.sinks.ipc import IpcSink
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree
from tests.mosquitto import PATIENCE_S, eventually
from tests.nucleus.fake import FakeNucleus

on_both = pytest.mark.parametrize("flavor", ["java", "lite"])
BRISK = Pace(first_s=0.02, longest_s=0.1, refused_s=0.05)
TOPICS = TopicTree("edge-inspector", "hall", "line", "station-2", "camera")
LOCAL, CLOUD = "greengrass-local", "greengrass-iot-core"


def message(channel: Channel, payload: str, *, name: str = "") -> Message:
    return Message(TOPICS.topic(channel, name=name), payload.encode(), CATALOGUE[channel], id=payload)


def result(payload: str) -> Message:
    return message(Channel.RESULT, payload)


def defect(payload: str) -> Message:
    return message(Channel.DEFECT, payload)


@contextmanager
def nucleus_at(fake: FakeNucleus, *, timeout_s: float = 5.0, connected: bool = True) -> Iterator[Nucleus]:
    with Nucleus(NucleusEnvironment.of(fake.environment), timeout_s=timeout_s, pace=BRISK) as nucleus:
        if connected:
            assert nucleus.wait_until_connected(PATIENCE_S)
        yield nucleus


class Line:
    """Sinks with a journal in memory; what is put goes on record and to the sinks, as the deliver thread does it."""

    def __init__(self, journal: Journal, sinks: dict[str, IpcSink]) -> None:
        self.journal, self.sinks = journal, sinks

    def put(self, *messages: Message) -> None:
        self.journal.append(messages)
        for each in messages:
            for sink in self.sinks.values():
                sink.send(each)

    def wait_until_sent(self, *names: str) -> None:
        for name in names or self.sinks:
            eventually(lambda name=name: self.sinks[name].queued == 0, what=f"{name} has taken everything")


@contextmanager
def line_at(nucleus: Nucleus, **routes: list[str]) -> Iterator[Line]:
    settings = parse({"greengrass": routes})
    with (
        Journal(None, JournalOptions()) as journal,
        open_nucleus_sinks(nucleus, settings, journal, EventWriter(TOPICS, "session"), Losses()) as sinks,
    ):
        yield Line(journal, sinks)


def payloads(published: list, channel: Channel, *, name: str = "") -> list[str]:
    topic = TOPICS.topic(channel, name=name)
    return [each.payload.decode() for each in published if each.topic == topic]
