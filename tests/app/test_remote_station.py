"""A station whose frames an endpoint looks at: while it is there, while it is away, and once it is back."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.app import build
from edge_inspector.demo.port import free_port
from edge_inspector.settings import parse
from edge_inspector.topics import Message
from tests.cloud.deployment.endpoint.served import served
from tests.mosquitto import eventually
from tests.onnx_models import bright_spot_model


class Told:
    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []
        self.alarms: list[str] = []

    def send(self, message: Message) -> None:
        match message.topic.split("/")[4:]:
            case [_, "result"]:
                self.results.append(json.loads(message.payload)["data"])
            case ["alarm", "remote-detector-unreachable"] if message.payload:
                self.alarms.append(json.loads(message.payload)["type"].split(".")[-2])


@pytest.mark.thorough
def test_the_endpoint_looks_the_own_model_takes_over_and_the_alarm_comes_and_goes(tmp_path: Path) -> None:
    folder, port, told, stop = bright_spot_model(tmp_path / "model"), free_port(), Told(), threading.Event()
    settings = parse({
        "source": {"type": "simulated", "rate_hz": 20, "image_wh": [96, 64]},
        "model": {
            "path": str(folder),
            "remote": {"url": f"http://127.0.0.1:{port}", "timeout_ms": 2000, "failures": 2, "rest_s": 0.5},
        },
        "samples": {"mode": "off"},
        "journal": {"durable": False},
        "state": {"dir": str(tmp_path / "state")},
    })  # fmt: skip
    with build(settings, stop, sinks={"told": told}) as station:
        line = threading.Thread(target=station.run, args=(stop,))
        line.start()
        try:
            eventually(lambda: told.alarms == ["raised"], what="nobody is there")
            with served(folder, port=port):
                eventually(lambda: told.alarms == ["raised", "cleared"], what="the endpoint looks")
            eventually(lambda: told.alarms == ["raised", "cleared", "raised"], what="it is away")
            seen = len(told.results)
            eventually(lambda: len(told.results) > seen + 10, what="the line goes on")
        finally:
            stop.set()
            line.join()
    assert {each["outcome"] for each in told.results} <= {"accept", "review", "reject"}  # never without a verdict
    assert len({each["model"]["sha256"] for each in told.results}) == 1
    assert len(told.results) == len({each["part_id"] for each in told.results})


def test_without_a_fallback_every_part_is_told_as_one_without_a_verdict_and_why_also_while_the_endpoint_rests(
    tmp_path: Path,
) -> None:
    folder, told, stop = bright_spot_model(tmp_path / "model"), Told(), threading.Event()
    url = f"http://127.0.0.1:{free_port()}"
    settings = parse({
        "source": {"type": "simulated", "rate_hz": 100, "image_wh": [96, 64], "count": 6},
        "model": {"path": str(folder), "remote": {"url": url, "fallback": "none", "failures": 2}},
        "policy": {"fail_safe": "review"},
        "samples": {"mode": "off"},
        "journal": {"durable": False},
        "state": {"dir": str(tmp_path / "state")},
    })  # fmt: skip
    with build(settings, stop, sinks={"told": told}) as station:
        station.run(stop)
    assert len({each["part_id"] for each in told.results}) == 6
    for each in told.results:
        assert each["outcome"] == "no_verdict"
        assert (each["no_verdict"]["cause"], each["no_verdict"]["treated_as"]) == ("inspection_failed", "review")
    said = [each["no_verdict"]["problem"] for each in told.results]
    assert "refused" in said[0]
    assert all("left alone for a while" in problem for problem in said[2:])
