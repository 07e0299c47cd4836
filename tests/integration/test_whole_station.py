"""The station of examples/line.toml, whole: camera, PLC and broker come and go, products change, and it is killed.

All is looked at from the outside: what the PLC triggered and was told, what came over the broker, and the log.
"""

import json
import signal
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.cli import main
from tests.collector import Collector
from tests.commander import Commander
from tests.daemons import PATIENCE_S, Daemon
from tests.forked import ForkedDaemon
from tests.gige_camera import GigeCamera
from tests.mosquitto import Mosquitto, Wire, eventually
from tests.onnx_models import bright_spot_model
from tests.plc import Plc

pytestmark = pytest.mark.thorough

FILE = Path(__file__).parents[2] / "examples" / "line.toml"
EXAMPLE = tomllib.loads(FILE.read_text(encoding="utf-8"))
STATION = "edge-inspector/augsburg/line-1/station-4"
SMALL, LARGE = EXAMPLE["products"]
OUTPUT = EXAMPLE["gate"]["output"]
LOT = 7
TURNS = 4
CODES = {"accept": 1, "review": 2, "reject": 3, "no_verdict": 4}
TOO_LATE = 5
SIZES = {code: product["camera"]["region"][2:] for code, product in EXAMPLE["products"].items()}
DEAD_NS = 1_000_000_000  # the heart has stood still for so long
OUTAGES = ("camera-lost", "plc-unreachable", "gate-unreachable")
# The camera's picture is a ramp, which begins anew with the camera and moves by a step with every frame: in this corner
# the first two frames after a start are dark enough to be accepted, two are reviewed, and the others rejected.
CORNER = {"roi": [[[0.0, 0.0], [0.15, 0.0], [0.15, 0.2], [0.0, 0.2]]]}
BRIGHT = {"review_at": 0.598, "reject_at": 0.606}


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
    """The line as its PLC knows it: says which part is there and triggers it, one when the one before it is gone.

    It moves while the station is well, by its trusted output and its heartbeat, as docs/gate.md tells a PLC to do.
    """

    def __init__(self, machine: Plc) -> None:
        self.product = SMALL
        self.parts: list[Part] = []
        self._machine = machine
        self._number, self._is_there, self._asked = 70_000, False, 0
        machine.registers = self._registers
        machine.bits = self._bits

    def bring(self, count: int, *, blindly: bool = False) -> None:
        """Let parts pass; `blindly` though nobody may look at them."""
        for _ in range(count):
            if not blindly:
                eventually(self._is_station_well, what="the station is well")
            self._bring_one()

    def _bring_one(self) -> None:
        self._number += 1
        time.sleep(0.02)  # it is written before the trigger
        seen, begin_ns = len(self._machine.written(OUTPUT["outcome_register"])), time.monotonic_ns()
        self._set(is_there=True)
        self._set(is_there=False)
        told: list[tuple[int, ...]] = []
        for _ in range(80):
            time.sleep(0.01)
            if told := self._machine.written(OUTPUT["outcome_register"])[seen:]:
                break
        time.sleep(0.06)  # longer than a pulse
        number_and_code = (told[0][0], told[0][1]) if told else None
        self.parts.append(Part(str(self._number), begin_ns, time.monotonic_ns(), number_and_code))

    def _set(self, *, is_there: bool) -> None:
        """Set the bit, and leave it for longer than `poll_ms`; what that comes to on a busy machine is seen here."""
        self._is_there, asked = is_there, self._asked
        for _ in range(200):
            time.sleep(0.01)
            if self._asked >= asked + 2:
                return

    def _is_station_well(self) -> bool:
        beats = [w.at_ns for w in reversed(self._machine.writes[-100:]) if w.address == OUTPUT["heartbeat_register"]]
        is_alive = bool(beats) and time.monotonic_ns() - beats[0] < DEAD_NS
        return is_alive and self._machine.is_on(OUTPUT["trusted_coil"])

    def _bits(self) -> dict[int, bool]:
        self._asked += 1
        return {EXAMPLE["source"]["trigger"]["address"]: self._is_there}

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
        pace = {"exposure_us": 10_000, "reopen_min_s": 0.1, "reopen_max_s": 0.2}
        model = bright_spot_model(folder / "model", model_wh=(96, 64), class_names=("scratch",), **BRIGHT)
        self.document = {
            **EXAMPLE,
            "source": {**EXAMPLE["source"], "camera": self.camera.address, **pace},
            "model": {"path": str(model)},
            "products": {
                SMALL: {**EXAMPLE["products"][SMALL], "policy": CORNER},
                LARGE: {**EXAMPLE["products"][LARGE], "policy": {"min_area_px": {"scratch": 100_000}}},
            },
            "plc": {**EXAMPLE["plc"], "host": "127.0.0.1", "port": self.plc.port},
            "identity": {**EXAMPLE["identity"], "hold_ms": 300},  # for busy machines, as the next one
            "gate": {**EXAMPLE["gate"], "deadline_ms": 500},
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

    def stats(self) -> dict[str, Any]:
        return dict(json.loads(self._payloads("stats")[-1]))

    def _told(self, topic: str) -> list[dict[str, Any]]:
        found = [json.loads(payload) for payload in self._payloads(topic)]
        return list({each["id"]: each for each in found}.values())

    def _payloads(self, topic: str) -> list[bytes]:
        self.collector.collect_what_is_there()
        return [bytes(m.payload) for m in self.collector.messages if m.topic == f"{STATION}/{topic}" and m.payload]

    def is_trusted(self) -> bool:
        return self.plc.is_on(OUTPUT["trusted_coil"])

    def lose_the_camera(self) -> None:
        self.camera.kill()
        self.belt.bring(4, blindly=True)
        eventually(lambda: not self.is_trusted(), what="nobody trusts it without a camera")
        self.belt.bring(2, blindly=True)
        self.camera.start()
        self.wait_until_all_is_well()

    def lose_the_plc(self) -> None:
        self.plc.stop()
        eventually(lambda: all(self.alarm(name)[-1:] == ["raised"] for name in OUTAGES[1:]), what="the PLC is missed")
        self.plc.start()
        self.wait_until_all_is_well()

    def lose_the_broker(self) -> None:
        self.wire.cut()
        self.belt.bring(3)
        self.collector.expect_another_broker()
        self.broker.kill()
        self.broker.start()
        self.collector.wait_for_the_other_broker()
        self.wire.mend()

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

    def wait_for_the_results(self) -> list[dict[str, Any]]:
        """Return them, once each part has one."""
        parts, ends_s = {part.part_id: part for part in self.belt.parts}, time.monotonic() + PATIENCE_S
        while missing := parts.keys() - {each["part_id"] for each in self.events("top/result")}:
            assert time.monotonic() < ends_s, f"no result of {[parts[each] for each in missing]}"
            time.sleep(0.1)
        return self.events("top/result")

    def check_what_became_of_the_parts(self) -> None:
        """Each part has one result, the PLC was told the same, and the gate did as it says."""
        parts, results = self.belt.parts, self.wait_for_the_results()
        assert Counter(each["part_id"] for each in results) == Counter(part.part_id for part in parts)
        assert {each["lot"] for each in results} == {str(LOT)}
        judged = [each for each in results if each["outcome"] != "no_verdict"]
        assert {each["outcome"] for each in judged} == {"accept", "review", "reject"}
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


def size_of(process: int) -> tuple[int, int]:
    """Return resident kilobytes and threads."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    found = {line.partition(":")[0]: line.split()[1] for line in status if line.startswith(("VmRSS:", "Threads:"))}
    return int(found["VmRSS"]), int(found["Threads"])


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with ExitStack() as stack:
        yield Surroundings(tmp_path, stack)


def test_the_example_of_a_line_is_accepted_without_its_camera_and_its_plc(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", str(FILE)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{FILE}: usable"


def test_the_example_of_a_line_loses_all_at_once_and_changes_over_and_no_part_is_judged_or_thrown_out_wrongly(
    around: Surroundings,
) -> None:
    with ForkedDaemon(around.file) as daemon:
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


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_station_outlives_all_that_happens_to_it_in_a_night(around: Surroundings) -> None:
    sizes = []
    with Daemon(around.file) as daemon:
        eventually(around.is_trusted, what="it is trusted")
        for turn in range(TURNS):
            around.belt.bring(10)
            for lose in (around.lose_the_camera, around.lose_the_plc, around.lose_the_broker, around.lose_everything):
                lose()
                around.belt.bring(4)
            with Commander(around.broker.port, STATION) as commander:
                around.belt.product = LARGE
                reply = commander.ask("product", f"over-{turn}", code=LARGE, by="shift lead")
            assert reply["data"]["status"] in {"done", "refused"}, reply  # refused: the register was first
            eventually(lambda: around.events("product")[-1]["product"] == LARGE, what="it is changed over")
            around.belt.bring(4)
            around.change_over_by_register(SMALL)
            around.configure(log={"level": ("debug", "info")[turn % 2]})
            daemon.wait_for("configuration: log.level", count=turn + 1)
            for opened, change in enumerate(({"source": {"buffers": 10 + turn}}, {"gate": {"pulse_ms": 20 + turn}})):
                around.configure(**change)
                daemon.wait_for("is online: waiting for a trigger", count=2 + 2 * turn + opened)
                around.wait_until_all_is_well()
            around.belt.bring(4)
            sizes.append(size_of(daemon.pid))
        around.wait_for_the_results()  # what was not yet written down would be lost with it
        daemon.send(signal.SIGKILL)
        daemon.wait()
        assert all("message" in record for record in daemon.records())
    with Daemon(around.file) as daemon:
        daemon.wait_for("is online: waiting for a trigger")
        around.belt.bring(10)
        around.check_what_became_of_the_parts()
        total = len(around.belt.parts)
        eventually(lambda: around.stats()["total"]["parts"]["seen"] == total, what="all parts are counted")
        assert daemon.stop() == 0
        frames, parts = (around.stats()["total"][name] for name in ("frames", "parts"))
    assert frames["captured"] == frames["inspected"] + sum(frames["dropped"].values()) + frames["in_flight"]
    assert parts["seen"] == sum(parts["outcomes"].values()) + parts["in_flight"]
    assert parts["seen"] == total
    for name in OUTAGES:
        told = around.alarm(name)
        assert told.count("raised") == told.count("cleared") >= 2 * TURNS, (name, told)
    (first_kb, first_threads), (last_kb, last_threads) = sizes[0], sizes[-1]
    assert last_threads <= first_threads + 4, sizes  # of cameras that are being let go of
    assert last_kb < first_kb + 50_000, sizes
