import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_inspector.app import build
from edge_inspector.frame import Frame
from edge_inspector.ports import FrameSource
from edge_inspector.replay.compare import compare
from edge_inspector.replay.record import open_recorder
from edge_inspector.replay.recording import Recording, RecordingError, open_recording
from edge_inspector.replay.rerun import recorded_settings, rerun
from edge_inspector.settings import Settings, parse
from tests.fakes import RecordingSink, ScriptedSource, Step
from tests.onnx_models import bright_spot_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_spot_model(tmp_path_factory.mktemp("models") / "bright-spot")


def settings_of(package: Path, **sections: Any) -> Settings:
    plain = {"journal": {"durable": False}, "samples": {"mode": "off"}, "model": {"path": str(package)}}
    return parse({**plain, **sections})


def record(folder: Path, settings: Settings, source: Callable[[RecordingSink], FrameSource] | None = None) -> Recording:
    recorder, session = open_recorder(settings, folder, most_frames=1000)
    published = RecordingSink()
    sinks = {"recording": recorder, "test": published}
    given = None if source is None else source(published)
    with (
        recorder,
        build(
            settings, threading.Event(), sinks=sinks, around_source=recorder.around, source=given, session=session
        ) as station,
    ):
        station.run(threading.Event())
    return open_recording(folder)


def look(number: int, part_id: str, *, part_frame: int = 0, image_wh: tuple[int, int] = (64, 48)) -> Frame:
    image = np.full(image_wh[::-1], number * 10, np.uint8)
    return Frame(image, number, datetime.now(UTC), time.monotonic_ns(), "camera", part_id, part_frame=part_frame)


def test_a_part_that_came_back_and_a_frame_that_came_twice_are_told_apart_again(tmp_path: Path, model: Path) -> None:
    def passing(published: RecordingSink) -> FrameSource:
        def wait_for(number: int) -> None:
            published.wait_for(lambda message: f'"frame_id":{number},'.encode() in message.payload)

        def steps() -> Iterator[Step]:
            first, again = look(0, "a"), look(1, "a")  # both taken on the first pass
            yield first
            wait_for(0)
            yield again
            yield look(2, "b")
            wait_for(2)
            yield look(3, "a")  # after rework
            wait_for(3)
            yield look(4, "a")

        return ScriptedSource(steps())

    source = {"type": "directory", "path": "/", "rate_hz": 1}
    recording = record(tmp_path / "r", settings_of(model, source=source), passing)
    assert [(result["part_id"], result["frames"][0]["frame_id"]) for result in recording.results] == [
        ("a", 0), ("b", 2), ("a", 3), ("a", 4)
    ]  # fmt: skip
    found = compare(recording.results, rerun(recording, recorded_settings(recording)), is_whole=True)
    assert (found.compared, found.differences) == (4, ())


def test_parts_that_found_the_queue_full_are_named_and_left_out(tmp_path: Path, model: Path) -> None:
    def burst(_: RecordingSink) -> FrameSource:
        places = [divmod(number, 2) for number in range(24)]
        return ScriptedSource(
            [
                look(number, f"part-{part}", part_frame=part_frame, image_wh=(640, 480))
                for number, (part, part_frame) in enumerate(places)
            ]
        )

    source = {"type": "directory", "path": "/", "rate_hz": 1, "frames_per_part": 2}
    flow = {"queue_size": 1, "deadline_ms": 60_000}
    slow = settings_of(model, source=source, flow=flow, model={"path": str(model), "tiling": {}})
    recording = record(tmp_path / "r", slow, burst)
    found = compare(recording.results, rerun(recording, recorded_settings(recording)), is_whole=True)
    assert found.differences == ()
    assert {cause for _, cause in found.left_out} == {"queue_overflow"}
    assert found.compared + len(found.left_out) == 12


def test_frames_that_were_gathered_without_a_model_come_out_without_one(tmp_path: Path, model: Path) -> None:
    source = {"type": "simulated", "rate_hz": 200, "count": 3, "image_wh": [96, 64]}
    settings = settings_of(model, source=source, samples={"mode": "collect"}, state={"dir": str(tmp_path / "state")})
    recording = record(tmp_path / "r", settings)
    assert recording.header.model is None
    found = compare(recording.results, rerun(recording, recorded_settings(recording)), is_whole=True)
    assert (found.compared, found.differences) == (3, ())
    assert {result["no_verdict"]["cause"] for result in recording.results} == {"no_model"}


def test_a_picture_that_was_changed_ends_the_replay_with_its_name(tmp_path: Path, model: Path) -> None:
    source = {"type": "simulated", "rate_hz": 200, "count": 3, "image_wh": [96, 64]}
    recording = record(tmp_path / "r", settings_of(model, source=source))
    (tmp_path / "r" / "frames" / "000002.png").write_bytes(b"")
    with pytest.raises(RecordingError, match=r"000002\.png: expected a picture, found 0 bytes"):
        rerun(recording, recorded_settings(recording))


def test_a_replay_leaves_nothing_behind(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    source = {"type": "simulated", "rate_hz": 200, "count": 3, "image_wh": [96, 64]}
    recording = record(tmp_path / "r", settings_of(model, source=source))
    before = sorted(path for path in tmp_path.rglob("*"))
    rerun(recording, recorded_settings(recording))
    assert sorted(path for path in tmp_path.rglob("*")) == before
