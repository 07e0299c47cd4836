"""Commands that come: what runs, once, and what is answered."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_inspector.app.command_memory import MOST_REMEMBERED
from edge_inspector.app.commands import MOST_REFUSALS, MOST_WAITING, Function
from edge_inspector.commands import CommandName
from edge_inspector.errors import ModelError, RefusedError
from edge_inspector.topics import Channel
from tests.commanded import WRITER, Counted, Station, fail_with
from tests.commander import SHA256, TOPICS, payload_of, topic_of
from tests.logged import warnings_in
from tests.mosquitto import PATIENCE_S


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
    (line,) = warnings_in(caplog)
    assert "must not be retained" in line
    assert topic_of("reload") in line


def test_what_cannot_be_answered_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    station = Station({"reload": Counted()})
    with station.commands:
        station.commands.take(topic_of("reload"), b"now!")
    assert station.sent == []
    (line,) = warnings_in(caplog)
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
    assert len(warnings_in(caplog)) == MOST_REFUSALS + 1


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
    assert any("'runs' still runs and is left behind" in line for line in warnings_in(caplog))
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
    assert "which commands have run already is not known" in warnings_in(caplog)[0]
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
