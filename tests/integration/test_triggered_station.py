"""A whole station with a real GigE Vision camera: parts by command over a real broker, and by a real PLC."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.settings import Settings, parse
from tests.commander import Commander
from tests.gated import Gated
from tests.gige_camera import GigeCamera
from tests.mosquitto import Mosquitto, eventually
from tests.onnx_models import bright_spot_model
from tests.plc import Plc, plc
from tests.triggered import STATION, results, told, wait_until_ready


@pytest.fixture
def camera() -> Iterator[GigeCamera]:
    with GigeCamera() as running:
        yield running


def settings_of(folder: Path, camera: GigeCamera, trigger: dict[str, object], **sections: Any) -> Settings:
    source = {
        "type": "genicam", "camera": camera.address, "trigger": trigger, "region": [0, 0, 96, 64],
        "read_timeout_s": 10,  # a busy machine brings a picture late
    }  # fmt: skip
    return parse({
        "station": {"site": "hall", "line": "line-1", "station": "station-2", "camera": "top"},
        "source": source,
        "model": {"path": str(bright_spot_model(folder / "model"))},
        "state": {"dir": str(folder / "state")},
        "health": {"image": {"enabled": False}},
        **sections,
    })  # fmt: skip


def test_parts_are_announced_and_triggered_by_mqtt_and_each_gets_its_result(
    tmp_path: Path, camera: GigeCamera
) -> None:  # fmt: skip
    with Mosquitto(tmp_path) as broker:
        mqtt = {"host": "127.0.0.1", "port": broker.port}
        settings = settings_of(tmp_path, camera, {"by": "command"}, mqtt=mqtt)
        with Gated.running(settings) as line, Commander(broker.port, STATION) as commander:
            wait_until_ready(line)
            assert told(line, "top/status")[-1]["reason"] == "waiting for a trigger"
            assert told(line, "top/status")[-1]["status"] == "online"
            assert commander.ask("part", "a", part_id="A-1", lot="lot-7")["data"]["result"] == {"announced": 1}
            assert commander.ask("trigger", "b")["data"]["status"] == "done"
            assert commander.ask("trigger", "c", part_id="A-2")["data"]["status"] == "done"
            assert commander.ask("trigger", "c", part_id="A-2")["data"]["status"] == "done"  # the same: runs once
            commander.ask("trigger", "d")
            eventually(lambda: len(results(line)) == 3, what="three results")
            refused = commander.ask("part", "e")["data"]
            eventually(lambda: told(line, "state")[-1]["state"] == "ContinuousExecution", what="it executes")
            assert told(line, "top/status")[-1]["reason"] is None
        found = results(line)
    assert [result["part_id"] for result in found[:2]] == ["A-1", "A-2"]
    assert found[2]["part_id"].endswith("-000000")
    assert [result["lot"] for result in found] == ["lot-7"] * 3
    assert "no_verdict" not in {result["outcome"] for result in found}
    assert (refused["status"], refused["text"]) == ("refused", "expected one of part_id, lot and product, found none")
    (totals,) = line.totals
    assert totals.frames.captured == 3
    assert totals.frames.adds_up
    assert totals.parts.adds_up


def test_a_command_for_which_the_source_has_no_use_is_refused_with_the_reason(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = parse({
            "station": {"site": "hall", "line": "line-1", "station": "station-2", "camera": "top"},
            "source": {"type": "simulated", "rate_hz": 5, "image_wh": [96, 64]},
            "model": {"path": str(bright_spot_model(tmp_path / "model"))},
            "state": {"dir": str(tmp_path / "state")},
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
        })  # fmt: skip
        with Gated.running(settings), Commander(broker.port, STATION) as commander:
            trigger, part = (commander.ask(name, name, part_id="A")["data"] for name in ("trigger", "part"))
    assert (trigger["status"], part["status"]) == ("refused", "refused")
    assert "expected by = 'command' of a camera, found none" in trigger["text"]
    assert "no parts come" in part["text"]


@pytest.fixture
def machine() -> Iterator[Plc]:
    with plc() as running:
        yield running


class Belt:
    """A PLC that says which part is there, and then that it is there."""

    def __init__(self, machine: Plc) -> None:
        self._machine = machine
        self._part, self._is_there = 0, False
        machine.registers = lambda: {10: self._part >> 16, 11: self._part & 0xFFFF, 12: 7}
        machine.bits = lambda: {3: self._is_there}

    def bring(self, part: int) -> None:
        self._part = part
        for is_there in (True, False):
            self._is_there = is_there
            seen = self._machine.requests
            eventually(lambda seen=seen: self._machine.requests > seen + 5, what="it is read")  # type: ignore[misc]


def test_the_plc_triggers_parts_and_says_which_they_are_and_while_it_is_gone_a_person_is_told(
    tmp_path: Path, camera: GigeCamera, machine: Plc
) -> None:
    sections = {
        "plc": machine.settings,
        "identity": {
            "part_id": {"address": 10, "kind": "uint32"},
            "lot": {"address": 12, "kind": "uint16"},
            "hold_ms": 2000,
        },
    }
    trigger = {"by": "plc", "address": 3, "poll_ms": 2}
    with Gated.running(settings_of(tmp_path, camera, trigger, **sections)) as line:
        wait_until_ready(line)
        belt = Belt(machine)
        eventually(lambda: machine.requests > 20, what="the PLC is read")
        for number in range(10):
            belt.bring(70_000 + number)
            eventually(lambda number=number: len(results(line)) == number + 1, what="its result")  # type: ignore[misc]
        machine.stop()
        eventually(lambda: len(line.alarms("plc-unreachable")) == 1, what="the alarm")
        machine.start()
        eventually(lambda: len(line.alarms("plc-unreachable")) == 2, what="the alarm is cleared")
        seen = machine.requests
        eventually(lambda: machine.requests > seen + 20, what="both threads read again")
        belt.bring(80_000)
        eventually(lambda: len(results(line)) == 11, what="the result of the last part")
        found = results(line)
    assert [result["part_id"] for result in found] == [*(str(70_000 + n) for n in range(10)), "80000"]
    assert {result["lot"] for result in found} == {"7"}
    for alarm in ("plc-unreachable", "trigger-unavailable"):
        assert [each.split(":")[0] for each in line.alarms(alarm)] == ["raised", "cleared"]
