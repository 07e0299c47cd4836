"""Commands: what one says and whether it may run, then what runs, once, and what is answered."""

import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.app.command_memory import MOST_REMEMBERED
from edge_inspector.app.commands import MOST_REFUSALS, MOST_WAITING, Commands, Function
from edge_inspector.commands import (
    LARGEST_COMMAND,
    LONGEST_COMMAND_NAME,
    Answer,
    Command,
    CommandName,
    CommandStatus,
    Read,
    Unreadable,
    read_command,
)
from edge_inspector.errors import ModelError, RefusedError
from edge_inspector.events import EventWriter, Json
from edge_inspector.topics import Channel, Message, TopicTree
from tests.mosquitto import PATIENCE_S

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = "2026-03-01T12:05:00Z"
TOPICS = TopicTree("edge-inspector", "hall", "line-1", "station-2", "top")
WRITER = EventWriter(TOPICS, "01SESSION")
SHA256 = "5a" * 32


def topic_of(name: str) -> str:
    return TOPICS.commands.replace("+", name)


def payload_of(request_id: object = "7f2c", expires_at: object = SOON, **more: object) -> bytes:
    return json.dumps({"request_id": request_id, "expires_at": expires_at, **more}).encode()


def read(payload: bytes, name: str = "reload") -> Read:
    return read_command(topic_of(name), payload, topics=TOPICS, allowed=set(CommandName), now=NOW)


# --- what a command says ---


def test_a_command_has_a_name_an_id_an_expiry_and_arguments() -> None:
    assert read(payload_of(camera="top", to_sha256=SHA256), "model-rollback") == Command(
        "model-rollback", "7f2c", NOW + timedelta(minutes=5), {"to_sha256": SHA256}
    )
    assert read(payload_of()) == Command("reload", "7f2c", NOW + timedelta(minutes=5), {})


@pytest.mark.parametrize(
    "expires_at", ["2026-03-01T12:05:00Z", "2026-03-01t14:05:00.25+02:00", "2026-03-01 04:05:00-08:00"]
)
def test_an_expiry_may_be_in_any_zone(expires_at: str) -> None:
    command = read(payload_of(expires_at=expires_at))
    assert isinstance(command, Command)
    assert timedelta(minutes=5) <= command.expires_at - NOW < timedelta(minutes=5, seconds=1)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"reload",
        b"[" * 3000,
        b'{"expires_at": "2026-03-01T12:05:00Z"}',
        payload_of(request_id=7),
        payload_of(request_id=""),
        payload_of(request_id="x" * 65),
        payload_of(request_id="two\nlines"),
        payload_of(request_id="\ud800"),
        payload_of(padding="x" * LARGEST_COMMAND),
    ],
)
def test_what_has_no_readable_request_id_cannot_be_answered(payload: bytes) -> None:
    found = read(payload)
    assert isinstance(found, Unreadable)
    assert "expected" in found.problem
    assert len(found.problem) < 400


def test_a_name_that_no_reply_has_room_for_cannot_be_answered() -> None:
    assert isinstance(read(payload_of(), "n" * (LONGEST_COMMAND_NAME + 1)), Unreadable)
    assert isinstance(read(payload_of(), "n" * LONGEST_COMMAND_NAME), Answer)


@pytest.mark.parametrize("name", ["re\x01load", "re\nload", "re\uffffload", "re load", "#"])
def test_a_name_that_a_broker_may_not_take_in_the_topic_of_the_reply_cannot_be_answered(name: str) -> None:
    found = read(payload_of(), name)
    assert isinstance(found, Unreadable)
    assert found.problem.isprintable()


