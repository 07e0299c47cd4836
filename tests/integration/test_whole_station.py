"""The station of examples/line.toml, whole: camera, PLC and broker go away at once, and the line is changed over.

All is looked at from the outside: what the PLC triggered and was told, what came over the broker, and the log.
"""

import json
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector
from tests.daemons import Daemon, run_command
from tests.gige_camera import GigeCamera
from tests.mosquitto import Mosquitto, Wire, eventually
from tests.onnx_models import bright_spot_model
from tests.plc import Plc

FILE = Path(__file__).parents[2] / "examples" / "line.toml"
EXAMPLE = tomllib.loads(FILE.read_text(encoding="utf-8"))
STATION = "edge-inspector/augsburg/line-1/station-4"
SMALL, LARGE = EXAMPLE["products"]
OUTPUT = EXAMPLE["gate"]["output"]
LOT = 7
CODES = {"accept": 1, "review": 2, "reject": 3, "no_verdict": 4}
TOO_LATE = 5
SIZES = {code: product["camera"]["region"][2:] for code, product in EXAMPLE["products"].items()}
OUTAGES = ("camera-lost", "plc-unreachable", "gate-unreachable")
# The camera's picture is a ramp that moves on with every frame; about half of the frames are dark in this corner.
CORNER = {"roi": [[[0.0, 0.0], [0.15, 0.0], [0.15, 0.2], [0.0, 0.2]]]}


@dataclass(frozen=True, slots=True)
class Part:
    """A part that passed, and between when and when on the monotonic clock."""

    part_id: str
    begin_ns: int
    end_ns: int
    told: tuple[int, int] | None  # number and code in the outcome register

    def meets(self, spans: list[tuple[int, int]]) -> bool:
        """Return whether it was there within one of these times."""
        return any(begin_ns < self.end_ns and self.begin_ns < end_ns for begin_ns, end_ns in spans)


class Belt:
    """The line as its PLC knows it: says which part is there and triggers it, one when the one before it is gone."""

    def __init__(self, machine: Plc) -> None:
        self.product = SMALL
        self.parts: list[Part] = []
        self._machine = machine
        self._number, self._is_there = 70_000, False
        machine.registers = self._registers
        machine.bits = lambda: {EXAMPLE["source"]["trigger"]["address"]: self._is_there}

    def bring(self, count: int) -> list[Part]:
        return [self._bring_one() for _ in range(count)]

    def _bring_one(self) -> Part:
        self._number += 1
        time.sleep(0.02)  # it is written before the trigger
        seen, begin_ns = len(self._machine.written(OUTPUT["outcome_register"])), time.monotonic_ns()
        self._is_there = True
        time.sleep(0.02)
        self._is_there = False
        told: list[tuple[int, ...]] = []
        for _ in range(80):
            time.sleep(0.01)
            if told := self._machine.written(OUTPUT["outcome_register"])[seen:]:
                break
        time.sleep(0.06)  # longer than a pulse
        number_and_code = (told[0][0], told[0][1]) if told else None
        self.parts.append(Part(str(self._number), begin_ns, time.monotonic_ns(), number_and_code))
        return self.parts[-1]

    def _registers(self) -> dict[int, int]:
        raw = self.product.encode().ljust(16, b"\0")
        identity = EXAMPLE["identity"]
        return {
            identity["part_id"]["address"]: self._number >> 16,
            identity["part_id"]["address"] + 1: self._number & 0xFFFF,
            identity["lot"]["address"]: LOT,
            **{identity["product"]["address"] + n: raw[2 * n] << 8 | raw[2 * n + 1] for n in range(8)},
        }


