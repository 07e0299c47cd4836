import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge_inspector.camera import Skipped
from edge_inspector.decision import Decision, Reason, Verdict
from edge_inspector.errors import EndOfSource, SourceError
from edge_inspector.events import EventWriter, TrackedDefect
from edge_inspector.frame import DropCause, Frame
from edge_inspector.replay.recording import RecordingError, open_recording
from edge_inspector.topics import TopicTree
from edge_inspector.tracks import Track, TrackChange, TrackPhase
from tests.fakes import ScriptedSource, damaged_part, part
from tests.replay.recordings import lines, recorder, result_of, write_recording
from tests.small_disk import small_disk

NOISE = np.random.default_rng(0)


def noisy_part(number: int, *, side: int) -> Frame:
    plain = part(number)
    image = NOISE.integers(0, 256, (side, side), np.uint8)
    return Frame(image, number, plain.captured_at, plain.captured_monotonic_ns, "fake", plain.part_id)


def test_frames_are_recorded_in_the_order_in_which_the_source_delivers_them(tmp_path: Path) -> None:
    frames = [part(0), damaged_part(1), part(2)]
    with recorder(tmp_path / "r") as recording:
        source = recording.around_source(ScriptedSource([frames[0], Skipped(DropCause.STALE, 3), *frames[1:]]))
        delivered = [source.read(0) for _ in range(4)]
        with pytest.raises(EndOfSource):
            source.read(0)
    assert [each for each in delivered if not isinstance(each, Skipped)] == frames
    found = open_recording(tmp_path / "r")
    assert [frame.frame_id for frame in found.frames] == [0, 1, 2]
    assert found.frames[1].problem == "half a frame"
    assert found.frames[0].captured_at == frames[0].captured_at  # to the microsecond
    assert (tmp_path / "r" / "frames" / "000002.png").is_file()
    assert found.end is not None
    assert (found.end.frames, found.end.is_whole, found.end.reason) == (3, True, "the session ended")


