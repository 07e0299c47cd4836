"""A long run with faults by chance: memory, threads and descriptors stay where they are, and the books hold."""

import gc
import json
import os
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_inspector.app import build, topic_tree
from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, Skipped
from edge_inspector.errors import EndOfSource
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered
from edge_inspector.settings import parse
from edge_inspector.topics import Channel, Message
from tests.integration.up_and_down import UpAndDown
from tests.mosquitto import Mosquitto, Wire
from tests.onnx_models import bright_spot_model

pytestmark = pytest.mark.thorough

IMAGE_WH = (64, 48)
FULL = int(os.environ.get("SOAK_FRAMES", "1000000"))


class FaultySource:
    """Parts as fast as they are taken, some damaged, some lost, from a camera that goes away now and then."""

    def __init__(self, frames: int, seed: int) -> None:
        self.captured = self.parts = 0
        self._frames, self._chance = frames, random.Random(seed)
        pixels = np.random.default_rng(seed)
        self._pictures = [pixels.integers(0, 90, (IMAGE_WH[1], IMAGE_WH[0]), np.uint8) for _ in range(16)]
        for bright in self._pictures[::4]:
            bright[20:24, 20:24] = 255
        self._away = False

    def read(self, timeout_s: float) -> Delivered | None:  # noqa: ARG002 - the port's signature
        if self.captured >= self._frames:
            raise EndOfSource
        fate = self._chance.random()
        if self._away:
            self._away = False
            return CameraReport(CameraStatus.ONLINE, datetime.now(UTC), "back", away_s=0.1)
        if fate < 0.0005:
            self._away = True
            return CameraReport(CameraStatus.OFFLINE, datetime.now(UTC), "unplugged", CameraFault.LOST)
        if fate < 0.001:
            count = self._chance.randint(1, 5)
            self.captured += count
            return Skipped(DropCause.STALE, count)
        number, at, at_ns = self.captured, datetime.now(UTC), time.monotonic_ns()
        self.captured += 1
        self.parts += 1
        if fate < 0.01:
            return DamagedFrame(number, at, at_ns, "soak", f"part-{number}", "half a frame")
        return Frame(self._pictures[number % 16], number, at, at_ns, "soak", f"part-{number}")


@dataclass
class Gauge:
    """A sink that reads what must not grow, so often in the run."""

    frames: int
    topic: str
    readings: int
    results: int = 0
    resident_mib: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def send(self, message: Message) -> None:
        if message.topic != self.topic:
            return
        self.results += 1
        if self.results % self._step == 0:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.resident_mib.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
            ours = [each for each in threading.enumerate() if not each.name.startswith("Thread-")]  # not the wire's
            self.threads.append(len(ours))
            self.descriptors.append(len(list(Path("/proc/self/fd").iterdir())))

    def slope(self) -> float:
        """Return the growth of the resident memory after the first third, in KiB per 1,000 frames."""
        warm = self.resident_mib[len(self.resident_mib) // 3 :]
        per_reading = float(np.polyfit(np.arange(len(warm)), warm, 1)[0])
        return per_reading * 1024 / (self._step / 1000)

    @property
    def _step(self) -> int:
        return max(1, self.frames // self.readings)


def soak(tmp_path: Path, *, frames: int, readings: int) -> None:
    with Mosquitto(tmp_path) as broker, Wire(broker.port) as wire, UpAndDown(wire, seed=frames):
        configuration: dict[str, Any] = {
            "source": {"type": "directory", "path": str(tmp_path)},
            "model": {"path": str(bright_spot_model(tmp_path / "model"))},
            "mqtt": {"port": wire.port, "reconnect_min_s": 0.05, "reconnect_max_s": 0.1},
            "flow": {"stats_interval_s": 0.5},
            "state": {"dir": str(tmp_path / "state")},
            "journal": {"keep_rows": 20_000, "quota_rows": 10_000},
            "samples": {"defect": {"per_hour": 2000, "per_day": 20_000, "quota_mb": 2}},
            "health": {"min_free_mb": 0},
            "log": {"level": "error"},
        }
        settings = parse(configuration)
        source = FaultySource(frames, seed=frames)
        gauge = Gauge(frames, topic_tree(settings).topic(Channel.RESULT), readings)
        with build(settings, threading.Event(), sinks={"gauge": gauge}, source=source) as station:
            totals = station.run(threading.Event())
    assert totals.frames.adds_up
    assert totals.parts.adds_up
    assert (totals.frames.in_flight, totals.parts.in_flight) == (0, 0)
    assert totals.frames.captured == source.captured
    assert totals.parts.seen == source.parts == gauge.results
    assert totals.undelivered == {}
    assert len(set(gauge.threads[5:])) == 1
    assert max(gauge.descriptors[5:]) - min(gauge.descriptors[5:]) <= 8  # connections and files come and go
    slope = gauge.slope()
    growth_mib = slope * (frames / 1000) / 1024
    print(json.dumps({"frames": frames, "slope_kib_per_1000_frames": round(slope, 4), "growth_mib": growth_mib}))  # noqa: T201
    assert growth_mib < 12


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    """Keep pytest from keeping every line of the log: this is about our memory."""
    caplog.set_level("ERROR")


@pytest.mark.timeout(300)
def test_a_run_with_faults_leaks_nothing_and_loses_nothing(tmp_path: Path) -> None:
    soak(tmp_path, frames=3000, readings=20)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_million_frames_with_faults_leak_nothing_and_lose_nothing(tmp_path: Path) -> None:
    soak(tmp_path, frames=FULL, readings=200)
