import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_inspector.app import build
from edge_inspector.frame import Frame
from edge_inspector.ports import FrameSource
from edge_inspector.replay.compare import Comparison, compare
from edge_inspector.replay.record import open_recorder
from edge_inspector.replay.recording import Recording, RecordingError, open_recording
from edge_inspector.replay.rerun import recorded_settings, rerun, without_surroundings
from edge_inspector.settings import Settings, parse
from edge_inspector.topics import CATALOGUE, Channel, Message
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
    given = None if source is None else source(published)
    with (
        recorder,
        build(
            settings,
            threading.Event(),
            sinks={"test": published},
            around_source=recorder.around_source,
            around_writer=recorder.around_writer,
            watch_frame=recorder.note_inspected,
            source=given,
            session=session,
        ) as station,
    ):
        station.run(threading.Event())
    return open_recording(folder)


def compare_with_replay(recording: Recording) -> Comparison:
    return compare(
        recording.results,
        rerun(recording, recorded_settings(recording)),
        is_whole=recording.is_whole,
        has_every_result=recording.has_every_result,
    )


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
    found = compare_with_replay(recording)
    assert (found.compared, found.differences) == (4, ())


def test_parts_that_found_the_queue_full_are_named_and_left_out(tmp_path: Path, model: Path) -> None:
    def burst(_: RecordingSink) -> FrameSource:
        places = [divmod(number, 2) for number in range(12)]
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
    found = compare_with_replay(recording)
    assert found.differences == ()
    assert {cause for _, cause in found.left_out} == {"queue_overflow"}
    assert found.compared + len(found.left_out) == 6


def test_every_frame_and_every_box_of_a_part_is_compared_to_the_fourth_decimal(tmp_path: Path) -> None:
    package = bright_spot_model(tmp_path / "model", model_wh=(160, 112))
    noise = np.random.default_rng(5)
    published: list[RecordingSink] = []

    def one_part(sink: RecordingSink) -> FrameSource:
        published.append(sink)
        plain = [look(number, "p", part_frame=number, image_wh=(523, 371)) for number in range(9)]
        return ScriptedSource(
            [replace(frame, image=noise.integers(0, 256, frame.image.shape, np.uint8)) for frame in plain]
        )

    source = {"type": "directory", "path": "/", "frames_per_part": 9}
    recording = record(tmp_path / "r", settings_of(package, source=source, flow={"deadline_ms": 60_000}), one_part)
    (result,) = recording.results
    (event,) = [json.loads(message.payload)["data"] for message in published[0].messages if is_result(message)]
    assert [frame["frame_id"] for frame in result["frames"]] == list(range(9))
    assert len(event["frames"]) < 9
    assert len(result["detections"]) == event["detections_total"] > 10 * len(event["detections"])
    assert len(result["reasons"]) > len(event["reasons"])
    sides = [side for detection in result["detections"] for side in detection["xyxy"]]
    assert any(side != round(side, 3) for side in sides)

    replayed = rerun(recording, recorded_settings(recording))
    assert json.dumps(replayed) == json.dumps(recording.results)
    last = replayed[0]["detections"][-1]
    last["xyxy"][0] = round(last["xyxy"][0] + 1e-4, 4)
    (difference,) = compare(recording.results, replayed, is_whole=True).differences
    assert difference.field == f"detections[{len(result['detections']) - 1}].xyxy[0]"


def test_a_belt_of_which_frames_were_superseded_and_one_result_published_comes_out_again(
    tmp_path: Path, model: Path
) -> None:
    def belt(published: RecordingSink) -> FrameSource:
        def burst(first: int, phase: str) -> Iterator[Step]:
            image = np.full((480, 640), 255 if phase == "new" else 0, np.uint8)
            for number in range(first, first + 10):
                yield Frame(image, number, datetime.now(UTC), time.monotonic_ns(), "camera")
            published.wait_for(lambda message: is_change(message, phase, since=first))

        bursts = [burst(10 * number, "end" if number % 2 else "new") for number in range(4)]
        return ScriptedSource(itertools.chain(*bursts))

    settings = settings_of(
        model,
        source={"type": "video", "path": "/", "rate_hz": 1},
        flow={"max_results_hz": 1e-9, "staleness_ms": 60_000},
        tracks={"confirm_frames": 1, "end_after_frames": 1},
    )
    recording = record(tmp_path / "r", settings, belt)
    kinds = Counter(result["kind"] for result in recording.results)
    assert kinds["result"] == 1 < kinds["track"]
    assert 4 <= len(recording.inspected) < len(recording.frames) == 40
    found = compare_with_replay(recording)
    assert (found.compared, found.differences) == (len(recording.results), ())


def is_result(message: Message) -> bool:
    return message.delivery is CATALOGUE[Channel.RESULT]


def is_change(message: Message, phase: str, *, since: int) -> bool:
    if message.delivery is not CATALOGUE[Channel.DEFECT]:
        return False
    data = json.loads(message.payload)["data"]
    return data.get("phase") == phase and data["frames"][0]["frame_id"] >= since


def test_frames_that_were_gathered_without_a_model_come_out_without_one(tmp_path: Path, model: Path) -> None:
    source = {"type": "simulated", "rate_hz": 200, "count": 3, "image_wh": [96, 64]}
    settings = settings_of(model, source=source, samples={"mode": "collect"}, state={"dir": str(tmp_path / "state")})
    recording = record(tmp_path / "r", settings)
    assert recording.header.model is None
    found = compare_with_replay(recording)
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


def test_a_replay_asks_no_endpoint(tmp_path: Path) -> None:
    asking = parse({"model": {"remote": {"url": "http://127.0.0.1:9"}}})
    assert without_surroundings(asking, tmp_path).model.remote is None