def test_results_are_recorded_to_the_fourth_decimal_and_without_what_depends_on_the_clock(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    reason = Reason("scratch", 0.76543, Verdict.REVIEW, 0.5)
    result = result_of(0, outcome=Decision(Verdict.REVIEW, (reason,)), boxes=[[1, 2, 3.14159, 4]], confidence=0.76543)
    track = Track(1, "scratch", Verdict.REVIEW, 0.76543, (1.0, 2.0, 3.14159, 4.0), 0, at, at, 2)
    tree = TopicTree("p", "site", "line", "station", "camera")
    with recorder(tmp_path / "r") as recording:
        recording.take(part(0))
        writer = recording.around_writer(EventWriter(tree, "session"))
        plain = EventWriter(tree, "session")
        assert writer.of_result(result) == plain.of_result(result)
        tracked = TrackedDefect(result, "T1", TrackChange(TrackPhase.NEW, track))
        assert writer.of_track(tracked) == plain.of_track(tracked)
        recording.note_inspected(part(0))
        recording.note_inspected(part(1))  # which is not recorded
    first, second = lines(tmp_path / "r" / "results.jsonl")
    same = {
        "id": "ID0", "part_id": "part-0", "frames": [{"frame_id": 0, "part_frame": 0, "outcome": "review"}],
        "reasons": [{"label": "scratch", "confidence": 0.7654, "verdict": "review", "threshold": 0.5}],
        "detections": [{"label": "scratch", "confidence": 0.7654, "xyxy": [1.0, 2.0, 3.1416, 4.0]}],
    }  # fmt: skip
    assert first == {"kind": "result", "outcome": "review", **same}
    assert second.pop("track") == {
        "label": "scratch", "confidence": 0.7654, "xyxy": [1.0, 2.0, 3.1416, 4.0], "frames": 2, "first_frame_id": 0,
        "first_seen_at": "2026-03-01T00:00:00+00:00", "last_seen_at": "2026-03-01T00:00:00+00:00",
    }  # fmt: skip
    assert second == {"kind": "track", "outcome": "review", "phase": "new", "track_id": "T1", **same}
    assert open_recording(tmp_path / "r").inspected == {0}


def test_the_recording_ends_after_so_many_frames_and_still_takes_their_results(tmp_path: Path) -> None:
    with recorder(tmp_path / "r", most_frames=2) as recording:
        for number in range(4):
            recording.take(part(number))
        for number in range(4):
            recording.note(result_of(number))
        recording.note(result_of(1, 2))  # of a part that is only half in it
    found = open_recording(tmp_path / "r")
    assert [frame.frame_id for frame in found.frames] == [0, 1]
    assert [result["id"] for result in found.results] == ["ID0", "ID1"]
    assert found.end is not None
    assert (found.end.is_whole, found.end.reason) == (False, "2 frames were recorded")


def test_a_recording_that_cannot_keep_up_ends_and_has_no_hole(tmp_path: Path) -> None:
    frames = [noisy_part(number, side=2500) for number in range(4)]
    with recorder(tmp_path / "r", most_waiting_bytes=8_000_000) as recording:
        for frame in frames:
            recording.take(frame)
    found = open_recording(tmp_path / "r")
    assert [frame.frame_id for frame in found.frames] == list(range(len(found.frames)))
    assert 1 <= len(found.frames) < 4
    assert found.end is not None
    assert found.end.reason == "it could not keep up with the frames"


def test_a_line_that_can_be_held_up_is_held_up_instead(tmp_path: Path) -> None:
    frames = [noisy_part(number, side=1000) for number in range(6)]
    with recorder(tmp_path / "r", most_waiting_bytes=1_200_000, patience_s=60) as recording:
        for frame in frames:
            recording.take(frame)
    found = open_recording(tmp_path / "r")
    assert found.is_whole
    assert len(found.frames) == 6


def test_a_full_disk_ends_the_recording_before_the_frame_that_does_not_fit(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        with recorder(disk / "r") as recording:
            for number in range(20):
                recording.take(noisy_part(number, side=300))
                recording.note(result_of(number))
        found = open_recording(disk / "r")
        assert 5 < len(found.frames) < 12
        assert [frame.frame_id for frame in found.frames] == list(range(len(found.frames)))
        assert len(list((disk / "r" / "frames").iterdir())) == len(found.frames)
        assert not found.is_whole


def test_a_disk_with_little_space_left_is_left_alone(tmp_path: Path) -> None:
    with recorder(tmp_path / "r", min_free_bytes=1e18) as recording:
        recording.take(part(0))
    assert "less than health.min_free_mb" in json.loads((tmp_path / "r" / "end.json").read_text())["reason"]
    with pytest.raises(RecordingError, match="expected frames, found none"):
        open_recording(tmp_path / "r")


def test_a_station_that_cannot_start_leaves_no_recording(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(SourceError, match="no camera"), recorder(tmp_path / "r"):
            raise SourceError("no camera")  # noqa: EM101, TRY003 - what a station does
        assert list((tmp_path / "r").iterdir()) == []


def test_a_second_source_ends_the_recording(tmp_path: Path) -> None:
    with recorder(tmp_path / "r") as recording:
        recording.around_source(ScriptedSource([part(0)])).read(0)
        recording.around_source(ScriptedSource([part(0)])).read(0)
    found = open_recording(tmp_path / "r")
    assert len(found.frames) == 1
    assert found.end is not None
    assert found.end.reason == "the source was opened anew"


@pytest.mark.parametrize("content", ["file", "folder"])
def test_a_folder_that_holds_something_is_refused(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    if content == "file":
        (folder / "mine.txt").touch()
    else:
        write_recording(folder, [part(0)])
    with (
        pytest.raises(SourceError, match=r"r: expected a new or an empty folder for the recording, found "),
        recorder(folder),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SourceError, match="expected a folder to record to, found: Not a directory"),
        recorder(tmp_path / "file" / "r"),
    ):
        pass
