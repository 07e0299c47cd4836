"""Many frames through the real pipeline: memory, threads and descriptors stay where they are, and the books hold."""

import gc
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_inspector.app import build, topic_tree
from edge_inspector.settings import Settings, parse
from edge_inspector.topics import Channel, Message
from tests.onnx_models import bright_spot_model

GROWTH_MIB = 8.0  # what the allocator may keep; the small frames of the shortest test alone are 18 MiB


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    """Keep pytest from keeping every line of the log: this is about our memory."""
    caplog.set_level("ERROR")


@dataclass(frozen=True, slots=True)
class Gauges:
    """What must not grow."""

    resident_mib: float
    threads: int
    descriptors: int

    @classmethod
    def read(cls) -> "Gauges":
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return cls(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, threading.active_count(), descriptors)


class Meter:
    """A sink that counts results, reads the gauges when all is warm and at the end, and says when it is enough."""

    def __init__(self, settings: Settings, *, warm_after: int, frames: int) -> None:
        self.results = 0
        self.gauges: list[Gauges] = []
        self.enough = threading.Event()
        self._topic = topic_tree(settings).topic(Channel.RESULT)
        self._marks = (warm_after, frames)

    def send(self, message: Message) -> None:
        if message.topic != self._topic:
            return
        self.results += 1
        if self.results in self._marks:
            self.gauges.append(Gauges.read())
        if self.results == self._marks[-1]:
            self.enough.set()


def endure(settings: Settings, *, frames: int, warm_after: int) -> None:
    meter = Meter(settings, warm_after=warm_after, frames=frames)
    with build(settings, meter.enough, sinks={"meter": meter}) as pipeline:
        totals = pipeline.run(meter.enough)
    assert meter.results == totals.frames.captured >= frames
    assert totals.frames.adds_up
    assert totals.parts.adds_up
    assert (totals.frames.in_flight, totals.parts.in_flight, totals.undelivered) == (0, 0, {})
    warm, last = meter.gauges
    assert last.resident_mib - warm.resident_mib < GROWTH_MIB
    assert last.threads == warm.threads
    assert last.descriptors <= warm.descriptors + 1  # an image may just be open


def folder_of_parts(folder: Path, image_wh: tuple[int, int]) -> Path:
    """Return a folder with good, bad and damaged images."""
    folder.mkdir()
    for number in range(8):
        level = 255 if number % 4 == 1 else number
        cv2.imwrite(str(folder / f"{number}.png"), np.full((image_wh[1], image_wh[0]), level, np.uint8))
    (folder / "damaged.png").write_text("no image")
    return folder


def settings_for(source: Path, model: Path | None) -> Settings:
    return parse(
        {
            "source": {"type": "directory", "path": str(source), "loop": True},
            "model": {} if model is None else {"path": str(model)},
            "flow": {"deliver_queue_size": 100_000, "stats_interval_s": 0.2},
            "state": {"dir": str(source.parent / "state")},
            "log": {"level": "error"},
        }
    )


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_memory_threads_and_descriptors_stay_flat_over_a_hundred_thousand_frames(tmp_path: Path) -> None:
    source = folder_of_parts(tmp_path / "parts", (64, 48))
    endure(settings_for(source, bright_spot_model(tmp_path / "model")), frames=100_000, warm_after=5_000)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_the_shipped_model_runs_through_a_hundred_thousand_frames_with_flat_memory(tmp_path: Path) -> None:
    source = folder_of_parts(tmp_path / "parts", (450, 300))
    endure(settings_for(source, None), frames=100_000, warm_after=5_000)
