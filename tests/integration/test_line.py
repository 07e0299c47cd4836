"""The whole of it: a real daemon, a real broker, a real model, and what a subscriber sees."""

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paho.mqtt.client import MQTTMessage

from edge_inspector.simulation import plan_tag, render_tag
from tests.collector import Collector
from tests.daemons import Daemon, ledger_of, run_command, write_configuration
from tests.mosquitto import Mosquitto, Wire, write_passwords
from tests.onnx_models import bright_spot_model

IMAGE_WH = (96, 64)
STATION = "edge-inspector/hall/line-1/station-2"
SEED = 3
CELL_XYXY = (32, 32, 48, 48)  # the only place where spots count


class StationCollector(Collector):
    """Collects, and gives out by the topics of the station."""

    def on(self, topic: str) -> list[MQTTMessage]:
        return [message for message in self.messages if message.topic == f"{STATION}/{topic}"]

    def documents(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.on(topic)]


def is_status(status: str) -> Callable[[MQTTMessage], bool]:
    return lambda message: message.topic == f"{STATION}/status" and json.loads(message.payload)["status"] == status


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


def write_line(folder: Path, port: int, *, rate_hz: float = 200, count: int | None = None, **mqtt: Any) -> Path:
    """Write the configuration of a line whose verdicts follow from the brightest pixel of one cell alone."""
    model = bright_spot_model(
        folder / "model", model_wh=IMAGE_WH, review_at=float(REVIEW_AT), reject_at=float(REJECT_AT)
    )
    source = {"type": "simulated", "rate_hz": rate_hz, "image_wh": list(IMAGE_WH), "seed": SEED}
    (width, height), (x0, y0, x1, y1) = IMAGE_WH, CELL_XYXY
    cell = [[x / width, y / height] for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    return write_configuration(
        folder / "station.json",
        model,
        policy={"roi": [cell]},
        source=source if count is None else {**source, "count": count},
        mqtt={"port": port, "reconnect_min_s": 0.1, "reconnect_max_s": 0.2, **mqtt},
        flow={"stats_interval_s": 0.5},
        samples={"mode": "off"},  # a busy machine cannot keep so many, and says so
    )


def brightness(number: int) -> float:
    """Return the score of a part, worked out from its pixels without any of the code under test."""
    x0, y0, x1, y1 = CELL_XYXY
    return int(render_tag(plan_tag(SEED, number, image_wh=IMAGE_WH))[y0:y1, x0:x1].max()) / 255


# About a third each of the first parts is accepted, reviewed and rejected; no score lies on a threshold.
REVIEW_AT, REJECT_AT = np.quantile([brightness(number) for number in range(60)], (1 / 3, 2 / 3)).round(3) + 0.0005


def expected_outcome(part_id: str) -> str:
    score = brightness(int(part_id.removeprefix("part-")))
    return "reject" if score >= REJECT_AT else "review" if score >= REVIEW_AT else "accept"


def test_every_part_is_told_once_with_the_right_verdict_and_the_line_says_goodbye(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with StationCollector(broker.port) as collector, Daemon(write_line(tmp_path, broker.port, count=60)) as daemon:
        assert daemon.wait() == 0
        collector.collect_what_is_there()
    results = collector.documents("top/result")
    parts = [f"part-{number:06d}" for number in range(60)]
    assert [result["data"]["part_id"] for result in results] == parts
    assert len({result["id"] for result in results}) == 60
    outcomes = {result["data"]["part_id"]: result["data"]["outcome"] for result in results}
    assert outcomes == {part: expected_outcome(part) for part in parts}
    assert set(outcomes.values()) == {"accept", "review", "reject"}
    defects = [event["subject"] for event in collector.documents("top/defect")]
    assert defects == [part for part in parts if outcomes[part] != "accept"]
    assert [document["status"] for document in collector.documents("status")] == ["online", "stopped"]
    assert ledger_of(daemon.lines[-1]) == (60, 60, 0, 0)
    stats = collector.documents("stats")[-1]
    assert stats["parts"]["outcomes"] == dict(Counter(outcomes.values()))
    assert stats["frames"] == {"captured": 60, "inspected": 60, "dropped": {}, "in_flight": 0}
    with StationCollector(broker.port) as late:
        late.collect_what_is_there()
    retained = {message.topic.removeprefix(f"{STATION}/"): message for message in late.messages}
    assert set(retained) == {"status", "state", "stats", "top/status"}
    assert all(message.retain for message in retained.values())
    assert json.loads(retained["status"].payload)["status"] == "stopped"
    assert json.loads(retained["state"].payload)["state"] == "Halted"
    assert json.loads(retained["top/status"].payload)["status"] == "offline"


def test_a_running_line_is_online_for_who_comes_later_and_stopped_after_sigterm(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Daemon(write_line(tmp_path, broker.port)) as daemon, StationCollector(broker.port) as collector:
        collector.collect_until(lambda message: message.topic == f"{STATION}/top/result")
        assert daemon.stop(signal.SIGTERM) == 0
        collector.collect_what_is_there()
    assert [document["status"] for document in collector.documents("status")][-1] == "stopped"
    captured, *_ = ledger_of(daemon.lines[-1])
    numbers = [int(result["data"]["part_id"][-6:]) for result in collector.documents("top/result")]
    assert numbers == list(range(numbers[0], captured))  # none missing from the first one seen to the last captured
    with StationCollector(broker.port) as late:
        late.collect_what_is_there()
    assert [document["status"] for document in late.documents("status")] == ["stopped"]


def test_the_broker_tells_that_a_killed_daemon_is_offline(tmp_path: Path, broker: Mosquitto) -> None:
    with StationCollector(broker.port) as collector, Daemon(write_line(tmp_path, broker.port)) as daemon:
        collector.collect_until(lambda message: message.topic == f"{STATION}/top/result")
        daemon.stop(signal.SIGKILL)
        collector.collect_until(is_status("offline"))
    online, offline = collector.documents("status")
    assert online["status"] == "online"
    assert offline == {**online, "status": "offline"}
    with StationCollector(broker.port) as late:
        late.collect_what_is_there()
    assert [message.retain for message in late.on("status")] == [True]
    assert late.documents("status") == [offline]


@pytest.mark.thorough
def test_no_result_is_lost_when_the_broker_goes_away_and_comes_back_empty(tmp_path: Path, broker: Mosquitto) -> None:
    with (
        Wire(broker.port) as wire,
        StationCollector(broker.port) as collector,
        Daemon(write_line(tmp_path, wire.port, rate_hz=200)) as daemon,
    ):
        for _ in range(20):
            collector.collect_until(lambda message: message.topic == f"{STATION}/top/result")
        wire.cut()
        collector.collect_what_is_there()
        collector.expect_another_broker()
        broker.kill()
        daemon.wait_for("the connection was lost")
        inspected = sum("detection" in line for line in daemon.lines)
        daemon.wait_for("detection", count=inspected + 50)  # the line goes on without a broker
        broker.start()
        collector.wait_for_the_other_broker()
        wire.mend()
        collector.collect_until(lambda message: message.topic == f"{STATION}/top/result")
        assert daemon.stop() == 0
        collector.collect_what_is_there()
    captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
    assert captured == inspected + dropped + in_flight
    assert in_flight == 0
    results = collector.documents("top/result")
    ids = {result["id"]: result["data"]["part_id"] for result in results}
    assert sorted(ids.values()) == [f"part-{number:06d}" for number in range(captured)]
    assert {result["data"]["part_id"]: result["data"]["outcome"] for result in results} == {
        part: expected_outcome(part) for part in ids.values()
    }
    statuses = [document["status"] for document in collector.documents("status")]
    assert statuses[-1] == "stopped"
    assert statuses.count("online") >= 2  # said again to the broker that knew nothing
    assert {document["state"] for document in collector.documents("state")} >= {"ContinuousExecution", "Halted"}
    errors = [record for record in daemon.records() if record["level"] in {"warning", "error"}]
    assert len(errors) <= 3, errors  # one line a problem, however often it is tried again


def test_a_broker_that_refuses_the_password_is_one_clear_error_and_the_line_runs_on(tmp_path: Path) -> None:
    write_passwords(tmp_path / "passwords", "station", "right")
    lines = ("allow_anonymous false", f"password_file {tmp_path / 'passwords'}")
    with Mosquitto(tmp_path, *lines) as broker:
        configuration = write_line(tmp_path, broker.port, username="station", password="Tr0ub4dor")
        with Daemon(configuration) as daemon:
            daemon.wait_for("refused the connection")
            inspected = sum("detection" in line for line in daemon.lines)
            daemon.wait_for("detection", count=inspected + 30)
            assert daemon.is_running
            assert daemon.stop() == 0
    errors = [record["message"] for record in daemon.records() if record["level"] == "error"]
    assert len(errors) == 1
    assert "mqtt.username and mqtt.password" in errors[0]
    assert "Tr0ub4dor" not in "\n".join(daemon.lines)
    captured, inspected, dropped, in_flight = ledger_of(next(line for line in daemon.lines if "stopped:" in line))
    assert (captured, in_flight) == (inspected + dropped, 0)


@pytest.mark.parametrize("state", ["gone", "frozen"])
def test_the_daemon_stops_cleanly_whatever_the_broker_does(tmp_path: Path, broker: Mosquitto, state: str) -> None:
    with Wire(broker.port) as wire, Daemon(write_line(tmp_path, wire.port)) as daemon:
        daemon.wait_for("connected as")
        daemon.wait_for("detection", count=10)
        if state == "gone":
            wire.cut()
            daemon.wait_for("the connection was lost")
        else:
            wire.answers_flow.clear()
        assert daemon.stop() == 0
        wire.answers_flow.set()
    (report,) = [line for line in daemon.lines if "wait in the journal" in line and "closed while" in line]
    assert " 0 messages" not in report


@pytest.mark.thorough
def test_two_daemons_of_one_station_and_camera_are_told_apart_by_the_error(tmp_path: Path, broker: Mosquitto) -> None:
    configuration = write_line(tmp_path, broker.port)
    document = json.loads(configuration.read_text()) | {"state": {"dir": str(tmp_path / "elsewhere")}}
    another = tmp_path / "another.json"
    another.write_text(json.dumps(document))
    with Daemon(configuration) as first, Daemon(another) as second:
        first.wait_for("same client id")
        for daemon in (first, second):
            daemon.send(signal.SIGTERM)
        assert (first.wait(), second.wait()) == (0, 0)


def test_a_second_daemon_in_the_same_home_is_refused_and_the_first_one_runs_on(
    tmp_path: Path, broker: Mosquitto
) -> None:
    configuration = write_line(tmp_path, broker.port)
    with Daemon(configuration) as first:
        first.wait_for("detection", count=5)
        refused = run_command("run", "-c", configuration)
        assert refused.returncode == 78
        (error,) = [line for line in refused.stderr.splitlines() if "error:" in line]
        assert str(tmp_path / "state" / "top") in error
        assert str(first.pid) in error
        assert first.is_running
        assert first.stop() == 0


def test_an_alarm_is_retained_for_who_comes_later(tmp_path: Path, broker: Mosquitto) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.png").write_text("no image")
    model = bright_spot_model(tmp_path / "model")
    source = {"type": "directory", "path": str(folder), "loop": True, "rate_hz": 50}
    configuration = write_configuration(tmp_path / "s.json", model, source=source, mqtt={"port": broker.port})
    with Daemon(configuration) as daemon, StationCollector(broker.port) as collector:
        collector.collect_until(lambda message: b"alarm.raised" in message.payload)
        with StationCollector(broker.port) as late:
            late.collect_what_is_there()
        assert daemon.stop() == 0
    (alarm,) = late.documents("alarm/no-verdict-frame-damaged")
    assert alarm["type"] == "com.edgeinspector.alarm.raised.v1"
    assert "a.png" in alarm["data"]["text"]
    assert "Check the camera" in alarm["data"]["what_to_do"]
