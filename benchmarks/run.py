"""Speed and memory, as ratios measured in one run; `--json FILE` keeps the numbers.

    latency     one frame, from a JPEG in memory to its event acknowledged by a real broker, over the bare network
    throughput  the running pipeline on a folder of JPEGs, over the bare network back to back
    memory      resident memory of the daemon, and the time to its first result

The bare network is ONNX Runtime's `session.run` on a prepared float tensor, one thread. The two sides of a ratio take
turns, so that a machine that slows down slows both.
"""

import argparse
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

import cv2
import numpy as np
from models import float_input, yolov8n_size

from edge_inspector.app import SHIPPED_MODEL, build, open_model
from edge_inspector.demo.broker import Broker, local_broker
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import open_session
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.imaging import decode_image
from edge_inspector.pipeline.inspector import Inspector
from edge_inspector.settings import (
    DirectorySource,
    FlowSettings,
    LogSettings,
    ModelSettings,
    MqttSettings,
    Settings,
)
from edge_inspector.simulation import plan_tag, render_tag
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.topics import TopicTree

TARGETS = {
    "latency, shipped model": ("at most", 1.20),
    "latency, YOLOv8n size": ("at most", 1.08),
    "throughput, shipped model": ("at least", 0.90),
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
    writer = EventWriter(TopicTree("edge-inspector", "bench", "line", "station", "camera"), session="bench")
    images = jpegs(32)
    settings = Settings(model=ModelSettings(path=package.folder))
    with ExitStack() as stack:
        model, _ = stack.enter_context(open_model(settings))
        will = writer.status("offline", session_started_at=datetime.now(UTC))
        mqtt = MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol)
        sink = stack.enter_context(MqttSink(mqtt, client_id=f"bench-{os.getpid()}", will=will))
        inspector = Inspector(model, station_path="bench/line/station", camera="camera", session="b", deadline_ms=None)

        def whole(number: int) -> None:
            started_ns = time.monotonic_ns()
            image = decode_image(images[number % len(images)], "bench")
            frame = Frame(image, number, datetime.now(UTC), started_ns, "bench", f"part-{number}")
            messages = writer.of_result(inspector.inspect(frame, taken_ns=started_ns))
            due = sink.delivered + len(messages)
            for message in messages:
                sink.send(message)
            while sink.delivered < due:
                time.sleep(0)

        while not sink.connected:
            time.sleep(0.01)
        for number in range(10):
            bare()
            whole(number)
        bare_ms, whole_ms = [], []
        for number in range(rounds):
            bare_ms.append(_timed_ms(bare))
            whole_ms.append(_timed_ms(lambda number=number: whole(number)))
    return {
        f"latency, {name}": statistics.median(whole_ms) / statistics.median(bare_ms),
        f"  bare network, ms ({name})": statistics.median(bare_ms),
        f"  whole way, ms ({name})": statistics.median(whole_ms),
    }


def throughput(model: Path, broker: Broker, *, seconds: float = 6.0, turns: int = 3) -> dict[str, float]:
    """Return the rate of the running pipeline over the rate of the bare network back to back."""
    bare = bare_run(ModelPackage.open(model))
    ratios, bare_hz, pipeline_hz = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(jpegs(64)):
            Path(folder, f"{number:03d}.jpg").write_bytes(content)
        settings = Settings(
            source=DirectorySource(type="directory", path=Path(folder), loop=True),
            model=ModelSettings(path=model),
            flow=FlowSettings(queue_size=4),
            mqtt=MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol),
            log=LogSettings(level="error"),
        )
        for _ in range(turns):
            bare_hz.append(_rate_hz(bare, seconds / 2))
            stop = threading.Event()
            with build(settings, stop) as pipeline:
                runner = threading.Thread(target=pipeline.run, args=(stop,))
                runner.start()
                time.sleep(1.0)
                first, started = pipeline.totals().frames.inspected, time.monotonic()
                time.sleep(seconds)
                pipeline_hz.append((pipeline.totals().frames.inspected - first) / (time.monotonic() - started))
                stop.set()
                runner.join()
            ratios.append(pipeline_hz[-1] / statistics.mean((bare_hz[-1], _rate_hz(bare, seconds / 2))))
    return {
        "throughput, shipped model": statistics.median(ratios),
        "  bare network, frames/s": statistics.median(bare_hz),
        "  pipeline, frames/s": statistics.median(pipeline_hz),
    }


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
