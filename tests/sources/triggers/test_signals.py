"""Where triggers come from: a clock, a command, a digital input, a PLC."""

import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge_inspector.alarms import TRIGGER_LOST, TRIGGER_UNAVAILABLE
from edge_inspector.errors import RefusedError
from edge_inspector.settings import DigitalTrigger, PlcSettings, PlcTrigger
from edge_inspector.sources.triggers.command import CommandSignal
from edge_inspector.sources.triggers.digital import DigitalSignal
from edge_inspector.sources.triggers.plc import PlcSignal
from edge_inspector.sources.triggers.signal import Trigger
from edge_inspector.sources.triggers.timer import TimerSignal
from tests.line_camera import NotingDesk
from tests.mosquitto import eventually
from tests.plc import Plc, plc


def test_a_clock_beats_by_the_first_beat_and_leaves_none_out_however_long_it_was_held_up() -> None:
    desk, held = NotingDesk(), threading.Event()

    class HeldUp(NotingDesk):
        def take(self, trigger: Trigger) -> bool:
            if len(desk.triggers) == 3:
                held.wait(0.2)
            return desk.take(trigger)

    signal = TimerSignal(200.0)
    signal.start(HeldUp())
    desk.wait_for(lambda: len(desk.triggers) >= 60, what="60 beats")
    signal.close()
    first_ns = desk.triggers[0].at_ns
    assert [(t.at_ns - first_ns) for t in desk.triggers[:60]] == [n * 5_000_000 for n in range(60)]


def test_a_clock_that_is_closed_beats_no_more() -> None:
    desk, signal = NotingDesk(), TimerSignal(500.0)
    signal.start(desk)
    desk.wait_for(lambda: len(desk.triggers) > 2, what="beats")
    signal.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "trigger-timer"]


def test_a_command_goes_to_the_source_that_is_open_and_is_refused_without_one() -> None:
    first, second, signal = NotingDesk(), NotingDesk(), CommandSignal()
    with pytest.raises(RefusedError, match="no source is open"):
        signal.bring(Trigger(1))
    signal.start(first)
    signal.bring(Trigger(2, "A"))
    signal.close()
    signal.start(second)
    signal.bring(Trigger(3, "B"))
    assert [trigger.part_id for trigger in first.triggers] == ["A"]
    assert [trigger.part_id for trigger in second.triggers] == ["B"]


@dataclass
class Edge:
    timestamp_ns: int
    line_seqno: int


class GpioChip:
    """Digital lines after the API of gpiod 2 (`gpiod.request_lines`), for machines that have none."""

    def __init__(self) -> None:
        self.edges: queue.Queue[Edge | OSError] = queue.Queue()
        self.requested: list[tuple[str, dict[int, Any]]] = []
        self.released = 0
        self.fails: OSError | None = None
        self._waiting: list[Edge] = []

    def module(self) -> tuple[ModuleType, ModuleType]:
        gpiod, line = ModuleType("gpiod"), ModuleType("gpiod.line")
        line.Direction = Enum("Direction", ["INPUT", "OUTPUT"])  # type: ignore[attr-defined, misc]
        line.Edge = Enum("Edge", ["RISING", "FALLING"])  # type: ignore[attr-defined, misc]
        line.Clock = Enum("Clock", ["MONOTONIC"])  # type: ignore[attr-defined, misc]
        gpiod.line = line  # type: ignore[attr-defined]
        gpiod.LineSettings = lambda **settings: settings  # type: ignore[attr-defined]
        gpiod.request_lines = self.request_lines  # type: ignore[attr-defined]
        return gpiod, line

    def request_lines(self, path: str, *, consumer: str, config: dict[int, Any], event_buffer_size: int) -> "GpioChip":
        assert consumer == "edge-inspector"
        assert event_buffer_size > 0
        if self.fails is not None:
            raise self.fails
        self.requested.append((path, config))
        return self

    def wait_edge_events(self, timeout: float) -> bool:
        try:
            edge = self.edges.get(timeout=timeout)
        except queue.Empty:
            return False
        if isinstance(edge, OSError):
            raise edge
        self._waiting.append(edge)
        return True

    def read_edge_events(self) -> Sequence[Edge]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> GpioChip:
    lines = GpioChip()
    gpiod, line = lines.module()
    monkeypatch.setitem(sys.modules, "gpiod", gpiod)
    monkeypatch.setitem(sys.modules, "gpiod.line", line)
    return lines


def digital() -> DigitalSignal:
    return DigitalSignal(DigitalTrigger(by="digital", chip=Path("/dev/gpiochip9"), line=17, debounce_ms=2))


