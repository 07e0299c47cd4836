"""A whole station with a network camera and parts: by command, and by its own pictures where the line has no sensor."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.settings import Settings, parse
from tests.clock_pictures import HEIGHT, WIDTH
from tests.commander import Commander
from tests.gated import Gated
from tests.mjpeg_server import MjpegServer
from tests.mosquitto import Mosquitto, eventually
from tests.onnx_models import bright_spot_model
from tests.triggered import STATION, results, wait_until_ready

# Where the clock of the pictures stands still for hours.
STILL = np.s_[32:48, 96:128]
STILL_ROI = [[0.75, 0.334], [1.0, 0.334], [1.0, 0.5], [0.75, 0.5]]


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    with MjpegServer(rate_hz=50) as running:
        yield running


def settings_of(
    folder: Path, camera: MjpegServer, trigger: dict[str, Any], *, frames_per_part: int = 1, **sections: Any
) -> Settings:
    source = {"type": "network", "url": camera.url, "read_timeout_s": 20, "trigger": trigger}
    return parse({
        "station": {"site": "hall", "line": "line-1", "station": "station-2", "camera": "top"},
        "source": {**source, "frames_per_part": frames_per_part},
        "model": {"path": str(bright_spot_model(folder / "model", model_wh=(WIDTH, HEIGHT)))},
        "flow": {"staleness_ms": 10_000},
        "state": {"dir": str(folder / "state")},
        "health": {"image": {"enabled": False}},
        **sections,
    })  # fmt: skip


def test_each_command_gives_a_part_with_the_pictures_taken_since_and_the_stop_forgets_none(
    tmp_path: Path, camera: MjpegServer
) -> None:
    with Mosquitto(tmp_path) as broker:
        mqtt = {"host": "127.0.0.1", "port": broker.port}
        settings = settings_of(tmp_path, camera, {"by": "command"}, frames_per_part=2, mqtt=mqtt)
        with Gated.running(settings) as line, Commander(broker.port, STATION) as commander:
            wait_until_ready(line)
            asked_at: list[datetime] = []
            for number in range(3):
                asked_at.append(datetime.now(UTC))
                assert commander.ask("trigger", f"{number}", part_id=f"part-{number}")["data"]["status"] == "done"
                eventually(lambda number=number: len(results(line)) > number, what="its result")  # type: ignore[misc]
            camera.hold_back()
            seen = camera.made
            eventually(lambda: camera.made > seen + 10, what="what was on its way has come")
            for name in ("in-hand", "waits"):
                commander.ask("trigger", name, part_id=name)
            line.stop.set()
            line.wait_for_the_end()
    found, (totals,) = results(line), line.totals
    assert [result["part_id"] for result in found] == [*(f"part-{n}" for n in range(3)), "in-hand", "waits"]
    assert {result["frames_total"] for result in found} == {2}
    assert "no_verdict" not in {result["outcome"] for result in found[:3]}
    captured_at = [datetime.fromisoformat(result["frames"][0]["captured_at"]) for result in found[:3]]
    assert all(captured > asked for captured, asked in zip(captured_at, asked_at, strict=True))
    assert [result["no_verdict"]["cause"] for result in found[3:]] == ["stopped", "stopped"]
    assert totals.parts.adds_up
    assert totals.parts.seen == len(found)
    assert totals.frames.adds_up


def test_parts_are_told_by_the_pictures_alone_and_each_gives_one_result(tmp_path: Path, camera: MjpegServer) -> None:
    def covered(pixels: NDArray[np.uint8]) -> None:
        pixels[STILL] = 255 - pixels[STILL]

    def wait(pictures: int) -> None:
        until = camera.made + pictures
        eventually(lambda: camera.made >= until, what="more pictures")

    free = camera.paint
    with Gated.running(settings_of(tmp_path, camera, {"by": "part_sensor", "roi": STILL_ROI})) as line:
        wait_until_ready(line)
        wait(15)
        for number in range(4):
            camera.paint = covered
            eventually(lambda number=number: len(results(line)) > number, what="the part is seen")  # type: ignore[misc]
            wait(5)
            camera.paint = free
            wait(10)
    found, (totals,) = results(line), line.totals
    assert len(found) == 4
    assert "no_verdict" not in {result["outcome"] for result in found}
    assert [result["part_id"].rsplit("-", 1)[1] for result in found] == [f"{n:06d}" for n in range(4)]
    assert totals.frames.inspected == 4
