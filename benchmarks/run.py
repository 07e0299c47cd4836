"""Speed and memory, as ratios measured in one run; `--json FILE` keeps the numbers.

    latency     one frame, from a JPEG in memory to its event in a real broker's socket, over the bare network
    throughput  the running pipeline with MQTT, over the bare network back to back
    keeping     a part's time with the journal and samples on disk, over the time without
    memory      resident memory of the daemon, and the time to its first result
    sources     processor and memory of each source, over those of the simulated line (`sources.py`)

The bare network is ONNX Runtime's `session.run` on a prepared float tensor, one thread. The two sides of a ratio take
turns, so that a machine that slows down slows both.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import sources
from models import float_input, yolov8n_size

from edge_inspector.app import SHIPPED_MODEL, open_model
from edge_inspector.app.samples import open_samples
from edge_inspector.bench.bare import bare_model, feeds_of
from edge_inspector.bench.line import MemoryCamera, Pictures, RecordingWriter, inspector_of, judge, run_line
from edge_inspector.bench.machine import memory_mb
from edge_inspector.bench.timing import Call, repeat, take_turns
from edge_inspector.demo.broker import Broker, local_broker
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.events import EventWriter
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.settings import ModelSettings, MqttSettings, Settings
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.topics import TopicTree

Sink = TypeVar("Sink", bound=MqttSink)

IMAGE_WH = (450, 300)
TOPICS = TopicTree("edge-inspector", "bench", "line", "station", "camera")
TARGETS = {
    "latency, shipped model": ("at most", 1.20),
    "latency, YOLOv8n size": ("at most", 1.08),
    "throughput, frames in memory": ("at least", 0.90),
    "journal and samples, time a part": ("at most", 1.05),
    "resident memory, MB": ("at most", 140.0),
    "first result, s": ("at most", 1.5),
}


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="package to measure as the shipped model")
    parser.add_argument("--rounds", type=int, default=400, help="frames for each latency (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the numbers to a file")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    numbers: dict[str, float] = {}
    with local_broker(0) as broker:
        numbers |= latency("shipped model", ModelPackage.open(options.model), broker, rounds=options.rounds)
        with yolov8n_size() as package:
            numbers |= latency("YOLOv8n size", package, broker, rounds=max(20, options.rounds // 10))
        numbers |= throughput(options.model, broker)
        numbers |= keeping(options.model)
        numbers |= memory(options.model, broker)
    print("sources: processor and memory, and as ratios to the simulated line")
    numbers |= sources.measure()
    print()
    for name, value in numbers.items():
        kind, limit = TARGETS.get(name, ("", 0.0))
        print(f"{name:<42} {value:8.3f}  {f'target {kind} {limit}' if kind else ''}")
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def bare_network(package: ModelPackage) -> Call:
    """Return a call of the bare float network on a prepared tensor."""
    content = package.read(package.file("float32"))
    if package.manifest.input.dtype == "uint8":
        content = float_input(content)
    rng, blank = np.random.default_rng(0), np.zeros(IMAGE_WH[::-1], np.uint8)
    feeds = {
        name: rng.uniform(0, 255, tensor.shape).astype(np.float32) for name, tensor in feeds_of(package, blank).items()
    }
    return bare_model(content, feeds, name=str(package.folder), threads=1)


def latency(name: str, package: ModelPackage, broker: Broker, *, rounds: int) -> dict[str, float]:
    """Return the ratio of one frame's whole way to the bare network, and both medians in milliseconds."""
    bare = bare_network(package)
    writer = EventWriter(TOPICS, session="bench")
    numbers = itertools.count()
    settings = Settings(model=ModelSettings(path=package.folder))
    with ExitStack() as stack:
        model, _ = stack.enter_context(open_model(settings))
        journal = stack.enter_context(Journal(None, JournalOptions()))
        sink = stack.enter_context(_connect(WatchedSink, broker, writer, journal))
        inspector = inspector_of(model, writer.topics, writer.session)
        pictures = Pictures.tags(IMAGE_WH, gray=model.is_gray, decoded=True, count=32)
        spent_ms: list[float] = []

        def whole_way() -> None:
            began_ns = time.perf_counter_ns()
            messages = writer.of_result(judge(inspector, pictures.frame(next(numbers))))
            sink.in_socket.clear()
            journal.append(messages)
            sink.in_socket.wait()
            spent_ms.append((sink.in_socket_ns - began_ns) / 1e6)

        while not sink.connected:
            time.sleep(0.01)
        take_turns((bare, whole_way), most=10)
        bare_ms, _ = take_turns((bare, whole_way), most=rounds)
    bare_median, whole_median = statistics.median(bare_ms), statistics.median(spent_ms[-rounds:])
    return {
        f"latency, {name}": whole_median / bare_median,
        f"  bare network, ms ({name})": bare_median,
        f"  whole way, ms ({name})": whole_median,
    }


class WatchedSink(MqttSink):
    """Notes when its messages are in the broker's socket, so that nobody polls for it."""

    in_socket = threading.Event()
    in_socket_ns = 0

    def _publish_what_waits(self) -> None:
        waiting = self.queued
        super()._publish_what_waits()
        self._client.loop_write()
        if waiting and not self._client.want_write():
            self.in_socket_ns = time.perf_counter_ns()
            self.in_socket.set()


