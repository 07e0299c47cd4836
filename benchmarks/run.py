"""Speed and memory, as ratios measured in one run; `--json FILE` keeps the numbers.

    latency     one frame, from a JPEG in memory to its event in a real broker's socket, over the bare network
    throughput  the running pipeline with MQTT, over the bare network back to back
    memory      resident memory of the daemon, and the time to its first result

The bare network is ONNX Runtime's `session.run` on a prepared float tensor, one thread. The two sides of a ratio take
turns, so that a machine that slows down slows both.
"""

import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from models import float_input, yolov8n_size

from edge_inspector.app import SHIPPED_MODEL, open_model
from edge_inspector.demo.broker import Broker, local_broker
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import open_session
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.imaging import decode_image
from edge_inspector.pipeline.deliver import Deliverer
from edge_inspector.pipeline.flow import FlowOptions, Pipeline
from edge_inspector.pipeline.handover import HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.settings import ModelSettings, MqttSettings, Settings
from edge_inspector.simulation import plan_tag, render_tag
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.topics import TopicTree

Sink = TypeVar("Sink", bound=MqttSink)

TARGETS = {
    "latency, shipped model": ("at most", 1.20),
    "latency, YOLOv8n size": ("at most", 1.08),
    "throughput, frames in memory": ("at least", 0.90),
    "resident memory, MB": ("at most", 130.0),
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
        numbers |= memory(options.model, broker)
    for name, value in numbers.items():
        kind, limit = TARGETS.get(name, ("", 0.0))
        print(f"{name:<42} {value:8.3f}  {f'target {kind} {limit}' if kind else ''}")
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def jpegs(count: int) -> list[bytes]:
    """Return simulated tags of 450 x 300 as JPEG."""
    return [
        cv2.imencode(".jpg", cv2.cvtColor(render_tag(plan_tag(9, number)), cv2.COLOR_GRAY2BGR))[1].tobytes()
        for number in range(count)
    ]


def bare_run(package: ModelPackage) -> Callable[[], object]:
    """Return a call of the bare float network on a prepared tensor."""
    content = package.read(package.file("float32"))
    if package.manifest.input.dtype == "uint8":
        content = float_input(content)
    session = open_session(content, name=str(package.folder), threads=1)
    (entrance,) = session.get_inputs()
    tensor = np.random.default_rng(0).uniform(0, 255, entrance.shape).astype(np.float32)
    return lambda: session.run(None, {entrance.name: tensor})


def latency(name: str, package: ModelPackage, broker: Broker, *, rounds: int) -> dict[str, float]:
    """Return the ratio of one frame's whole way to the bare network, and both medians in milliseconds."""
    bare = bare_run(package)
    writer = _writer()
    images = jpegs(32)
    settings = Settings(model=ModelSettings(path=package.folder))
    with ExitStack() as stack:
        model, _ = stack.enter_context(open_model(settings))
        sink = stack.enter_context(_connect(WatchedSink, broker, writer))
        inspector = _inspector(model, writer)

        def whole_ms(number: int) -> float:
            began_ns, started_ns = time.perf_counter_ns(), time.monotonic_ns()
            image = decode_image(images[number % len(images)], "bench", gray=model.is_gray)
            frame = Frame(image, number, datetime.now(UTC), started_ns, "bench", f"part-{number}")
            messages = writer.of_result(inspector.inspect(frame, taken_ns=started_ns))
            sink.in_socket.clear()
            for message in messages:
                sink.send(message)
            sink.in_socket.wait()
            return (sink.in_socket_ns - began_ns) / 1e6

        while not sink.connected:
            time.sleep(0.01)
        for number in range(10):
            bare()
            whole_ms(number)
        turns = [(_timed_ms(bare), whole_ms(number)) for number in range(rounds)]
    bare_median, whole_median = (statistics.median(times) for times in zip(*turns, strict=True))
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


class FramesInMemory:
    """A camera that always has a frame: as fast as they are taken."""

    def __init__(self, *, encoded: bool) -> None:
        self._jpegs = jpegs(64)
        self._images = [] if encoded else [decode_image(content, "bench", gray=True) for content in self._jpegs]
        self._number = 0

    def read(self, timeout_s: float) -> Frame:  # noqa: ARG002 - there is nothing to wait for
        """Return the next frame, decoded now where it comes as a JPEG."""
        number, index = self._number, self._number % len(self._jpegs)
        self._number += 1
        at, at_ns = datetime.now(UTC), time.monotonic_ns()
        image = self._images[index] if self._images else decode_image(self._jpegs[index], "bench", gray=True)
        return Frame(image, number, at, at_ns, "bench", f"part-{number}")


def throughput(model: Path, broker: Broker, *, seconds: float = 4.0, turns: int = 5) -> dict[str, float]:
    """Return the rate of the running pipeline over the rate of the bare network back to back."""
    bare = bare_run(ModelPackage.open(model))
    numbers: dict[str, float] = {}
    for kind, encoded in (("frames in memory", False), ("JPEGs in memory", True)):
        bare_hz, pipeline_hz = [_rate_hz(bare, seconds / 2)], []
        for _ in range(turns):
            pipeline_hz.append(_pipeline_hz(model, broker, FramesInMemory(encoded=encoded), seconds))
            bare_hz.append(_rate_hz(bare, seconds / 2))
        around = [(before + after) / 2 for before, after in itertools.pairwise(bare_hz)]
        ratios = [running / alone for running, alone in zip(pipeline_hz, around, strict=True)]
        numbers |= {
            f"throughput, {kind}": statistics.median(ratios),
            f"  pipeline, frames/s ({kind})": statistics.median(pipeline_hz),
            f"  bare network, frames/s ({kind})": statistics.median(bare_hz),
        }
    return numbers


def _pipeline_hz(model: Path, broker: Broker, source: FramesInMemory, seconds: float) -> float:
    writer = _writer()
    stop = threading.Event()
    with ExitStack() as stack:
        opened, _ = stack.enter_context(open_model(Settings(model=ModelSettings(path=model))))
        sink = stack.enter_context(_connect(MqttSink, broker, writer))
        pipeline = Pipeline(
            source,
            _inspector(opened, writer),
            writer,
            Deliverer(writer, {"mqtt": sink}, queue_size=1000),
            options=FlowOptions(HandoverOptions(4, WhenFull.WAIT)),
            session_started_at=datetime.now(UTC),
        )
        runner = threading.Thread(target=pipeline.run, args=(stop,))
        runner.start()
        time.sleep(1.0)
        first, started = pipeline.totals().frames.inspected, time.monotonic()
        time.sleep(seconds)
        rate_hz = (pipeline.totals().frames.inspected - first) / (time.monotonic() - started)
        stop.set()
        runner.join()
    return rate_hz


def memory(model: Path, broker: Broker, *, frames: int = 600) -> dict[str, float]:
    """Return the daemon's largest resident memory in MB and the seconds from start to its first result."""
    configuration = {
        "source": {"type": "simulated", "rate_hz": 60, "count": frames},
        "model": {"path": str(model)},
        "mqtt": {"host": broker.host, "port": broker.port, "protocol": broker.protocol},
        "log": {"format": "text"},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "bench.json")
        file.write_text(json.dumps(configuration), encoding="utf-8")
        command = [sys.executable, "-m", "edge_inspector", "run", "-c", str(file)]
        started = time.monotonic()
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        first_s, resident_mb = float("nan"), 0.0
        for line in process.stderr:
            if "part-000000" in line:
                first_s = time.monotonic() - started
            if "part-" in line:
                resident_mb = max(resident_mb, _resident_mb(process.pid))
        process.wait()
    return {"resident memory, MB": resident_mb, "first result, s": first_s}


def _writer() -> EventWriter:
    return EventWriter(TopicTree("edge-inspector", "bench", "line", "station", "camera"), session="bench")


def _inspector(model: Model, writer: EventWriter) -> Inspector:
    topics = writer.topics
    return Inspector(
        model, station_path=topics.station_path, camera=topics.camera, session=writer.session, deadline_ms=None
    )


def _connect(kind: type[Sink], broker: Broker, writer: EventWriter) -> Sink:
    mqtt = MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol)
    will = writer.status("offline", session_started_at=datetime.now(UTC))
    return kind(mqtt, client_id=f"bench-{os.getpid()}", will=will)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    match = re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    return int(match[1]) / 1024 if match else 0.0


def _timed_ms(call: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - started) / 1e6


def _rate_hz(call: Callable[[], object], seconds: float) -> float:
    started, count = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        call()
        count += 1
    return count / (time.monotonic() - started)


if __name__ == "__main__":
    main()
