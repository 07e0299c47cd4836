"""A real daemon over a continuous web: each defect is one event with its place, and no line is left out in silence."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from edge_inspector.settings import WebSettings
from edge_inspector.simulation.web import web_scratches
from edge_inspector.sources.simulated_web import web_style
from tests.collector import Collector
from tests.commander import Commander
from tests.daemons import ledger_of, write_configuration
from tests.forked import ForkedDaemon, run_forked
from tests.gige_camera import GigeCamera
from tests.mosquitto import Mosquitto
from tests.onnx_models import bright_spot_model
from tests.plc import Plc

STATION = "edge-inspector/hall/line-1/station-2"
SHIPPED = Path(__file__).parents[2] / "src/edge_inspector/shipped_model"
SEED, ROLL_LINES = 30, 4100


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


def is_stopped(message: MQTTMessage) -> bool:
    return message.topic == f"{STATION}/status" and json.loads(message.payload)["status"] == "stopped"


def is_on(topic: str, text: str = "") -> Callable[[MQTTMessage], bool]:
    return lambda message: message.topic == f"{STATION}/{topic}" and text.encode() in message.payload


def data_on(collector: Collector, topic: str) -> list[dict[str, Any]]:
    messages = [message for message in collector.messages if message.topic == f"{STATION}/{topic}"]
    return [json.loads(message.payload)["data"] for message in messages]


def test_every_scratch_of_two_rolls_is_one_event_with_its_place(tmp_path: Path, broker: Mosquitto) -> None:
    web = WebSettings(frame_lines=300, overlap_lines=100)
    configuration = write_configuration(
        tmp_path / "station.json",
        SHIPPED,
        source={
            "type": "simulated_web",
            "seed": SEED,
            "lines_hz": 20_000,  # all frames fit in the queue
            "roll_lines": ROLL_LINES,
            "rolls": 2,
            "defect_rate": 1.0,
            "web": {"frame_lines": 300, "overlap_lines": 100, "mm_per_line": 0.1},
        },
        flow={"queue_size": 64, "max_results_hz": 1000},
        mqtt={"port": broker.port},
    )
    with Collector(broker.port) as collector, ForkedDaemon(configuration) as daemon:
        collector.collect_until(is_stopped)
        assert daemon.wait() == 0
        captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
        collector.collect_what_is_there()
    assert (captured, inspected, dropped, in_flight) == (42, 42, 0, 0)  # 21 frames a roll
    results = data_on(collector, "top/result")
    assert [result["web"]["lines"] for result in results[:21]] == [
        *([first, first + 300] for first in range(0, 4000, 200)),
        [3800, 4100],
    ]
    assert [result["web"]["ends_roll"] for result in results] == ([False] * 20 + [True]) * 2
    defects = data_on(collector, "top/defect")
    assert {defect["phase"] for defect in defects} == {"new"}
    # What the shipped model misses or sees where nothing is, is its own: these two rolls were chosen for having none.
    rolls = sorted({result["web"]["roll"] for result in results})
    assert [roll.split("-", 1)[1] for roll in rolls] == ["roll-1", "roll-2"]  # behind the start of the session
    for number, roll in enumerate(rolls):
        truth = [s.xyxy for s in web_scratches(SEED + number, range(21), web_style(web, 1.0)) if s.xyxy[3] < ROLL_LINES]
        told = sorted((d["web"]["lines"] for d in defects if d["web"]["roll"] == roll), key=sum)
        assert len(told) == len(truth) == 20
        for (first, end), box in zip(told, sorted(truth, key=lambda box: box[1] + box[3]), strict=True):
            assert abs(first - box[1]) < 20
            assert abs(end - box[3]) < 20
    first = defects[0]["web"]
    assert first["mm"] == pytest.approx([each * 0.1 for each in first["lines"]], abs=0.06)
    assert not [message for message in collector.messages if "web-not-inspected" in message.topic and message.payload]


def test_a_recorded_web_gives_the_same_defects_again(tmp_path: Path) -> None:
    source = {
        "type": "simulated_web",
        "seed": 5,
        "lines_hz": 20_000,
        "roll_lines": 2500,
        "rolls": 1,
        "defect_rate": 1.0,
    }
    configuration = write_configuration(tmp_path / "station.json", SHIPPED, source=source, flow={"queue_size": 64})
    recording = tmp_path / "recording"
    assert run_forked("run", "-c", configuration, "--record", recording).returncode == 0
    replayed = run_forked("replay", recording)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    told = [line for line in (recording / "results.jsonl").read_text().splitlines() if '"phase": "new"' in line]
    assert len(told) >= 8


def test_a_person_ends_a_roll_and_names_the_next(tmp_path: Path, broker: Mosquitto) -> None:
    model = bright_spot_model(tmp_path / "model", model_wh=(96, 64))
    configuration = write_configuration(
        tmp_path / "station.json",
        model,
        source={"type": "simulated_web", "lines_hz": 2000},
        flow={"max_results_hz": 1000},
        mqtt={"port": broker.port},
    )
    with (
        Collector(broker.port) as collector,
        Commander(broker.port, STATION) as commander,
        ForkedDaemon(configuration) as daemon,
    ):
        first = json.loads(collector.collect_until(is_on("top/result")).payload)["data"]["web"]["roll"]
        answer = commander.ask("roll", "one", roll="R-4711")["data"]
        assert (answer["status"], answer["result"]["ended"], answer["result"]["roll"]) == ("done", first, "R-4711")
        last = json.loads(collector.collect_until(is_on("top/result", '"ends_roll":true')).payload)["data"]["web"]
        assert last["lines"][1] == answer["result"]["lines"]
        next_one = json.loads(collector.collect_until(is_on("top/result", '"R-4711"')).payload)["data"]["web"]
        assert next_one["lines"] == [0, 300]
        assert daemon.stop(signal.SIGTERM) == 0


def test_a_line_without_a_web_has_no_rolls(tmp_path: Path, broker: Mosquitto) -> None:
    model = bright_spot_model(tmp_path / "model", model_wh=(96, 64))
    configuration = write_configuration(tmp_path / "station.json", model, mqtt={"port": broker.port})
    with (
        Collector(broker.port) as collector,
        Commander(broker.port, STATION) as commander,
        ForkedDaemon(configuration) as daemon,
    ):
        collector.collect_until(is_on("top/result"))
        answer = commander.ask("roll", "one")["data"]
        assert answer["status"] == "refused"
        assert "source.web" in answer["text"]
        daemon.stop()


def write_line_camera(
    folder: Path, broker: Mosquitto, camera: GigeCamera, web: dict[str, Any], **sections: Any
) -> Path:
    return write_configuration(
        folder / "station.json",
        bright_spot_model(folder / "model", model_wh=(64, 64)),
        source={
            "type": "genicam",
            "camera": camera.address,
            "pixel_format": "Mono8",
            "region": [0, 0, 512, 128],
            "packet_size": 1500,
            "read_timeout_s": 2,
            "web": {"frame_lines": 300, "overlap_lines": 100, **web},
        },
        flow={"max_results_hz": 1000, "queue_size": 64},
        mqtt={"port": broker.port},
        **sections,
    )


@pytest.mark.thorough
def test_the_pictures_of_a_gige_camera_are_blocks_of_lines_as_long_as_the_plc_says(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with GigeCamera() as camera, Plc() as machine:
        machine.inputs = lambda: {7: 500}
        speed = {"address": 7, "mm_s_per_unit": 1, "lines_hz": 2000}
        configuration = write_line_camera(tmp_path, broker, camera, {"speed": speed}, plc=machine.settings)
        with Collector(broker.port) as collector, ForkedDaemon(configuration) as daemon:
            for _ in range(8):
                collector.collect_until(is_on("top/result"))
            daemon.stop()
            captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
            collector.collect_what_is_there()
    assert (captured, in_flight) == (inspected + dropped, 0)
    places = [result["web"] for result in data_on(collector, "top/result") if result["outcome"] != "no_verdict"]
    assert places[0]["lines"] == [0, 300]
    assert places[0]["mm"] == [0, 75]
    assert {place["lines"][1] - place["lines"][0] for place in places} == {300}
    # Blocks have 128 lines, and no frame in its turn ends with one: at the stop the rest is inspected too.
    assert places[-1]["lines"][1] % 128 == 0


def test_blocks_that_a_camera_loses_keep_their_place_and_are_told(tmp_path: Path, broker: Mosquitto) -> None:
    with GigeCamera(lost_per_thousand=10) as camera:
        configuration = write_line_camera(tmp_path, broker, camera, {"mm_per_line": 0.25})
        with Collector(broker.port) as collector, ForkedDaemon(configuration) as daemon:
            is_told = is_on("alarm/web-not-inspected", "nobody looked at lines")
            while sum(data["outcome"] == "no_verdict" for data in data_on(collector, "top/result")) < 3:
                collector.collect_until(is_on("top/result"))
            if not any(map(is_told, collector.messages)):
                collector.collect_until(is_told)
            daemon.stop()
            captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
    assert (captured, in_flight) == (inspected + dropped, 0)
    results = data_on(collector, "top/result")
    end = 0
    for result in results:
        first, last = result["web"]["lines"]
        assert first <= end <= last  # no line without a word
        end = last
        if result["outcome"] == "no_verdict":
            assert result["no_verdict"]["cause"] in {"frame_damaged", "frame_missing"}
            assert (last - first) % 128 == 0
