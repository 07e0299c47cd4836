import logging
import random
import threading
from collections.abc import Callable, Iterator

import pytest

from edge_inspector.app.nucleus import routing, unwanted
from edge_inspector.errors import RefusedError, SinkError
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.sinks.ipc import IpcSink, retry_wait_s
from edge_inspector.sinks.outbox import FLUSH_S
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree
from tests.mosquitto import eventually

TOPICS = TopicTree("edge-inspector", "hall", "line", "station", "camera")
NAME = "greengrass-local"


def message(channel: Channel, payload: str, *, name: str = "") -> Message:
    return Message(TOPICS.topic(channel, name=name), payload.encode(), CATALOGUE[channel], id=payload)


def result(payload: str) -> Message:
    return message(Channel.RESULT, payload)


class Receiver:
    """Stands in for the nucleus: takes what it is handed, and fails as it is told.

    Attributes:
        taken: Payloads by topic's last level, in order.
        tries_without_connection: How often it was asked in vain.
        connection: Its number, None while there is none.
        answer: Called with a message before it is taken; raises to refuse it.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.tries_without_connection = 0
        self.connection: int | None = 1
        self.answer: Callable[[Message], None] = lambda _: None

    def publish(self, message: Message) -> None:
        if self.connection is None:
            self.tries_without_connection += 1
            msg = "no connection"
            raise SinkError(msg)
        self.answer(message)
        self.taken.append((message.topic.rpartition("/")[2], message.payload.decode()))

    def of(self, level: str) -> list[str]:
        return [payload for topic, payload in self.taken if topic == level]


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal(None, JournalOptions()) as journal:
        yield journal


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="edge_inspector")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.sinks.ipc._FIRST_WAIT_S", 0.002)
    monkeypatch.setattr("edge_inspector.sinks.outbox.FLUSH_S", 0.1)


def sink_to(
    receiver: Receiver,
    journal: Journal,
    *,
    channels: tuple[str, ...] = ("status", "stats", "alarm", "result", "defect", "model"),
    undelivered: list[tuple[str, str]] | None = None,
) -> IpcSink:
    def note(cause: str, message: Message) -> None:
        if undelivered is not None:
            undelivered.append((cause, message.payload.decode()))

    return IpcSink(
        receiver.publish,
        journal,
        name=NAME,
        wants=routing(TOPICS, channels),
        connection=lambda: receiver.connection,
        on_undelivered=note,
    )


def wait_until_sent(sink: IpcSink) -> None:
    eventually(lambda: sink.queued == 0, what="everything is taken")


def test_what_is_on_record_arrives_in_order_and_what_is_retained_with_it(receiver: Receiver, journal: Journal) -> None:
    with sink_to(receiver, journal) as sink:
        sink.send(message(Channel.STATUS, "online"))
        journal.append([result(f"{number}") for number in range(200)])
        wait_until_sent(sink)
        eventually(lambda: sink.delivered == 201, what="the status is taken too")
    assert receiver.of("result") == [f"{number}" for number in range(200)]
    assert receiver.of("status") == ["online"]


@pytest.mark.usefixtures("_impatient")
def test_a_message_that_fails_is_repeated_before_anything_behind_it(receiver: Receiver, journal: Journal) -> None:
    draws = random.Random(5)

    def fail_often(_: Message) -> None:
        if draws.random() < 0.3:
            msg = "no slot is free"
            raise SinkError(msg)

    receiver.answer = fail_often
    with sink_to(receiver, journal) as sink:
        journal.append([result(f"{number}") for number in range(20)])
        wait_until_sent(sink)
    assert receiver.of("result") == [f"{number}" for number in range(20)]


@pytest.mark.usefixtures("_impatient")
def test_a_repetition_does_not_send_the_whole_present_again(receiver: Receiver, journal: Journal) -> None:
    failures = iter([True, False, True, False])

    def fail_at_first(message: Message) -> None:
        if message.topic.endswith("result") and next(failures, False):
            msg = "no slot is free"
            raise SinkError(msg)

    receiver.answer = fail_at_first
    with sink_to(receiver, journal) as sink:
        sink.send(message(Channel.STATUS, "online"))
        journal.append([result("1"), result("2")])
        wait_until_sent(sink)
    assert receiver.of("status") == ["online"]
    assert receiver.of("result") == ["1", "2"]


def test_a_new_connection_gets_the_whole_present_and_what_waited(receiver: Receiver, journal: Journal) -> None:
    with sink_to(receiver, journal) as sink:
        sink.send(message(Channel.STATUS, "online"))
        eventually(lambda: receiver.of("status") == ["online"], what="the status is taken")
        receiver.connection = None
        sink.wake()
        journal.append([result("1")])
        sink.send(message(Channel.STATS, "first"))
        sink.send(message(Channel.STATS, "second"))
        receiver.connection = 2
        sink.wake()
        wait_until_sent(sink)
        eventually(lambda: len(receiver.taken) >= 4, what="the present is taken again")
    assert receiver.of("status") == ["online", "online"]
    assert receiver.of("stats")[-1] == "second"
    assert receiver.of("result") == ["1"]


def test_nothing_is_tried_while_there_is_no_connection(receiver: Receiver, journal: Journal) -> None:
    receiver.connection = None
    with sink_to(receiver, journal) as sink:
        for number in (1, 2):
            journal.append([result(f"{number}")])
            sink.send(message(Channel.STATUS, "online"))
            sink.wake()
            threading.Event().wait(0.05)  # for what must not happen
            receiver.connection = number
            sink.wake()
            wait_until_sent(sink)
            receiver.connection = None
            sink.wake()
            eventually(lambda: sink._served is None, what="it has noticed")
    assert receiver.tries_without_connection == 0
    assert receiver.of("result") == ["1", "2"]


def test_leaving_waits_for_no_connection(receiver: Receiver, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.sinks.outbox.FLUSH_S", 3600.0)
    receiver.connection = None
    with sink_to(receiver, journal) as sink:
        journal.append([result("1")])
    assert sink.queued == 1


@pytest.mark.usefixtures("_impatient")
def test_an_error_that_nobody_thought_of_is_logged_and_the_message_tried_again(
    receiver: Receiver, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    errors = iter([KeyError("a defect")])

    def fail_once(_: Message) -> None:
        if (error := next(errors, None)) is not None:
            raise error

    receiver.answer = fail_once
    with sink_to(receiver, journal) as sink:
        journal.append([result("1"), result("2")])
        wait_until_sent(sink)
    assert receiver.of("result") == ["1", "2"]
    assert f"{NAME}: failed" in caplog.messages


def test_what_is_refused_for_good_is_a_dead_letter_and_the_others_go_on(
    receiver: Receiver, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(message: Message) -> None:
        if message.payload in {b"2", b"5"}:
            msg = f"publish on {message.topic}: not allowed"
            raise RefusedError(msg)

    receiver.answer = refuse
    undelivered: list[tuple[str, str]] = []
    with sink_to(receiver, journal, undelivered=undelivered) as sink:
        journal.append([result(f"{number}") for number in range(8)])
        wait_until_sent(sink)
    assert receiver.of("result") == ["0", "1", "3", "4", "6", "7"]
    assert undelivered == [("refused", "2"), ("refused", "5")]
    assert journal.state().dead_letters == {NAME: 2}
    assert sum("dead letter" in record.message and record.levelno == logging.ERROR for record in caplog.records) == 1


def test_what_goes_another_way_is_settled_at_once(receiver: Receiver, journal: Journal) -> None:
    with sink_to(receiver, journal, channels=("defect", "alarm")) as sink:
        journal.append([result("1"), message(Channel.DEFECT, "2"), message(Channel.MODEL, "3"), result("4")])
        sink.send(message(Channel.STATUS, "online"))
        sink.send(message(Channel.ALARM, "raised", name="disk-low"))
        wait_until_sent(sink)
        eventually(lambda: sink.delivered == 2, what="both are taken")
    assert sorted(receiver.taken) == [("defect", "2"), ("disk-low", "raised")]


@pytest.mark.usefixtures("_impatient")
def test_a_receiver_that_fails_for_long_is_told_once_and_its_return_too(
    receiver: Receiver, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter(range(4))

    def fail(_: Message) -> None:
        if next(failures, None) is not None:
            msg = "IoT Core is away"
            raise SinkError(msg)

    receiver.answer = fail
    with sink_to(receiver, journal) as sink:
        journal.append([result("1")])
        wait_until_sent(sink)
    said = [record.message for record in caplog.records if record.levelno >= logging.INFO]
    assert said == [
        f"{NAME}: IoT Core is away; 1 messages wait; trying again",
        f"{NAME}: it takes messages again",
    ]


def test_leaving_flushes_what_waits(receiver: Receiver, journal: Journal) -> None:
    with sink_to(receiver, journal) as sink:
        journal.append([result(f"{number}") for number in range(100)])
        sink.send(message(Channel.STATUS, "stopped"))
    assert len(receiver.of("result")) == 100
    assert receiver.of("status") == ["stopped"]


@pytest.mark.usefixtures("_impatient")
def test_leaving_waits_for_a_receiver_that_hangs_only_a_moment_and_says_what_waits(
    receiver: Receiver, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    hangs, reached = threading.Event(), threading.Event()

    def hang(_: Message) -> None:
        reached.set()
        hangs.wait()

    receiver.answer = hang
    undelivered: list[tuple[str, str]] = []
    with sink_to(receiver, journal, undelivered=undelivered) as sink:
        journal.append([result("1"), result("2")])
        sink.send(message(Channel.STATUS, "stopped"))
        assert reached.wait(20)
    assert f"{NAME}: closed while 2 messages wait in the journal" in caplog.messages
    assert ("closed", "stopped") in undelivered
    hangs.set()
    sink._thread.join(20)
    with pytest.raises(SinkError, match="is closed"):
        sink.send(message(Channel.STATUS, "late"))


def test_what_was_not_taken_is_sent_by_the_next_sink_of_that_name(receiver: Receiver, journal: Journal) -> None:
    receiver.connection = None
    with sink_to(receiver, journal) as sink:
        journal.append([result("1"), result("2")])
        sink.send(message(Channel.STATUS, "gone with its sink"))
    receiver.connection = 2
    with sink_to(receiver, journal) as sink:
        wait_until_sent(sink)
    assert receiver.taken == [("result", "1"), ("result", "2")]


def test_waits_double_have_jitter_and_stay_short_of_a_quarter_of_a_minute() -> None:
    assert [retry_wait_s(failures, jitter=1.0) for failures in (1, 2, 3)] == [0.05, 0.1, 0.2]
    assert retry_wait_s(1, jitter=0.0) == 0.025
    assert retry_wait_s(10**9, jitter=1.0) == 10.0
    assert FLUSH_S <= 0.5


@pytest.mark.parametrize("channel", list(Channel))
def test_every_channel_can_be_routed_by_itself(channel: Channel) -> None:
    wants = routing(TOPICS, (channel.name.lower(),))
    wanted = [each for each in Channel if wants(message(each, "", name="some-name"))]
    assert wanted == [channel]
    assert not routing(TOPICS, ())(message(channel, ""))


def test_kinds_that_go_another_way_do_not_wait_behind_a_receiver_that_takes_nothing(
    receiver: Receiver, journal: Journal
) -> None:
    receiver.connection = None
    sink = IpcSink(
        receiver.publish,
        journal,
        name=NAME,
        wants=routing(TOPICS, ("defect",)),
        unwanted=unwanted(("defect",)),
        connection=lambda: receiver.connection,
    )
    with sink:
        journal.append([message(Channel.DEFECT, "0"), *(result(f"{number}") for number in range(300))])
        eventually(lambda: sink.queued == 1, what="only the defect waits")
        receiver.connection = 1
        sink.wake()
        wait_until_sent(sink)
    assert receiver.taken == [("defect", "0")]
    assert journal.state().evicted == {}
