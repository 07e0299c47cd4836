"""The gate of a whole station, against a real PLC: what the parts get, whatever becomes of the rest."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.constants import ExcCodes

from edge_inspector.frame import Frame
from edge_inspector.journal.batch import Batch
from edge_inspector.journal.database import Database
from tests.fakes import PATIENCE_S
from tests.gated import CODES, HEARTBEAT, OUTCOME, REJECT_COIL, TRUSTED_COIL, Gated, gated_settings
from tests.mosquitto import eventually
from tests.plc import Plc, plc

_DAY, _NIGHT = 60, 18_000  # parts; at 30 a second, 2 s and 10 minutes


@pytest.fixture
def machine() -> Iterator[Plc]:
    with plc() as running:
        yield running


def assert_each_part_is_where_it_belongs(machine: Plc, outcomes: list[str]) -> None:
    """Hold what the PLC was told, in order, against the results of the parts.

    On a machine that was held up, several parts may be served at once: their pulses are one then, and come before what
    is told of each of them.
    """
    told = [(number, code) for number, code in machine.written(OUTCOME) if number]
    assert told == [((number + 1) % 65_536, CODES[name]) for number, name in enumerate(outcomes)]
    is_on, unexplained = False, 0  # pulses of which no rejected part has been told yet
    for write in machine.writes:
        if (write.kind, write.address) == ("coil", REJECT_COIL):
            unexplained += bool(write.values[0]) and not is_on
            is_on = bool(write.values[0])
        elif (write.kind, write.address) == ("holding", OUTCOME) and write.values[1] == CODES["reject"]:
            assert is_on or unexplained, f"part {write.values[0]} was not thrown out"
            assert unexplained <= 1, f"something was thrown out before part {write.values[0]}"
            unexplained = 0
    assert unexplained == 0


@pytest.mark.thorough
@pytest.mark.parametrize("count", [_DAY, pytest.param(_NIGHT, marks=[pytest.mark.nightly, pytest.mark.timeout(1500)])])
def test_every_reject_reaches_the_coil_in_time_at_30_parts_a_second(
    tmp_path: Path, machine: Plc, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with Gated.running(gated_settings(tmp_path, machine, count=count)) as line:
        line.wait_for_the_end(patience_s=count / 30 + 60)
        gate, outcomes = line.gate_at_rest(count), line.outcomes()
    with capsys.disabled():
        print(f"\n{count} parts at 30/s, from capture to output in ms: {gate['latency_ms']}")  # noqa: T201 - a report
    assert len(outcomes) == count
    assert set(outcomes) == {"accept", "review", "reject"}
    assert (gate["decided"], gate["missed"]) == (count, 0)
    assert gate["pulses"] == gate["rejected"] == outcomes.count("reject") >= len(machine.pulses(REJECT_COIL))
    assert_each_part_is_where_it_belongs(machine, outcomes)


def test_the_heartbeat_counts_and_the_inspection_is_trusted_until_the_end(tmp_path: Path, machine: Plc) -> None:
    settings = gated_settings(tmp_path, machine, gate={"heartbeat_ms": 20, "fail_safe": "hold"})
    with Gated.running(settings) as line:
        eventually(lambda: machine.is_on(TRUSTED_COIL), what="the inspection is trusted")
        eventually(lambda: len(machine.written(HEARTBEAT)) > 20, what="the heart beats")
        assert machine.is_on(TRUSTED_COIL)
        line.stop.set()
        line.wait_for_the_end()
    beats = [number for (number,) in machine.written(HEARTBEAT)]
    assert beats == list(range(1, len(beats) + 1))
    assert not machine.is_on(TRUSTED_COIL)
    assert machine.is_on(REJECT_COIL)  # held: nobody looks any more


def test_a_released_output_is_off_after_the_end_and_before_the_first_frame(tmp_path: Path, machine: Plc) -> None:
    with Gated.running(gated_settings(tmp_path, machine, count=20, rate_hz=100)) as line:
        line.wait_for_the_end()
    assert not machine.is_on(REJECT_COIL)
    assert machine.coil(REJECT_COIL)[0][1] is False


def test_a_plc_that_goes_away_and_comes_back_is_told_what_is_so_now(tmp_path: Path, machine: Plc) -> None:
    with Gated.running(gated_settings(tmp_path, machine, rate_hz=60, gate={"deadline_ms": 300})) as line:
        eventually(lambda: line.gate()["decided"] >= 20, what="parts pass")
        machine.stop()
        eventually(lambda: line.alarms("gate-unreachable"), what="the alarm")
        eventually(lambda: line.gate()["missed"] >= 20, what="misses")
        writes = len(machine.writes)
        assert line.alarms("gate-deadline-missed")
        machine.start()
        eventually(lambda: "cleared" in line.alarms("gate-unreachable")[-1], what="the alarm is cleared")
        decided = line.gate()["decided"]
        eventually(lambda: line.gate()["decided"] >= decided + 20, what="parts pass again")
        line.stop.set()
        line.wait_for_the_end()
        gate = line.gate_at_rest(len(line.outcomes()))
    raised, *_, cleared = line.alarms("gate-unreachable")
    assert raised.startswith(f"raised: PLC 127.0.0.1:{machine.port} unit 1: ")
    assert cleared == "cleared: the output answers, and is set as it should be now"
    assert gate["unreachable_s"] > 0
    assert gate["rejected"] == gate["pulses"] + gate["withheld"] + gate["missed_pulses"]
    # First of all it learns how things stand, and of what it has missed only that it has missed it.
    afterwards = machine.writes[writes:]
    assert (afterwards[0].kind, afterwards[0].address) == ("coil", REJECT_COIL)
    first = next(write.values for write in afterwards if write.address == OUTCOME)
    assert first[1] == 5
    told = [(write.values[0], write.values[1]) for write in afterwards if write.address == OUTCOME]
    numbers = [number for number, outcome in told if outcome != 5]  # on a slow machine several were missed, told as one
    assert len(numbers) >= 10
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_plc_that_takes_requests_and_never_answers_costs_neither_the_line_nor_the_stop(
    tmp_path: Path, machine: Plc
) -> None:
    settings = gated_settings(tmp_path, machine, rate_hz=60, gate={"deadline_ms": 300}, plc={"timeout_ms": 100})
    with Gated.running(settings) as line:
        eventually(lambda: line.gate()["pulses"] >= 3, what="parts are thrown out")
        machine.is_mute = True
        eventually(lambda: line.alarms("gate-unreachable"), what="the alarm")
        results = len(line.outcomes())
        eventually(lambda: len(line.outcomes()) >= results + 30, what="parts get their results all the same")
        line.stop.set()
        line.wait_for_the_end()
    assert "no answer within 100 ms" in line.alarms("gate-unreachable")[0]


def test_a_plc_that_refuses_is_told_of_with_its_reason(tmp_path: Path, machine: Plc) -> None:
    machine.refuses = ExcCodes.ILLEGAL_ADDRESS
    with Gated.running(gated_settings(tmp_path, machine)) as line:
        eventually(lambda: line.alarms("gate-unreachable"), what="the alarm")
        # On a machine that was held up the first part may be judged before anything was written.
        assert re.search(
            r"write [01] to coil 10: it refused with exception 2 \(illegal data address\)",
            line.alarms("gate-unreachable")[0],
        )
        machine.refuses = None
        eventually(lambda: len(line.alarms("gate-unreachable")) == 2, what="the alarm is cleared")


def test_a_journal_stuck_on_a_slow_disk_does_not_delay_the_gate(
    tmp_path: Path, machine: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    with Gated.running(gated_settings(tmp_path, machine, rate_hz=60)) as line:
        eventually(lambda: line.gate()["pulses"] >= 3, what="parts are thrown out")
        _hang_the_disk(monkeypatch, free)
        decided = line.gate()["decided"]
        eventually(lambda: line.gate()["decided"] >= decided + 45, what="parts pass")
        gate = line.gate()
        free.set()
    assert gate["missed"] == 0
    assert gate["latency_ms"]["max"] < 2000  # the deadline


def test_while_an_inspection_takes_too_long_the_output_is_held_and_the_late_part_is_told(
    tmp_path: Path, machine: Plc
) -> None:
    slow, go_on = threading.Event(), threading.Event()

    def watch(_: Frame) -> None:
        if slow.is_set():
            go_on.wait(PATIENCE_S)

    settings = gated_settings(tmp_path, machine, gate={"deadline_ms": 400, "fail_safe": "hold"})
    with Gated.running(settings, watch_frame=watch) as line:
        eventually(lambda: machine.is_on(TRUSTED_COIL), what="the inspection is trusted")
        eventually(lambda: line.gate()["decided"] >= 10, what="parts pass")
        slow.set()
        began_s = time.monotonic()
        eventually(lambda: not machine.is_on(TRUSTED_COIL), what="it is trusted no more")
        eventually(lambda: machine.is_on(REJECT_COIL), what="everything is thrown out")
        assert line.gate()["reason"] == "an inspection is not done after 320 ms"
        slow.clear()
        eventually(lambda: time.monotonic() - began_s > 0.6, what="the part is long past the gate")
        go_on.set()
        eventually(lambda: machine.is_on(TRUSTED_COIL), what="it is trusted again")
        decided = line.gate()["decided"]
        eventually(lambda: line.gate()["decided"] >= decided + 10, what="parts pass again")
        line.stop.set()
        line.wait_for_the_end()
        gate = line.gate_at_rest(len(line.outcomes()))
    assert gate["missed"] >= 1  # the part that took so long; those behind it, by how long it was
    assert line.alarms("gate-deadline-missed")
    assert gate["rejected"] == gate["pulses"] + gate["withheld"] + gate["missed_pulses"]
    assert gate["decided"] == len(line.outcomes())


def test_a_belts_defects_are_thrown_out_once_each(tmp_path: Path, machine: Plc) -> None:
    source = {"type": "simulated", "trigger": "free_running", "rate_hz": 60, "image_wh": [96, 64], "count": 80}
    settings = gated_settings(tmp_path, machine, gate={"rejects": ["reject"]}, source=source, policy={})
    with Gated.running(settings) as line:
        line.wait_for_the_end()
        told = [each for each in line.defects() if each["phase"] in {"new", "update"}]
        gate = line.gate_at_rest(len(told))
    assert told
    assert gate["decided"] == len(told)
    assert gate["rejected"] == gate["pulses"] == sum(each["outcome"] == "reject" for each in told)


def _hang_the_disk(monkeypatch: pytest.MonkeyPatch, free: threading.Event) -> None:
    """Let every commit of the journal wait for an event, as on a disk that does not answer."""
    write = Database.write

    def hang(database: Database, batch: Batch, operated_s: float) -> None:
        free.wait(PATIENCE_S)
        write(database, batch, operated_s)

    monkeypatch.setattr(Database, "write", hang)
