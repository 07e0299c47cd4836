"""What a station whose camera is triggered has told, for the tests that watch one."""

import json
from typing import Any

from tests.gated import Gated
from tests.mosquitto import eventually

STATION = "edge-inspector/hall/line-1/station-2"


def told(line: Gated, topic: str) -> list[dict[str, Any]]:
    return [json.loads(m.payload) for m in list(line.sink.messages) if m.topic == f"{STATION}/{topic}" and m.payload]


def results(line: Gated) -> list[dict[str, Any]]:
    return [event["data"] for event in told(line, "top/result")]


def wait_until_ready(line: Gated) -> None:
    eventually(lambda: [s["state"] for s in told(line, "state")][-1:] == ["Ready"], what="the station is ready")
