"""Simulated tags through Basler's real driver, with its emulated camera, into a real daemon with the shipped model."""

import ast
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge_inspector.app import SHIPPED_MODEL, open_model
from edge_inspector.decision import decide
from edge_inspector.frame import Frame
from edge_inspector.settings import Settings
from edge_inspector.simulation import Tag, plan_tag, render_tag
from tests.collector import Collector
from tests.daemons import Daemon, ledger_of, write_configuration
from tests.mosquitto import Mosquitto
from tests.pylon_emulator import require_pylon, showing, write_pictures

pytestmark = pytest.mark.thorough

IMAGE_WH = (450, 300)
STATION = "edge-inspector/hall/line-1/station-2"
DAY, NIGHT = 20, 40  # tags
FAILED = 3


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {**os.environ, **require_pylon()}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture(scope="module")
def tags() -> list[Tag]:
    return [plan_tag(5, number, image_wh=IMAGE_WH, defect_rate=0.5) for number in range(NIGHT)]


@pytest.fixture(scope="module")
def folder(tags: Sequence[Tag], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("camera") / "tags", [render_tag(tag) for tag in tags])


@pytest.fixture(scope="module")
def direct(folder: Path) -> list[str]:
    """What the model says of the pictures without a camera."""
    verdicts = []
    with open_model(Settings()) as (model, _):
        for number, file in enumerate(sorted(folder.iterdir())):
            picture = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            frame = Frame(picture, number, datetime.now(UTC), time.monotonic_ns(), file.name)
            found = model.detector.detect(frame).detections
            verdicts.append(decide(found, model.class_names, model.policy, image_wh=IMAGE_WH).verdict.value)
    return verdicts


def run_line(
    folder: Path, broker: Mosquitto, environment: dict[str, str], source: dict[str, Any], count: int
) -> "Line":
    """Run a line until so many tags have their results, and return these in the order of the parts."""
    file = write_configuration(
        folder / "station.json", SHIPPED_MODEL, source=source, mqtt={"port": broker.port}, log={"format": "json"}
    )
    results: dict[str, dict[str, Any]] = {}
    with Collector(broker.port) as collector, Daemon(file, environment=environment) as daemon:
        while len(results) < count:
            message = collector.next()
            if message.topic == f"{STATION}/top/result":
                result = json.loads(message.payload)["data"]
                results[result["part_id"]] = result
        assert daemon.stop(signal.SIGTERM) == 0
    causes = re.search(r"dropped (\{.*?\})", json.loads(daemon.lines[-1])["message"])
    dropped = Counter(ast.literal_eval(causes[1]) if causes else {})
    del dropped["stopped"]  # the part for which the timer had just fired
    return Line([results[part_id] for part_id in sorted(results)][:count], ledger_of(daemon.lines[-1]), dropped)


class Line:
    """What a line said.

    Attributes:
        results: Of the first parts, in order.
        ledger: Captured, inspected, dropped, in flight at the end.
        dropped: By cause; without what the stop broke off.
    """

    def __init__(self, results: list[dict[str, Any]], ledger: tuple[int, int, int, int], dropped: Counter[str]) -> None:
        self.results, self.ledger, self.dropped = results, ledger, dropped

    @property
    def outcomes(self) -> list[str]:
        return [str(result["outcome"]) for result in self.results]


@pytest.mark.parametrize("count", [DAY, pytest.param(NIGHT, marks=pytest.mark.nightly)])
def test_tags_through_the_camera_get_the_verdicts_that_they_get_directly(  # noqa: PLR0913, PLR0917 - its fixtures
    tmp_path: Path,
    broker: Mosquitto,
    environment: dict[str, str],
    folder: Path,
    direct: list[str],
    tags: Sequence[Tag],
    count: int,
) -> None:
    source = showing(folder, IMAGE_WH, pixel_format="Mono8", trigger={"by": "timer", "rate_hz": 15})
    line = run_line(tmp_path, broker, environment, source, count)
    assert line.outcomes == direct[:count]
    right = sum(
        (outcome == "accept") == (not tag.defects) for outcome, tag in zip(line.outcomes, tags[:count], strict=True)
    )
    assert right >= 0.9 * count
    assert len(Counter(line.outcomes)) > 1
    captured, inspected, dropped, in_flight = line.ledger
    assert (captured, in_flight, line.dropped) == (inspected + dropped, 0, {})


def test_parts_whose_buffers_failed_get_no_verdict_and_the_others_theirs(
    tmp_path: Path, broker: Mosquitto, environment: dict[str, str], folder: Path, direct: list[str]
) -> None:
    failing = {"ForceFailedBufferCount": FAILED, "ForceFailedBuffer": True}
    source = showing(folder, IMAGE_WH, pixel_format="Mono8", trigger={"by": "timer", "rate_hz": 15}, features=failing)
    line = run_line(tmp_path, broker, environment, source, DAY)
    assert line.outcomes[:FAILED] == ["no_verdict"] * FAILED
    assert line.outcomes[FAILED:] == direct[FAILED:DAY]
    captured, inspected, dropped, in_flight = line.ledger
    assert (captured, in_flight, line.dropped) == (inspected + dropped, 0, {"frame_damaged": FAILED})
    assert {result["no_verdict"]["cause"] for result in line.results[:FAILED]} == {"frame_damaged"}