def throughput(model: Path, broker: Broker, *, seconds: float = 5.0, turns: int = 5) -> dict[str, float]:
    """Return the rate of the running pipeline over the rate of the bare network back to back."""
    bare = bare_network(ModelPackage.open(model))
    numbers: dict[str, float] = {}
    for kind, decoded in (("frames in memory", False), ("JPEGs in memory", True)):
        pictures = Pictures.tags(IMAGE_WH, gray=True, decoded=decoded, count=64)
        bare_hz, pipeline_hz = [repeat(bare, seconds=seconds / 2)], []
        for _ in range(turns):
            pipeline_hz.append(_pipeline_hz(model, broker, pictures, seconds))
            bare_hz.append(repeat(bare, seconds=seconds / 2))
        around = [(before + after) / 2 for before, after in itertools.pairwise(bare_hz)]
        ratios = [running / alone for running, alone in zip(pipeline_hz, around, strict=True)]
        numbers |= {
            f"throughput, {kind}": statistics.median(ratios),
            f"  pipeline, frames/s ({kind})": statistics.median(pipeline_hz),
            f"  bare network, frames/s ({kind})": statistics.median(bare_hz),
        }
    return numbers


def _pipeline_hz(model: Path, broker: Broker, pictures: Pictures, seconds: float) -> float:
    writer = RecordingWriter(TOPICS, session="bench")
    with ExitStack() as stack:
        opened, _ = stack.enter_context(open_model(Settings(model=ModelSettings(path=model))))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        journal = stack.enter_context(Journal(Path(folder, "journal.db"), JournalOptions()))
        sink = stack.enter_context(_connect(MqttSink, broker, writer, journal))
        camera = MemoryCamera(pictures, seconds=seconds)
        return run_line(opened, writer, camera, {"mqtt": sink}, record=journal).rate_hz


def keeping(model: Path, *, seconds: float = 4.0, turns: int = 7) -> dict[str, float]:
    """Return a part's time in a running pipeline with journal and samples, over its time without both."""
    pictures = Pictures.tags(IMAGE_WH, gray=True, count=64)
    settings = Settings(model=ModelSettings(path=model))

    def part_ms(*, kept: bool) -> float:
        writer = RecordingWriter(TOPICS, session="bench")
        with ExitStack() as stack:
            opened, _ = stack.enter_context(open_model(settings))
            camera = MemoryCamera(pictures, seconds=seconds)
            if not kept:
                return 1000 / run_line(opened, writer, camera).rate_hz
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            journal = stack.enter_context(Journal(folder / "journal.db", JournalOptions()))
            samples = stack.enter_context(open_samples(settings, folder, writer, on_evicted=lambda _: None))
            keeper = None if samples is None else samples.keeper
            return 1000 / run_line(opened, writer, camera, record=journal, keeper=keeper).rate_hz

    part_ms(kept=True)
    pairs = [(part_ms(kept=False), part_ms(kept=True)) for _ in range(turns)]
    return {
        "journal and samples, time a part": statistics.median(kept / without for without, kept in pairs),
        "  without, ms": statistics.median(without for without, _ in pairs),
        "  with, ms": statistics.median(kept for _, kept in pairs),
    }


def memory(model: Path, broker: Broker, *, frames: int = 600) -> dict[str, float]:
    """Return the daemon's largest resident memory in MB and the seconds from start to its first result."""
    configuration: dict[str, object] = {
        "source": {"type": "simulated", "rate_hz": 60, "count": frames},
        "model": {"path": str(model)},
        "mqtt": {"host": broker.host, "port": broker.port, "protocol": broker.protocol},
        "log": {"format": "text"},
    }
    with tempfile.TemporaryDirectory() as folder:
        configuration["state"] = {"dir": str(Path(folder, "state"))}
        file = Path(folder, "bench.json")
        file.write_text(json.dumps(configuration), encoding="utf-8")
        resident_mb, first_s = watch_memory("-c", str(file))
    return {"resident memory, MB": resident_mb, "first result, s": first_s}


def watch_memory(
    *arguments: str, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Return a daemon's largest resident memory in MB, and the seconds from its start to its first result.

    Args:
        arguments: Of `edge-inspector run`; its log must be text.
        folder: Where it runs.
        environment: Beside what is in ours.
    """
    command = [sys.executable, "-m", "edge_inspector", "run", *arguments]
    started = time.monotonic()
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=folder, env={**os.environ, **(environment or {})}
    )
    assert process.stderr is not None
    first_s, resident_mb = float("nan"), 0.0
    for line in process.stderr:
        if "part-000000" in line:
            first_s = time.monotonic() - started
        if "part-" in line:
            resident_mb = max(resident_mb, memory_mb(process.pid)[0] or 0.0)
    process.wait()
    return resident_mb, first_s


def _connect(kind: type[Sink], broker: Broker, writer: EventWriter, journal: Journal) -> Sink:
    mqtt = MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol)
    will = writer.status("offline", session_started_at=datetime.now(UTC))
    return kind(mqtt, journal, client_id=f"bench-{os.getpid()}", will=will)


if __name__ == "__main__":
    main()
