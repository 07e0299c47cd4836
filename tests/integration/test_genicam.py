"""A daemon with a real GigE Vision camera on loopback: at its rates, with lost packets, killed and started again."""

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paho.mqtt.client import MQTTMessage

from edge_inspector.app.source import open_source
from edge_inspector.camera import Skipped
from edge_inspector.frame import DropCause, Frame
from edge_inspector.settings import GenicamSource
from tests.collector import Collector
from tests.daemons import Daemon, ledger_of, write_configuration
from tests.gige_camera import GigeCamera
from tests.mosquitto import PATIENCE_S, Mosquitto
from tests.onnx_models import bright_spot_model

STATION = "edge-inspector/hall/line-1/station-2"
VGA, WHOLE_SENSOR = (0, 0, 640, 480), (0, 0, 2048, 2048)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


def write_station(folder: Path, broker: Mosquitto, gige: GigeCamera, **source: Any) -> Path:
    return write_configuration(
        folder / "station.json",
        bright_spot_model(folder / "model", model_wh=(64, 64)),
        source={
            "type": "genicam",
            "camera": gige.address,  # which needs no search
            "pixel_format": "Mono8",
            "read_timeout_s": 2,
            "reopen_min_s": 0.1,
            "reopen_max_s": 0.5,
            **source,
        },
        # The machine of a test may be busy; what is fresh is tested elsewhere.
        flow={"staleness_ms": 2000, "stats_interval_s": 0.5, "max_results_hz": 1000},
        mqtt={"port": broker.port},
    )


def on(topic: str, *words: str) -> Callable[[MQTTMessage], bool]:
    return lambda message: message.topic == f"{STATION}/{topic}" and all(w.encode() in message.payload for w in words)


def last(collector: Collector, topic: str) -> dict[str, Any]:
    payloads = [message.payload for message in collector.messages if message.topic == f"{STATION}/{topic}"]
    return dict(json.loads(payloads[-1]))


def results_until(collector: Collector, count: int) -> None:
    for _ in range(count):
        collector.collect_until(on("top/result"))


def books(daemon: Daemon, collector: Collector) -> dict[str, Any]:
    """Return the frames' last account, which must balance, and be the one of the log."""
    captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
    frames = last(collector, "stats")["frames"]
    assert (captured, in_flight) == (inspected + dropped, 0)
    assert frames["captured"] == frames["inspected"] + sum(frames["dropped"].values()) + frames["in_flight"]
    assert (frames["captured"], frames["inspected"]) == (captured, inspected)
    return dict(frames)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("region", "rate_hz", "results"),
    [
        pytest.param(VGA, 25, 20, id="25 fps at 640x480"),
        pytest.param(WHOLE_SENSOR, 1000, 10, id="as fast as it can at 2048x2048"),
        pytest.param(VGA, 25, 1500, id="a minute", marks=[pytest.mark.nightly, pytest.mark.timeout(300)]),
        pytest.param(WHOLE_SENSOR, 1000, 300, id="long", marks=[pytest.mark.nightly, pytest.mark.timeout(300)]),
    ],
)
def test_the_books_balance_at_the_rates_of_a_camera(
    region: tuple[int, ...], rate_hz: float, results: int, tmp_path: Path, broker: Mosquitto
) -> None:
    with GigeCamera() as camera, Collector(broker.port) as collector:
        configuration = write_station(tmp_path, broker, camera, region=region, rate_hz=rate_hz)
        with Daemon(configuration) as daemon:
            results_until(collector, results)
            assert daemon.stop() == 0
        collector.collect_what_is_there()
    frames = books(daemon, collector)
    assert frames["inspected"] >= results
    result = last(collector, "top/result")["data"]
    assert result["image_wh"] == list(region[2:])
    assert result["frames"][0]["captured_at_source"] == "camera"


@pytest.mark.thorough
def test_a_killed_camera_is_told_and_comes_back_by_itself_without_an_old_frame(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with GigeCamera() as camera, Collector(broker.port) as collector:
        with Daemon(write_station(tmp_path, broker, camera, region=VGA)) as daemon:
            collector.collect_until(on("top/status", '"online"'))
            results_until(collector, 5)
            camera.kill()
            collector.collect_until(on("alarm/camera-lost", "alarm.raised", camera.serial, "does not answer any more"))
            collector.collect_until(on("top/status", '"offline"', "does not answer any more"))
            threading.Event().wait(0.2)
            collector.collect_what_is_there()
            started_at = datetime.now(UTC)
            camera.start()
            collector.collect_until(on("alarm/camera-lost", "alarm.cleared"))
            back_at = datetime.now(UTC)
            before = len(collector.messages)
            results_until(collector, 5)
            assert daemon.stop() == 0
        collector.collect_what_is_there()
    assert (back_at - started_at).total_seconds() < PATIENCE_S
    later = [m for m in collector.messages[before:] if m.topic == f"{STATION}/top/result"]
    captured_at = [datetime.fromisoformat(json.loads(one.payload)["data"]["frames"][0]["captured_at"]) for one in later]
    assert min(captured_at) > started_at
    books(daemon, collector)


def test_lost_packets_are_counted_frames_and_never_inspected_ones(tmp_path: Path, broker: Mosquitto) -> None:
    with GigeCamera(lost_per_thousand=8) as camera, Collector(broker.port) as collector:
        configuration = write_station(tmp_path, broker, camera, region=VGA, rate_hz=60, packet_size=4000)
        with Daemon(configuration) as daemon:
            results_until(collector, 15)
            assert daemon.stop() == 0
        collector.collect_what_is_there()
    frames = books(daemon, collector)
    assert frames["dropped"]["frame_damaged"] > 0


@pytest.mark.parametrize("frames", [100, pytest.param(3000, marks=[pytest.mark.nightly, pytest.mark.timeout(300)])])
def test_every_frame_that_leaves_the_source_of_a_lossy_camera_is_whole(frames: int) -> None:
    with GigeCamera(lost_per_thousand=5) as camera:
        settings = GenicamSource(
            type="genicam", camera=camera.address, pixel_format="Mono8", region=VGA, rate_hz=120, packet_size=4000
        )
        source = open_source(settings, threading.Event(), staleness_ms=math.inf)
        whole, skipped = 0, Counter[DropCause]()
        y, x = np.mgrid[: VGA[3], : VGA[2]]
        with closing(source):  # type: ignore[type-var]
            began_s = time.monotonic()
            while whole < frames and time.monotonic() - began_s < PATIENCE_S + frames / 10:
                match source.read(1.0):
                    case Frame() as frame:
                        # The camera's own test picture, of which nothing may be missing.
                        assert (frame.image == (x + y + int(frame.image[0, 0])) % 255).all()
                        assert frame.captured_at_source == "camera"
                        whole += 1
                    case Skipped() as passed:
                        skipped[passed.cause] += passed.count
    assert whole == frames
    assert skipped[DropCause.FRAME_DAMAGED] > frames / 5
