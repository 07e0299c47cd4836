"""The gate's thread, between outcomes that the test makes up and wires that do what it says."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.alarms import Alarm
from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Verdict
from edge_inspector.detections import Detections
from edge_inspector.errors import FieldbusError
from edge_inspector.fieldbus.modbus import ModbusLink
from edge_inspector.gate.gate import Gate
from edge_inspector.gate.wires import DigitalWires, ModbusEncoder, OutcomeCode
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.settings import DigitalOutput, GateSettings, PlcSettings
from tests.fieldbus.fake_gpiod import CHIP, FakeChip
from tests.mosquitto import eventually
from tests.plc import Plc, plc

ACCEPT, REVIEW, REJECT = Decision(Verdict.ACCEPT), Decision(Verdict.REVIEW), Decision(Verdict.REJECT)
NOBODY_JUDGED = NoVerdict(NoVerdictCause.INSPECTION_FAILED, "no", Verdict.REJECT)


def result_of(outcome: Outcome, number: int = 0) -> InspectionResult:
    frame = FrameRecord(number, datetime.now(UTC), "host", "fake", (64, 48), outcome)
    model = ModelIdentity("fake", "1.0.0", "ab" * 32)
    return InspectionResult(f"inspection-{number}", f"p{number}", (frame,), Detections.empty(), (), outcome, model)


@dataclass
class FakeWires:
    """Notes what is written; fails, hangs or takes its time as the test says.

    Attributes:
        refuses: What it has no place for.
        takes_s: How long a write takes.
    """

    throws_out: bool = True
    tells_outcomes: bool = True
    written: list[tuple[str, Any]] = field(default_factory=list)
    problem: str | None = None
    refuses: str | None = None
    takes_s: float = 0.0
    hangs: threading.Event | None = None
    closed: int = 0

    def reject(self, on: bool) -> None:  # noqa: FBT001 - the port's signature
        self._write("reject", on)

    def trusted(self, on: bool) -> None:  # noqa: FBT001
        self._write("trusted", on)

    def beat(self, number: int) -> None:
        self._write("beat", number)

    def outcome(self, number: int, code: OutcomeCode) -> None:
        self._write("outcome", (number, code.value))

    def close(self) -> None:
        self.closed += 1

    def of(self, name: str) -> list[Any]:
        """Return what was written, without what was only written once more."""
        values = [value for which, value in list(self.written) if which == name]
        return [value for at, value in enumerate(values) if at == 0 or value != values[at - 1]]

    def _write(self, name: str, value: Any) -> None:
        if self.hangs is not None:
            self.hangs.wait()
        if self.problem is not None:
            raise FieldbusError(self.problem)
        if name == self.refuses:
            msg = f"PLC: write {name}: it refused"
            raise FieldbusError(msg)
        self.written.append((name, value))
        time.sleep(self.takes_s)


class FakeAlarms:
    """Notes alarms by name."""

    def __init__(self) -> None:
        self.raised: list[Alarm] = []
        self.cleared: list[str] = []

    def raise_(self, alarm: Alarm, *, lasting: bool = False) -> None:
        assert lasting == (alarm.name == "gate-unreachable")
        self.raised.append(alarm)

    def clear(self, name: str, *, text: str | None = None) -> None:
        assert text
        self.cleared.append(name)

    def texts(self, name: str) -> list[str]:
        return [alarm.text for alarm in list(self.raised) if alarm.name == name]


@dataclass
class Bench:
    """A gate between fakes."""

    wires: FakeWires
    alarms: FakeAlarms
    gate: Gate
    distrust: str | None = None

    def take(self, *outcomes: Outcome, age_ms: float = 0.0) -> None:
        captured_ns = time.monotonic_ns() - int(age_ms * 1e6)
        for number, outcome in enumerate(outcomes):
            self.gate.take(result_of(outcome, number), captured_monotonic_ns=captured_ns)

    def wait_until_decided(self, count: int) -> None:
        eventually(lambda: self.counts()["decided"] >= count, what="the outcomes are taken")

    def counts(self) -> dict[str, Any]:
        return dict(self.gate.document())


@contextmanager
def bench(wires: FakeWires | None = None, *, distrust: str | None = None, **settings: Any) -> Iterator[Bench]:
    document = {
        "output": {"type": "modbus", "reject_coil": 1, "outcome_register": 2},
        "pulse_ms": 5,
        "deadline_ms": 5000,
        "fail_safe": "release",
        **settings,
    }
    wires, alarms = wires or FakeWires(), FakeAlarms()
    opened = Bench(wires, alarms, Gate(GateSettings.model_validate(document), wires, alarms), distrust)
    with opened.gate.watch(lambda _: opened.distrust):
        yield opened


def test_a_rejected_part_gets_a_pulse_and_the_others_only_their_outcome() -> None:
    with bench() as at:
        at.take(ACCEPT, REVIEW, REJECT, NOBODY_JUDGED)
        eventually(lambda: len(at.wires.of("outcome")) == 5, what="all are told")
        eventually(lambda: at.wires.of("reject") == [False, True, False], what="the pulse is over")
    assert at.wires.of("outcome") == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
    assert at.counts()["pulses"] == at.counts()["rejected"] == 2  # close to each other, and one long one
    assert at.alarms.raised == []


def test_who_rejects_reviews_too_throws_them_out() -> None:
    with bench(rejects=["reject", "review"]) as at:
        at.take(ACCEPT, REVIEW)
        eventually(lambda: at.counts()["pulses"] == 1, what="the pulse")
    assert at.counts()["rejected"] == 1


def test_a_part_without_a_verdict_is_treated_as_the_policy_says() -> None:
    with bench() as at:
        at.take(NoVerdict(NoVerdictCause.FRAME_DAMAGED, "", Verdict.ACCEPT), NOBODY_JUDGED)
        eventually(lambda: at.counts()["pulses"] == 1, what="the pulse")
    assert at.counts()["rejected"] == 1
    assert at.wires.of("outcome")[1:] == [(1, 4), (2, 4)]


def test_the_reject_output_is_set_before_anything_is_told() -> None:
    with bench() as at:
        at.take(REJECT)
        eventually(lambda: (1, 3) in at.wires.of("outcome"), what="it is told")
    assert at.wires.written.index(("reject", True)) < at.wires.written.index(("outcome", (1, 3)))


def test_an_outcome_that_comes_too_late_gives_no_pulse_but_an_alarm_and_the_code_for_it() -> None:
    with bench(deadline_ms=100) as at:
        at.take(REJECT, age_ms=150)
        eventually(lambda: (1, 5) in at.wires.of("outcome"), what="it is told as late")
        at.wait_until_decided(1)
    assert True not in at.wires.of("reject")
    (text,) = at.alarms.texts("gate-deadline-missed")
    assert text.startswith("part p0 (reject): not at the output 1")
    assert text.endswith(" ms after the exposure; expected within 100 ms")
    counts = at.counts()
    assert (counts["missed"], counts["missed_pulses"], counts["pulses"]) == (1, 1, 0)


def test_a_late_accept_is_a_miss_too_where_nothing_would_have_been_set() -> None:
    with bench(FakeWires(tells_outcomes=False), deadline_ms=100) as at:
        at.take(ACCEPT, age_ms=150)
        eventually(lambda: at.counts()["missed"] == 1, what="the miss")
    assert at.counts()["missed_pulses"] == 0


def test_a_part_is_thrown_out_when_it_is_at_the_gate_and_not_before() -> None:
    with bench(delay={"by": "time", "ms": 150}) as at:
        captured_ns = time.monotonic_ns()
        at.gate.take(result_of(REJECT), captured_monotonic_ns=captured_ns)
        eventually(lambda: (1, 3) in at.wires.of("outcome"), what="it is told at once")
        eventually(lambda: at.counts()["pulses"] == 1, what="the pulse")
        assert time.monotonic_ns() - captured_ns >= 150_000_000
    assert at.counts()["latency_ms"]["p50"] >= 150
    assert at.counts()["late_ms"]["p50"] < at.counts()["latency_ms"]["p50"]


def test_an_output_that_is_held_throws_all_out_until_the_inspection_is_trusted_again() -> None:
    with bench(fail_safe="hold", distrust="no model judges") as at:
        eventually(lambda: at.wires.of("reject") == [True], what="it is held")
        eventually(lambda: at.wires.of("trusted") == [False], what="it says so")
        assert at.counts()["reason"] == "no model judges"
        at.distrust = None
        eventually(lambda: at.wires.of("reject") == [True, False], what="it is let go")
        eventually(lambda: at.wires.of("trusted") == [False, True], what="it says so")
        at.distrust = "the camera is offline: gone"
        eventually(lambda: at.wires.of("reject") == [True, False, True], what="it is held again")
    assert at.wires.of("trusted") == [False, True, False]


def test_what_passed_the_camera_unseen_is_thrown_out_even_when_the_inspection_is_well_again() -> None:
    with bench(fail_safe="hold", distrust="the camera is offline: gone", delay={"by": "time", "ms": 300}) as at:
        eventually(lambda: at.wires.of("trusted") == [False], what="it is held")
        at.distrust = None
        back_ns = time.monotonic_ns()
        eventually(lambda: at.wires.of("trusted") == [False, True], what="it is well")
        assert at.wires.of("reject") == [True]
        eventually(lambda: at.wires.of("reject") == [True, False], what="it is let go")
        assert time.monotonic_ns() - back_ns >= 300_000_000


@pytest.mark.parametrize("refused", ["trusted", "beat", "outcome"])
def test_what_a_plc_refuses_is_told_and_costs_no_pulse_its_beginning_or_its_end(
    refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.gate.errand._SHORTEST_S", 3600.0)
    monkeypatch.setattr("edge_inspector.gate.errand._LONGEST_S", 3600.0)
    with bench(FakeWires(refuses=refused), heartbeat_ms=10) as at:
        at.take(ACCEPT)
        eventually(lambda: at.alarms.texts("gate-unreachable"), what="the alarm")
        for number in (1, 2):
            at.take(REJECT)
            eventually(lambda number=number: at.counts()["pulses"] == number, what="the pulse")  # type: ignore[misc]
            eventually(lambda: at.wires.of("reject")[-1] is False, what="its end")
        assert at.alarms.texts("gate-unreachable") == [f"PLC: write {refused}: it refused"]
        assert at.alarms.cleared == []


def test_a_plc_that_answers_slowly_has_the_end_of_a_pulse_before_all_that_may_wait() -> None:
    wires = FakeWires(takes_s=0.02)
    with bench(wires, pulse_ms=1) as at:
        eventually(lambda: at.wires.of("trusted") == [True], what="it is trusted")
        at.take(REJECT, *[ACCEPT] * 5)
        eventually(lambda: (6, 1) in at.wires.of("outcome"), what="all are told")
    begins = wires.written.index(("reject", True))
    assert ("reject", False) in wires.written[begins + 1 : begins + 3]
    assert at.counts()["missed"] == 0


def test_an_output_that_answers_when_the_part_is_past_is_let_go_at_once() -> None:
    wires = FakeWires(tells_outcomes=False)
    with bench(wires, deadline_ms=200, pulse_ms=5000, heartbeat_ms=10_000) as at:
        eventually(lambda: wires.written.count(("trusted", True)) == 2, what="nothing else is to be written")
        at.wires.takes_s = 0.3
        at.take(REJECT)
        eventually(lambda: at.wires.of("reject") == [False, True, False], what="it is let go")
        at.wires.takes_s = 0.0
        eventually(lambda: at.counts()["missed_pulses"] == 1, what="the miss")
    assert wires.written[wires.written.index(("reject", True)) + 1] == ("reject", False)
    assert at.counts()["pulses"] == 0


def test_a_released_output_throws_out_what_was_judged_and_nothing_else() -> None:
    with bench(fail_safe="release", distrust="the camera is offline: gone") as at:
        at.take(NOBODY_JUDGED)
        at.wait_until_decided(1)
        assert True not in at.wires.of("reject")
        at.take(REJECT)
        eventually(lambda: at.counts()["pulses"] == 1, what="the pulse")
    assert at.counts()["withheld"] == 1


@pytest.mark.parametrize(("fail_safe", "left"), [("hold", True), ("release", False)])
def test_a_stop_leaves_the_outputs_as_for_an_inspection_that_cannot_be_trusted(fail_safe: str, *, left: bool) -> None:
    with bench(fail_safe=fail_safe, delay={"by": "time", "ms": 4000}) as at:
        eventually(lambda: at.wires.of("trusted") == [True], what="it is trusted")
        at.take(REJECT)
        at.wait_until_decided(1)
    assert at.wires.of("trusted") == [True, False]
    assert at.wires.of("reject")[-1] is left
    assert at.counts()["withheld"] == 1  # the station stopped before the part was there
    assert at.wires.closed == 1


def test_a_connection_that_is_lost_once_costs_no_part() -> None:
    class Flaky(FakeWires):
        failures = 1

        def reject(self, on: bool) -> None:  # noqa: FBT001 - the port's signature
            if on and self.failures:
                self.failures -= 1
                msg = "it closed the connection"
                raise FieldbusError(msg)
            super().reject(on)

    with bench(Flaky()) as at:
        at.take(REJECT)
        eventually(lambda: at.counts()["pulses"] == 1, what="the pulse")
        eventually(lambda: at.wires.of("outcome")[-1] == (1, 3), what="it is told")
    assert all(code != OutcomeCode.TOO_LATE for _, code in at.wires.of("outcome"))  # for what came in time
    assert at.counts()["missed"] == 0
    assert at.alarms.raised == []


def test_an_outage_is_told_once_and_what_was_missed_is_not_made_up_for() -> None:
    with bench(deadline_ms=200) as at:
        eventually(lambda: at.wires.of("trusted") == [True], what="it is trusted")
        at.wires.problem = "PLC: write 0 to coil 1: gone"
        at.take(*[REJECT] * 5)
        eventually(lambda: at.counts()["missed"] == 5, what="they are missed")
        at.wires.written.clear()
        at.wires.problem = None
        eventually(lambda: at.alarms.cleared == ["gate-unreachable"], what="it is back")
        at.take(ACCEPT)
        eventually(lambda: (6, 1) in at.wires.of("outcome"), what="the next part is told")
    assert at.alarms.texts("gate-unreachable") == ["PLC: write 0 to coil 1: gone"]
    assert at.wires.written[0] == ("reject", False)  # how it should be now
    assert ("outcome", (5, 5)) in at.wires.written
    assert True not in at.wires.of("reject")
    assert at.wires.of("trusted") == [True, False]
    assert at.counts()["unreachable_s"] > 0


def test_a_driver_that_hangs_holds_up_neither_the_inspection_nor_the_stop() -> None:
    free = threading.Event()
    try:
        with bench(deadline_ms=200) as at:
            eventually(lambda: at.wires.of("trusted") == [True], what="it is trusted")
            at.wires.hangs = free
            at.take(REJECT)

            def is_told() -> bool:
                at.take(ACCEPT)  # returns at once, whatever the driver does
                return bool(at.alarms.texts("gate-unreachable"))

            eventually(is_told, what="the alarm")
            at.take(*[REJECT] * 1200)
            assert at.counts()["missed"] > 0
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 5  # it hangs for ever
        written = len(at.wires.written)
        at.wires.hangs = None
        free.set()
        eventually(lambda: at.wires.closed == 1, what="the driver goes on")
        assert len(at.wires.written) <= written + 1  # what hung; the outputs may be another gate's by now
        assert at.counts()["decided"] > 1200  # and each part is in the accounts
    finally:
        free.set()


def test_a_defect_of_the_gate_is_an_alarm_and_the_fail_safe_state_and_no_part_is_lost_in_silence() -> None:
    with bench(fail_safe="hold") as at:
        eventually(lambda: at.wires.of("trusted") == [True], what="it is trusted")

        def fail(_: float) -> str | None:
            msg = "a defect"
            raise RuntimeError(msg)

        at.gate._distrust = fail
        eventually(lambda: at.wires.closed == 1, what="it ends")
        assert at.alarms.texts("gate-unreachable") == ["the gate failed: RuntimeError: a defect"]
        at.take(REJECT)
        assert at.counts()["missed"] == 1
    assert at.wires.of("reject")[-1] is True
    assert at.wires.of("trusted")[-1] is False


def test_digital_lines_are_set_as_a_plc_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = FakeChip()
    monkeypatch.setitem(sys.modules, "gpiod", chip.module())
    output = DigitalOutput(type="digital", chip=Path(CHIP), reject_line=2, trusted_line=3, heartbeat_line=4)
    settings = GateSettings(output=output, pulse_ms=5, deadline_ms=5000, heartbeat_ms=10)
    alarms = FakeAlarms()
    gate = Gate(settings, DigitalWires(output), alarms)
    with gate.watch(lambda _: None):
        gate.take(result_of(REJECT), captured_monotonic_ns=time.monotonic_ns())
        eventually(lambda: chip.values(2) == [False, True, False], what="the pulse")
        eventually(lambda: len(chip.values(4)) > 5, what="the heart beats")
        assert chip.values(3) == [True]
    assert chip.values(2)[-1] is True  # held
    assert chip.values(3) == [True, False]
    assert chip.values(4)[:4] == [True, False, True, False]
    assert chip.taken == set()
    assert alarms.raised == []


def test_a_missing_chip_is_an_alarm_and_it_is_tried_again(tmp_path: Path) -> None:
    output = DigitalOutput(type="digital", chip=tmp_path / "gpiochip0", reject_line=2)
    alarms = FakeAlarms()
    gate = Gate(GateSettings(output=output), DigitalWires(output), alarms)
    with gate.watch(lambda _: None):
        eventually(lambda: alarms.texts("gate-unreachable"), what="the alarm")
    assert "digital outputs 2 of " in alarms.texts("gate-unreachable")[0]


class Belt:
    """An encoder on a line whose speed changes; its count has 16 bits and is about to wrap."""

    def __init__(self) -> None:
        self._since_ns, self._count, self._per_s = time.monotonic_ns(), 65_300.0, 0.0

    def run(self, counts_per_s: float) -> None:
        self._count, self._since_ns, self._per_s = self.count(), time.monotonic_ns(), counts_per_s

    def count(self) -> float:
        return self._count + (time.monotonic_ns() - self._since_ns) / 1e9 * self._per_s

    def registers(self) -> dict[int, int]:
        return {50: int(self.count()) % 65_536}


@contextmanager
def encoded(machine: Plc, belt: Belt, *, fail_safe: str = "release") -> Iterator[tuple[Gate, FakeWires, FakeAlarms]]:
    machine.inputs = belt.registers
    settings = GateSettings.model_validate(
        {
            "output": {"type": "modbus", "reject_coil": 1},
            "delay": {"by": "encoder", "counts": 300, "late_counts": 100, "address": 50, "bits": 16},
            "pulse_ms": 5,
            "fail_safe": fail_safe,
        }
    )
    link = ModbusLink(PlcSettings(host="127.0.0.1", port=machine.port))
    wires, alarms = FakeWires(tells_outcomes=False), FakeAlarms()
    gate = Gate(settings, wires, alarms, reader=ModbusEncoder(link, address=50, bits=16))
    with gate.watch(lambda _: None):
        eventually(lambda: machine.requests > 5, what="the encoder is read")
        yield gate, wires, alarms


def test_by_an_encoder_a_part_is_thrown_out_where_the_gate_is_however_fast_the_line_runs() -> None:
    belt = Belt()
    with plc() as machine, encoded(machine, belt) as (gate, _wires, alarms):
        passed = []
        for counts_per_s in (600, 3000, 1200):
            belt.run(counts_per_s)
            at, begun = belt.count(), gate.document()["pulses"]
            assert isinstance(begun, int)
            gate.take(result_of(REJECT), captured_monotonic_ns=time.monotonic_ns())
            eventually(lambda begun=begun: gate.document()["pulses"] == begun + 1, what="the pulse")  # type: ignore[misc]
            passed.append(belt.count() - at)
        assert alarms.raised == []
    assert all(counts >= 295 for counts in passed)  # never before its place
    assert gate.document()["missed"] == 0


def test_on_a_line_that_stands_a_part_waits_for_as_long_as_it_takes() -> None:
    belt = Belt()
    with plc() as machine, encoded(machine, belt) as (gate, _wires, alarms):
        belt.run(1000)
        gate.take(result_of(REJECT), captured_monotonic_ns=time.monotonic_ns())
        eventually(lambda: gate.document()["decided"] == 1, what="it is taken")
        belt.run(0)
        requests = machine.requests
        eventually(lambda: machine.requests > requests + 60, what="time passes")
        assert gate.document()["pulses"] == 0
        belt.run(1000)
        eventually(lambda: gate.document()["pulses"] == 1, what="the pulse")
        assert alarms.raised == []


def test_an_outcome_that_comes_when_the_part_is_past_the_gate_gives_no_pulse() -> None:
    belt = Belt()
    with plc() as machine, encoded(machine, belt) as (gate, wires, alarms):
        captured_ns = time.monotonic_ns()
        requests, at = machine.requests, belt.count()
        belt.run(5000)
        eventually(lambda: machine.requests > requests + 3 and belt.count() > at + 500, what="it passes by")
        gate.take(result_of(REJECT), captured_monotonic_ns=captured_ns)
        eventually(lambda: gate.document()["missed_pulses"] == 1, what="the miss")
        assert True not in wires.of("reject")
    assert "past the gate" in alarms.texts("gate-deadline-missed")[0]


def test_parts_on_their_way_are_missed_when_the_encoder_is_lost() -> None:
    belt = Belt()
    with plc() as machine, encoded(machine, belt, fail_safe="hold") as (gate, wires, alarms):
        belt.run(10)
        gate.take(result_of(REJECT), captured_monotonic_ns=time.monotonic_ns())
        eventually(lambda: gate.document()["decided"] == 1, what="it is taken")
        machine.stop()
        eventually(lambda: gate.document()["missed_pulses"] == 1, what="the miss")
        assert alarms.texts("gate-unreachable")
        eventually(lambda: wires.of("reject")[-1] is True, what="all is thrown out")
        assert str(gate.document()["reason"]).endswith("Connection refused")
        machine.start()
        eventually(lambda: alarms.cleared, what="it is back")
        eventually(lambda: gate.document()["trusted"], what="it is trusted again")
        assert wires.of("reject")[-1] is True  # what is between the camera and the gate went unfollowed
        belt.run(3000)
        gate.take(result_of(REJECT), captured_monotonic_ns=time.monotonic_ns())
        eventually(lambda: gate.document()["pulses"] == 1, what="the next one is thrown out")
        eventually(lambda: wires.of("reject")[-1] is False, what="it is let go")