class Surroundings:
    """Camera, PLC and broker of one station, and its configuration."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.camera = stack.enter_context(GigeCamera())
        self.plc = stack.enter_context(Plc())
        self.broker = stack.enter_context(Mosquitto(folder, "max_queued_messages 0"))
        self.wire = stack.enter_context(Wire(self.broker.port))
        self.collector = stack.enter_context(Collector(self.broker.port))
        self.belt = Belt(self.plc)
        self.file = folder / "station.json"
        self.document = {
            **EXAMPLE,
            "source": {**EXAMPLE["source"], "camera": self.camera.address, "reopen_min_s": 0.1, "reopen_max_s": 0.2},
            "model": {"path": str(bright_spot_model(folder / "model", model_wh=(96, 64), class_names=("scratch",)))},
            "products": {
                SMALL: {**EXAMPLE["products"][SMALL], "policy": CORNER},
                LARGE: {**EXAMPLE["products"][LARGE], "policy": {"min_area_px": {"scratch": 100_000}}},
            },
            "plc": {**EXAMPLE["plc"], "host": "127.0.0.1", "port": self.plc.port},
            "gate": {**EXAMPLE["gate"], "deadline_ms": 500},  # for busy machines
            "mqtt": {"host": "127.0.0.1", "port": self.wire.port, "reconnect_min_s": 0.05, "reconnect_max_s": 0.1},
            "state": {"dir": str(folder / "state")},
            "flow": {"stats_interval_s": 0.5},
            "log": {"level": "info"},
            "health": {"image": {"enabled": False}, "min_free_mb": 0},
        }
        self.configure()

    def configure(self, **sections: dict[str, Any]) -> None:
        for name, section in sections.items():
            self.document[name] = {**self.document[name], **section}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.document))
        new.rename(self.file)

    def events(self, topic: str) -> list[dict[str, Any]]:
        """Return the data of the events on a topic, each once, in the order in which they came first."""
        return [each["data"] for each in self._told(topic)]

    def alarm(self, name: str) -> list[str]:
        """Return what became of an alarm: `raised` and `cleared`, in order."""
        return [each["type"].split(".")[-2] for each in self._told(f"alarm/{name}")]

    def _told(self, topic: str) -> list[dict[str, Any]]:
        found = [json.loads(payload) for payload in self._payloads(topic)]
        return list({each["id"]: each for each in found}.values())

    def _payloads(self, topic: str) -> list[bytes]:
        self.collector.collect_what_is_there()
        return [bytes(m.payload) for m in self.collector.messages if m.topic == f"{STATION}/{topic}" and m.payload]

    def is_trusted(self) -> bool:
        return self.plc.is_on(OUTPUT["trusted_coil"])

    def lose_everything(self) -> None:
        self.wire.cut()
        self.plc.stop()
        self.camera.kill()
        time.sleep(0.5)
        self.wire.mend()
        eventually(lambda: all(self.alarm(name)[-1:] == ["raised"] for name in OUTAGES), what="both are missed")
        self.camera.start()
        self.plc.start()
        self.wait_until_all_is_well()

    def wait_until_all_is_well(self) -> None:
        eventually(lambda: all(self.alarm(name)[-1:] != ["raised"] for name in OUTAGES), what="the alarms are cleared")
        eventually(self.is_trusted, what="it is trusted")

    def change_over_by_register(self, code: str) -> None:
        self.belt.product = code
        eventually(lambda: self.events("product")[-1]["product"] == code, what="the PLC's register changes it over")
        self.belt.bring(4)

    def check_what_became_of_the_parts(self) -> None:
        """Each part has one result, the PLC was told the same, and the gate did as it says."""
        parts = self.belt.parts
        eventually(lambda: len(self.events("top/result")) >= len(parts), what="a result of each part")
        results = self.events("top/result")
        assert Counter(each["part_id"] for each in results) == Counter(part.part_id for part in parts)
        assert {each["lot"] for each in results} == {str(LOT)}
        judged = [each for each in results if each["outcome"] != "no_verdict"]
        assert [each for each in judged if each["image_wh"] != SIZES[each["product"]]] == []
        outcomes = {each["part_id"]: each["outcome"] for each in results}
        rejecting = spans(self.plc.coil(OUTPUT["reject_coil"]), on=True)
        distrusted = spans(self.plc.coil(OUTPUT["trusted_coil"]), on=False)
        for part in parts:
            outcome = outcomes[part.part_id]
            if part.told is None or part.told[1] == TOO_LATE:
                assert self.alarm("gate-deadline-missed"), part
                continue
            assert part.told[1] == CODES[outcome], part
            if outcome in {"reject", "no_verdict"}:
                assert part.meets(rejecting), f"{part} passed the gate"
            elif not part.meets(distrusted):
                assert not part.meets(rejecting), f"{part} was thrown out"


def spans(changes: list[tuple[int, bool]], *, on: bool) -> list[tuple[int, int]]:
    """Return from when to when a coil was so, in monotonic nanoseconds."""
    ends = [at_ns for at_ns, _ in changes[1:]] + [time.monotonic_ns()]
    return [(at_ns, end_ns) for (at_ns, value), end_ns in zip(changes, ends, strict=True) if value is on]


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with ExitStack() as stack:
        yield Surroundings(tmp_path, stack)


def test_the_example_of_a_line_is_accepted_without_its_camera_and_its_plc() -> None:
    checked = run_command("check-config", FILE)
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, f"{FILE}: usable"), checked.stderr


def test_the_example_of_a_line_loses_all_at_once_and_changes_over_and_no_part_is_judged_or_thrown_out_wrongly(
    around: Surroundings,
) -> None:
    with Daemon(around.file) as daemon:
        eventually(around.is_trusted, what="it is trusted")
        around.belt.bring(6)
        around.lose_everything()
        around.belt.bring(4)
        around.change_over_by_register(LARGE)
        assert daemon.stop() == 0
        around.check_what_became_of_the_parts()
        assert all("message" in record for record in daemon.records())
    assert not around.is_trusted()
    assert around.plc.is_on(OUTPUT["reject_coil"])  # what comes while it is stopped is thrown out
