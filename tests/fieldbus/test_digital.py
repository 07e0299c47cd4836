"""Digital lines, by a stand-in for the chip, and by the real gpiod as far as a machine without lines goes."""

import errno
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import gpiod
import pytest

from edge_inspector.errors import FieldbusError
from edge_inspector.fieldbus.digital import DigitalInput, DigitalOutput
from tests.fieldbus.fake_gpiod import CHIP, FakeChip


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeChip]:
    chip = FakeChip()
    monkeypatch.setitem(sys.modules, "gpiod", chip.module())
    yield chip
    assert chip.taken == set(), "a line was not given back"


def test_an_input_tells_when_each_edge_came(chip: FakeChip) -> None:
    line = DigitalInput(Path(CHIP), 3, "rising", 1.5)
    assert line.wait(0.01) is None
    chip.edge(1000)
    chip.edge(2000)
    chip.edge(3000)
    assert [line.wait(1) for _ in range(3)] == [1000, 2000, 3000]
    assert line.wait(0) is None
    assert line.lost == 0
    (settings,) = chip.requests[0].config.values()
    assert settings.direction is gpiod.line.Direction.INPUT
    assert settings.edge_detection is gpiod.line.Edge.RISING
    assert settings.debounce_period == timedelta(milliseconds=1.5)
    assert settings.event_clock is gpiod.line.Clock.MONOTONIC
    line.close()


def test_edges_that_the_kernel_dropped_are_counted(chip: FakeChip) -> None:
    line = DigitalInput(Path(CHIP), 3, "falling", 0)
    chip.edge(1000)
    chip.edge(2000, skipping=5)
    assert [line.wait(1), line.wait(1)] == [1000, 2000]
    assert line.lost == 5
    line.close()


def test_outputs_begin_off_and_are_set_one_by_one(chip: FakeChip) -> None:
    outputs = DigitalOutput(Path(CHIP), [4, 5], active_low=True)
    outputs.set(4, value=True)
    outputs.set(5, value=True)
    outputs.set(4, value=False)
    assert (chip.values(4), chip.values(5)) == ([True, False], [True])
    for settings in chip.requests[0].config.values():
        assert settings.direction is gpiod.line.Direction.OUTPUT
        assert settings.output_value is gpiod.line.Value.INACTIVE
        assert settings.active_low
    outputs.close()


def test_an_output_may_be_on_from_the_first_moment(chip: FakeChip) -> None:
    DigitalOutput(Path(CHIP), [4, 5], active_low=False, on={5}).close()
    opened = {line: settings.output_value for line, settings in chip.requests[0].config.items()}
    assert opened == {4: gpiod.line.Value.INACTIVE, 5: gpiod.line.Value.ACTIVE}


@pytest.mark.usefixtures("chip")
def test_a_line_that_is_in_use_or_does_not_exist_is_named() -> None:
    first = DigitalOutput(Path(CHIP), [4], active_low=False)
    with pytest.raises(FieldbusError, match=r"digital input 4 of /dev/gpiochip7: Device or resource busy; expected"):
        DigitalInput(Path(CHIP), 4, "rising", 0)
    with pytest.raises(FieldbusError, match=r"digital outputs 3, 9 of /dev/gpiochip7: Invalid argument; expected"):
        DigitalOutput(Path(CHIP), [3, 9], active_low=False)
    first.close()
    DigitalInput(Path(CHIP), 4, "rising", 0).close()


def test_a_chip_that_goes_away_is_an_error_of_the_line(chip: FakeChip) -> None:
    line, outputs = DigitalInput(Path(CHIP), 3, "rising", 0), DigitalOutput(Path(CHIP), [4], active_low=False)
    chip.broken = OSError(errno.ENODEV, "No such device")
    with pytest.raises(FieldbusError, match="digital input 3 of /dev/gpiochip7: No such device"):
        line.wait(0.01)
    with pytest.raises(FieldbusError, match="digital outputs 4 of /dev/gpiochip7: No such device"):
        outputs.set(4, value=True)
    line.close()
    outputs.close()


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(FieldbusError, match=r"digital input 3 of /dev/gpiochip0: .*edge-inspector\[gpio\]"):
        DigitalInput(Path("/dev/gpiochip0"), 3, "rising", 1)


def test_version_1_of_the_package_is_not_taken_for_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("gpiod")
    old.line = ModuleType("gpiod.line")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gpiod", old)
    monkeypatch.setitem(sys.modules, "gpiod.line", old.line)
    with pytest.raises(FieldbusError, match=r"expected gpiod of version 2, found an older one"):
        DigitalOutput(Path("/dev/gpiochip0"), [3], active_low=False)


def test_the_real_gpiod_says_that_there_is_no_such_chip(tmp_path: Path) -> None:
    missing = tmp_path / "gpiochip0"
    with pytest.raises(FieldbusError, match=f"digital input 3 of {missing}: No such file or directory; expected"):
        DigitalInput(missing, 3, "rising", 1)
    with pytest.raises(FieldbusError, match="digital outputs 3, 4 of /dev/null: No such device; expected"):
        DigitalOutput(Path("/dev/null"), [3, 4], active_low=True)