def test_each_edge_of_a_digital_input_is_a_trigger_at_the_kernels_time(chip: GpioChip) -> None:
    desk, signal = NotingDesk(), digital()
    signal.start(desk)
    for number in range(1, 4):
        chip.edges.put(Edge(number * 1000, number))
    desk.wait_for(lambda: len(desk.triggers) == 3, what="three triggers")
    signal.close()
    assert [trigger.at_ns for trigger in desk.triggers] == [1000, 2000, 3000]
    assert desk.notes == [("well", TRIGGER_UNAVAILABLE, "digital input 17 of /dev/gpiochip9 is read")]
    ((path, config),) = chip.requested
    assert (path, list(config), config[17]["debounce_period"].total_seconds()) == ("/dev/gpiochip9", [17], 0.002)
    eventually(lambda: chip.released == 1, what="the line is given back")


def test_edges_that_the_kernel_dropped_are_parts_too_and_an_alarm(chip: GpioChip) -> None:
    desk, signal = NotingDesk(), digital()
    signal.start(desk)
    chip.edges.put(Edge(1000, 1))
    chip.edges.put(Edge(9000, 5))
    desk.wait_for(lambda: len(desk.triggers) == 5, what="five triggers")
    signal.close()
    assert [alarm for kind, alarm, _ in desk.notes if kind == "happened"] == [TRIGGER_LOST]


def test_an_input_that_cannot_be_read_is_told_of_and_opened_again(chip: GpioChip) -> None:
    chip.fails = OSError(16, "Device or resource busy")
    desk, signal = NotingDesk(), digital()
    signal.start(desk)
    desk.wait_for(lambda: "trouble" in desk.kinds(), what="it is busy")
    assert "Device or resource busy" in desk.notes[0][2]
    chip.fails = None
    desk.wait_for(lambda: desk.kinds()[-1] == "well", what="it is read")
    chip.edges.put(OSError(5, "Input/output error"))
    desk.wait_for(lambda: desk.kinds()[-1] == "trouble", what="it is gone")
    desk.wait_for(lambda: desk.kinds()[-1] == "well", what="it is read again")
    chip.edges.put(Edge(7, 1))
    desk.wait_for(lambda: len(desk.triggers) == 1, what="a trigger")
    signal.close()


@pytest.fixture
def machine() -> Iterator[Plc]:
    with plc() as running:
        yield running


def by_plc(machine: Plc, **more: object) -> PlcSignal:
    trigger = PlcTrigger.model_validate({"by": "plc", "address": 3, "poll_ms": 1, **more})
    return PlcSignal(PlcSettings.model_validate(machine.settings), trigger)


def set_bit(machine: Plc, value: int) -> None:
    """Set the bit, and wait until the signal has read it."""
    machine.bits = lambda: {3: bool(value)}
    seen = machine.requests
    eventually(lambda: machine.requests >= seen + 2, what="the bit is read")


@pytest.mark.parametrize("kind", ["coil", "discrete_input"])
def test_each_rising_edge_of_the_plcs_bit_is_one_trigger_however_long_it_stays(machine: Plc, kind: str) -> None:
    desk, signal = NotingDesk(), by_plc(machine, kind=kind)
    signal.start(desk)
    try:
        desk.wait_for(lambda: desk.kinds() == ["well"], what="it answers")
        for number in range(1, 6):
            before_ns = time.monotonic_ns()
            set_bit(machine, 1)
            desk.wait_for(lambda number=number: len(desk.triggers) == number, what="a trigger")  # type: ignore[misc]
            assert desk.triggers[-1].at_ns > before_ns - 1_000_000_000
            set_bit(machine, 1)
            set_bit(machine, 0)
            assert len(desk.triggers) == number
    finally:
        signal.close()


def test_a_bit_that_is_high_when_the_plc_is_found_is_no_edge(machine: Plc) -> None:
    machine.bits = lambda: {3: True}
    desk, signal = NotingDesk(), by_plc(machine)
    signal.start(desk)
    try:
        eventually(lambda: machine.requests > 5, what="the bit is read")
        assert desk.triggers == []
        set_bit(machine, 0)
        set_bit(machine, 1)
        desk.wait_for(lambda: len(desk.triggers) == 1, what="a trigger")
    finally:
        signal.close()


def test_a_plc_that_is_gone_is_told_of_and_asked_again_and_what_it_says_at_first_is_no_edge(machine: Plc) -> None:
    desk, signal = NotingDesk(), by_plc(machine)
    signal.start(desk)
    try:
        desk.wait_for(lambda: desk.kinds() == ["well"], what="it answers")
        machine.stop()
        desk.wait_for(lambda: "trouble" in desk.kinds(), what="it is gone")
        machine.bits = lambda: {3: True}
        machine.start()
        desk.wait_for(lambda: desk.kinds()[-1] == "well", what="it is back")
        assert desk.triggers == []
        assert {alarm for _, alarm, _ in desk.notes} == {TRIGGER_UNAVAILABLE}
        set_bit(machine, 0)
        set_bit(machine, 1)
        desk.wait_for(lambda: len(desk.triggers) == 1, what="a trigger")
    finally:
        signal.close()
