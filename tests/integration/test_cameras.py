"""A real daemon with a camera on the network that is not there, comes, goes, hangs and comes back."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from paho.mqtt.client import MQTTMessage

from edge_inspector.cli import main
from tests.clock_pictures import HEIGHT, WIDTH
from tests.collector import Collector
from tests.daemons import Daemon, ledger_of, run_command, write_configuration
from tests.mjpeg_server import MjpegServer
from tests.mosquitto import Mosquitto
from tests.onnx_models import bright_spot_model
from tests.rtsp_server import RtspServer

pytestmark = pytest.mark.thorough

STATION = "edge-inspector/hall/line-1/station-2"
PASSWORD = "not to be seen"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


def write_station(folder: Path, broker: Mosquitto, url: str, **source: Any) -> Path:
    password = folder / "password"
    password.write_text(PASSWORD)
    return write_configuration(
        folder / "station.json",
        bright_spot_model(folder / "model", model_wh=(WIDTH, HEIGHT)),
        source={
            "type": "network",
            "url": url,
            "username": "camera",
            "password_file": str(password),
            "reopen_min_s": 0.1,
            "reopen_max_s": 0.2,
            "read_timeout_s": 2,
            **source,
        },
        flow={"staleness_ms": 2000, "stats_interval_s": 0.5},
        mqtt={"port": broker.port},
    )


def on(topic: str, *words: str) -> Callable[[MQTTMessage], bool]:
    return lambda message: message.topic == f"{STATION}/{topic}" and all(w.encode() in message.payload for w in words)


def camera_lost(what: str) -> Callable[[MQTTMessage], bool]:
    return on("alarm/camera-lost", f"alarm.{what}")


def last(collector: Collector, topic: str) -> dict[str, Any]:
    payloads = [message.payload for message in collector.messages if message.topic == f"{STATION}/{topic}"]
    return dict(json.loads(payloads[-1]))


def assert_balanced(daemon: Daemon, stats: dict[str, Any]) -> None:
    captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
    assert (captured, in_flight) == (inspected + dropped, 0)
    frames = stats["frames"]
    assert frames["captured"] == frames["inspected"] + sum(frames["dropped"].values()) + frames["in_flight"]
    assert frames["captured"] == captured
    assert inspected > 0


def assert_secret(daemon: Daemon, collector: Collector) -> None:
    assert PASSWORD not in "\n".join(daemon.lines)
    assert all(PASSWORD.encode() not in message.payload for message in collector.messages)


# Every day a source follows an MJPEG camera through its outages: tests/sources/test_network.py.
@pytest.mark.parametrize("kind", [pytest.param("mjpeg", marks=pytest.mark.nightly), "rtsp"])
def test_a_station_follows_its_camera_through_every_outage_and_keeps_its_books(
    kind: str, tmp_path: Path, broker: Mosquitto
) -> None:
    camera = MjpegServer(password=PASSWORD) if kind == "mjpeg" else RtspServer("--password", PASSWORD)
    configuration = write_station(tmp_path, broker, camera.url)
    with Collector(broker.port) as collector, Daemon(configuration) as daemon:
        try:
            collector.collect_until(camera_lost("raised"))
            camera.start()
            collector.collect_until(camera_lost("cleared"))
            collector.collect_until(on("top/status", '"online"'))
            collector.collect_until(on("top/result"))
            camera.kill()
            collector.collect_until(camera_lost("raised"))
            assert last(collector, "alarm/camera-lost")["data"]["what_to_do"]
            collector.collect_until(on("top/status", '"offline"'))
            camera.start()
            collector.collect_until(camera_lost("cleared"))
            collector.collect_until(on("top/result"))
            assert daemon.stop() == 0
        finally:
            camera.kill()
        collector.collect_what_is_there()
    assert_balanced(daemon, last(collector, "stats"))
    assert_secret(daemon, collector)
    assert daemon.records()  # FFmpeg writes nothing of its own between them


def test_a_frozen_camera_raises_its_alarm_until_it_moves(tmp_path: Path, broker: Mosquitto) -> None:
    with (
        MjpegServer(password=PASSWORD) as camera,
        Collector(broker.port) as collector,
        Daemon(write_station(tmp_path, broker, camera.url, frozen_after_s=0.5)) as daemon,
    ):
        collector.collect_until(on("top/result"))
        camera.freeze()
        collector.collect_until(on("alarm/camera-frozen", "alarm.raised"))
        camera.thaw()
        collector.collect_until(on("alarm/camera-frozen", "alarm.cleared"))
        collector.collect_until(on("top/result"))
        assert daemon.stop() == 0
        collector.collect_what_is_there()
    stats = last(collector, "stats")
    assert stats["frames"]["dropped"]["frozen"] > 0
    assert_balanced(daemon, stats)
    assert_secret(daemon, collector)


def test_a_station_stops_in_its_time_while_its_camera_hangs(tmp_path: Path, broker: Mosquitto) -> None:
    with MjpegServer(password=PASSWORD) as camera:
        camera.ignore_callers()
        with Daemon(write_station(tmp_path, broker, camera.url, open_timeout_s=120)) as daemon:
            daemon.wait_for("inspecting: network")
            camera.wait_for_caller()
            started_s = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - started_s < 30  # and the camera would take 120 s
            daemon.wait_for("left behind at the stop")


def test_every_frame_of_a_video_is_inspected_however_slow_the_model(tmp_path: Path) -> None:
    video = tmp_path / "belt.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    for level in range(40):
        writer.write(np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    writer.release()
    configuration = write_configuration(
        tmp_path / "station.json",
        bright_spot_model(tmp_path / "model", model_wh=(WIDTH, HEIGHT)),
        source={"type": "video", "path": str(video)},
        flow={"staleness_ms": 0.001},  # any wait at all would be too long for a camera
    )
    with Daemon(configuration) as daemon:
        assert daemon.wait() == 0
    assert ledger_of(daemon.lines[-1]) == (40, 40, 0, 0)


def test_a_configuration_is_checked_without_a_camera(
    tmp_path: Path, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    with MjpegServer(password=PASSWORD) as camera:
        checked = run_command("check-config", write_station(tmp_path, broker, camera.url))
        assert (checked.returncode, camera.connections) == (0, 0)
    (tmp_path / "password").unlink()
    assert main(["check-config", str(tmp_path / "station.json")]) == 78
    assert "source.password_file" in capsys.readouterr().err