@pytest.mark.parametrize(
    ("name", "payload", "words"),
    [
        ("relaod", payload_of(), "unknown command 'relaod'; expected one of capture-sample, model-rollback, reload"),
        ("reload", payload_of(camera=1), "camera: expected a name, found 1"),
        ("reload", payload_of(expires_at=None), "expires_at: expected a time as 2026-03-01T12:00:00Z, found nothing"),
        ("reload", payload_of(expires_at=1772366700), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-03-01T12:05:00"), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-02-30T12:05:00Z"), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-W09-7T12:05:00Z"), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-03-02T12:00:01Z"), "expected within a day from now"),
        ("reload", payload_of(force=True), "unknown argument 'force'; expected none"),
        ("model-rollback", payload_of(to="x"), "unknown argument 'to'; expected to_sha256"),
        ("model-rollback", payload_of(to_sha256="5A" * 32), "to_sha256: expected 64 lower-case hexadecimal digits"),
        ("model-rollback", payload_of(to_sha256=None), "to_sha256: expected 64 lower-case hexadecimal digits"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(name: str, payload: bytes, words: str) -> None:
    answer = read(payload, name)
    assert isinstance(answer, Answer)
    assert (answer.name, answer.request_id, answer.status) == (name, "7f2c", CommandStatus.REFUSED)
    assert words in answer.text


@pytest.mark.parametrize("expires_at", ["2026-03-01T12:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_an_expired_command_is_answered_as_such_with_the_clock_here(expires_at: str) -> None:
    answer = read(payload_of(expires_at=expires_at))
    assert isinstance(answer, Answer)
    assert answer.status is CommandStatus.EXPIRED
    assert "the clock here says 2026-03-01T12:00:00+00:00" in answer.text


@pytest.mark.parametrize(
    "topic",
    [
        topic_of("heartbeat"),
        topic_of("reload/reply"),
        topic_of(""),
        "edge-inspector/hall/line-1/station-3/cmd/reload",
        "edge-inspector/hall/line-1/station-2/state",
    ],
)
def test_what_comes_on_another_topic_is_no_command(topic: str) -> None:
    assert read_command(topic, payload_of(), topics=TOPICS, allowed=set(CommandName), now=NOW) is None


def test_a_command_for_another_camera_of_the_station_is_left_to_that_one() -> None:
    assert read(payload_of(camera="bottom")) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
_keys = st.sampled_from(["request_id", "expires_at", "camera", "to_sha256", "more"])


@given(
    st.binary(max_size=60)
    | st.dictionaries(_keys, _json | st.just(SOON) | st.just("top")).map(lambda document: json.dumps(document).encode())
)
def test_whatever_comes_is_a_command_or_told_why_not(payload: bytes) -> None:
    for name in CommandName:
        match read(payload, name):
            case Command(expires_at=expires_at):
                assert NOW < expires_at <= NOW + timedelta(days=1)
            case Answer(text=text) | Unreadable(problem=text):
                assert text
            case other:
                assert other is None


# --- what runs ---


class Station:
    """Commands with a clock that can be set, and what they answered."""

    def __init__(self, functions: Mapping[str, Function], memory: Path | None = None) -> None:
        self.now = NOW
        self.sent: list[Message] = []
        self._came = threading.Condition()
        self.commands = Commands(functions, WRITER, answer=self._send, memory=memory, clock=lambda: self.now)

    def tell(self, name: str = "reload", request_id: str = "7f2c", **more: object) -> None:
        self.commands.take(topic_of(name), payload_of(request_id, **more))

    def answers(self, count: int) -> list[dict[str, Any]]:
        """Return the first answers, waiting for them."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.sent) >= count, PATIENCE_S), f"only {self.sent}"
            return [json.loads(message.payload)["data"] for message in self.sent[:count]]

    def answer(self) -> dict[str, Any]:
        (answer,) = self.answers(1)
        return answer

    def _send(self, message: Message) -> None:
        with self._came:
            self.sent.append(message)
            self._came.notify_all()


class Counted:
    """Counts how often it ran; waits at its gate first."""

    def __init__(self, does: Callable[[Mapping[str, object]], Mapping[str, Json]] = lambda _: {}) -> None:
        self.runs = 0
        self.busy, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self._does = does

    def __call__(self, arguments: Mapping[str, object]) -> Mapping[str, Json]:
        self.runs += 1
        self.busy.set()
        assert self.gate.wait(PATIENCE_S)
        return self._does(arguments)


def fail_with(error: Exception) -> Counted:
    def fail(_: Mapping[str, object]) -> Mapping[str, Json]:
        raise error

    return Counted(fail)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "commands.json"


@pytest.fixture
def held_up() -> Iterator[Counted]:
    function = Counted()
    function.gate.clear()
    yield function
    function.gate.set()


def test_a_command_is_run_with_its_arguments_and_answered_on_its_reply_topic() -> None:
    station = Station({CommandName.MODEL_ROLLBACK: lambda arguments: {"to": str(arguments["to_sha256"])}})
    with station.commands:
        station.tell("model-rollback", to_sha256=SHA256)
        answer = station.answer()
    assert station.sent[0].topic == TOPICS.topic(Channel.REPLY, name="model-rollback")
    assert (answer["request_id"], answer["status"], answer["result"]) == ("7f2c", "done", {"to": SHA256})
    assert answer["text"].startswith("done in ")


def test_a_repeated_command_gets_the_same_answer_and_does_not_run_again() -> None:
    function = Counted()
    station = Station({"reload": function})
    with station.commands:
        station.tell()
        station.answer()
        station.tell()
        station.now += timedelta(minutes=6)
        station.tell()
        station.answers(3)
    assert function.runs == 1
    assert len(set(station.sent)) == 1, "also when it has expired meanwhile"


def test_a_command_that_comes_again_while_it_runs_or_waits_is_one(held_up: Counted) -> None:
    other = Counted()
    station = Station({"reload": held_up, "self-test": other})
    with station.commands:
        station.tell()
        assert held_up.busy.wait(PATIENCE_S)
        station.tell("self-test", "waits")
        for request_id, name in (("7f2c", "reload"), ("waits", "self-test")):
            station.tell(name, request_id)
        held_up.gate.set()
        station.answers(2)
    assert (held_up.runs, other.runs, len(station.sent)) == (1, 1, 2)


def test_a_repeated_command_gets_the_same_answer_after_a_restart(memory: Path) -> None:
    function = Counted(lambda _: {"model": "métal"})
    first = Station({"reload": function}, memory)
    with first.commands:
        first.tell()
        first.answer()
    second = Station({"reload": function}, memory)
    with second.commands:
        second.tell()
        second.answer()
    assert function.runs == 1
    assert first.sent == second.sent
    assert memory.stat().st_mode & 0o777 == 0o600


def test_a_command_in_the_middle_of_which_the_daemon_ended_has_failed_and_does_not_run_again(
    memory: Path, held_up: Counted
) -> None:
    first = Station({"reload": held_up}, memory)
    with first.commands:
        first.tell()
        assert held_up.busy.wait(PATIENCE_S)
        at_the_end = shutil.copy(memory, memory.with_name("left.json"))
        held_up.gate.set()
    second = Station({"reload": held_up}, at_the_end)
    with second.commands:
        answer = second.answer()
        second.tell()
        second.answers(2)
    assert (answer["request_id"], answer["status"]) == ("7f2c", "failed")
    assert "whether it took effect is not known" in answer["text"]
    assert second.sent[0] == second.sent[1]
    assert held_up.runs == 1


def test_a_request_id_belongs_to_one_command() -> None:
    station = Station({"reload": Counted(), "self-test": Counted()})
    with station.commands:
        station.tell("reload")
        station.answer()
        station.tell("self-test")
        refused = station.answers(2)[1]
    assert (refused["command"], refused["status"]) == ("self-test", "refused")
    assert "'7f2c' was used for reload already" in refused["text"]


def test_a_retained_command_is_ignored_and_so_is_its_clearing(caplog: pytest.LogCaptureFixture) -> None:
    station = Station({"reload": Counted()})
    with station.commands:
        station.commands.take(topic_of("reload"), payload_of("old"), retained=True)
        station.commands.take(topic_of("reload"), b"", retained=True)
        station.tell(request_id="new")
        assert station.answer()["request_id"] == "new"
    (line,) = warnings(caplog)
    assert "must not be retained" in line
    assert topic_of("reload") in line


def test_what_cannot_be_answered_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    station = Station({"reload": Counted()})
    with station.commands:
        station.commands.take(topic_of("reload"), b"now!")
    assert station.sent == []
    (line,) = warnings(caplog)
    assert "expected a JSON object, found b'now!'" in line


def test_a_command_whose_turn_comes_too_late_is_expired(held_up: Counted) -> None:
    late = Counted()
    station = Station({"reload": held_up, "self-test": late})
    with station.commands:
        station.tell("reload")
        assert held_up.busy.wait(PATIENCE_S)
        station.tell("self-test", "late")
        station.now += timedelta(minutes=6)
        held_up.gate.set()
        answers = station.answers(2)
    assert [(answer["command"], answer["status"]) for answer in answers] == [
        ("reload", "done"),
        ("self-test", "expired"),
    ]
    assert late.runs == 0


def test_of_a_flood_as_many_wait_as_there_is_room_for_and_no_more_are_refused_than_anyone_reads(
    held_up: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    station = Station({"reload": held_up})
    with station.commands:
        station.tell(request_id="first")
        assert held_up.busy.wait(PATIENCE_S)
        for number in range(MOST_WAITING + 2 * MOST_REFUSALS):
            station.tell(request_id=f"{number}")
        held_up.gate.set()
        answers = station.answers(1 + MOST_WAITING + MOST_REFUSALS)
    assert held_up.runs == 1 + MOST_WAITING
    refused = [answer for answer in answers if answer["status"] == "refused"]
    assert len(refused) == MOST_REFUSALS
    assert {answer["text"] for answer in refused} == {"busy: 16 commands wait already"}
    assert len(station.sent) == len(answers)
    assert len(warnings(caplog)) == MOST_REFUSALS + 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(RefusedError("no such model: 5a"), "refused"), (ModelError("golden-1.png: expected 1 box, found 0"), "failed")],
)
def test_an_error_of_ours_is_told_in_its_own_words(error: Exception, status: str) -> None:
    station = Station({"reload": fail_with(error)})
    with station.commands:
        station.tell()
        answer = station.answer()
    assert (answer["status"], answer["text"], answer["result"]) == (status, f"{error}", {})


@pytest.mark.parametrize(
    "function", [fail_with(KeyError("x")), lambda _: {"nan": float("nan")}, lambda _: {1: object()}]
)
def test_a_fault_of_a_command_is_told_and_the_next_one_runs(
    function: Function, caplog: pytest.LogCaptureFixture
) -> None:
    station = Station({"self-test": function, "reload": Counted()})
    with station.commands:
        station.tell("self-test", "first")
        station.tell("reload", "second")
        answers = station.answers(2)
    assert [answer["status"] for answer in answers] == ["failed", "done"]
    assert answers[0]["text"].startswith("a fault of this program: ")
    assert any(record.exc_info for record in caplog.records)


def test_at_the_stop_what_waits_is_refused_and_what_still_runs_is_left_behind_and_reported(
    memory: Path, held_up: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    station = Station({"reload": held_up}, memory)
    with station.commands:
        station.tell(request_id="runs")
        assert held_up.busy.wait(PATIENCE_S)
        station.tell(request_id="waits")
    station.tell(request_id="late")
    assert [(answer["request_id"], answer["text"]) for answer in station.answers(2)] == [
        ("waits", "the station stops"),
        ("late", "the station stops"),
    ]
    assert any("'runs' still runs and is left behind" in line for line in warnings(caplog))
    held_up.gate.set()
    station.commands._thread.join()
    assert len(station.sent) == 2, "it has nothing to say any more"
    after = Station({"reload": held_up}, memory)
    with after.commands:
        assert after.answer()["status"] == "failed"


def test_what_cannot_be_remembered_does_not_run(memory: Path) -> None:
    function = Counted()
    station = Station({"reload": function}, memory / "missing" / "commands.json")
    with station.commands:
        station.tell()
        answer = station.answer()
    assert (function.runs, answer["status"]) == (0, "refused")
    assert "could not be written down: No such file or directory" in answer["text"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"runs": [{}]}', b'{"runs": [{"command": 1, "request_id": "7f2c", "expires_at": "x"}]}']
)
def test_a_damaged_memory_is_begun_anew_and_said(
    memory: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    memory.write_bytes(content)
    station = Station({"reload": Counted()}, memory)
    with station.commands:
        station.tell()
        assert station.answer()["status"] == "done"
    assert "which commands have run already is not known" in warnings(caplog)[0]
    assert json.loads(memory.read_bytes())["runs"][0]["request_id"] == "7f2c"


def test_a_command_is_remembered_until_it_expires_and_there_is_room_for_so_many() -> None:
    function = Counted()
    station = Station({"reload": function})
    with station.commands:
        for number in range(MOST_REMEMBERED):
            station.tell(request_id=f"{number}")
            station.answers(number + 1)
        station.tell(request_id="one too many")
        refused = station.answers(MOST_REMEMBERED + 1)[-1]
        station.now += timedelta(minutes=6)
        station.tell(request_id="later", expires_at="2026-03-01T12:10:00Z")
        answer = station.answers(MOST_REMEMBERED + 2)[-1]
    assert (refused["status"], answer["status"]) == ("refused", "done")
    assert "busy: 256 commands have run and not yet expired" in refused["text"]
    assert len(station.commands._memory._runs) == 1


def test_two_cameras_of_a_station_answer_each_for_itself() -> None:
    stations = [Station({"reload": Counted()}) for _ in range(2)]
    stations[1].commands._writer = replace(WRITER, topics=replace(TOPICS, camera="bottom"))
    with ExitStack() as stack:
        for station in stations:
            stack.enter_context(station.commands)
            station.tell()
            station.tell(request_id="only one", camera="bottom")
        assert [answer["camera"] for answer in stations[1].answers(2)] == ["bottom", "bottom"]
        assert stations[0].answer()["camera"] == "top"
    assert len(stations[0].sent) == 1
