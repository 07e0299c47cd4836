import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_inspector.daemon import Exit, exit_code
from edge_inspector.replay.recording import Recording, RecordingError, open_recording
from edge_inspector.replay.rerun import inspected_frames, recorded_settings
from tests.fakes import part
from tests.replay.recordings import header, write_recording


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "recording", [part(number) for number in range(3)])


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:-size])


def drop_last_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


Damage = Callable[[Path], object]
DAMAGES: list[tuple[str, Damage, str]] = [
    (
        "no header",
        lambda f: (f / "recording.json").unlink(),
        "recording.json: expected a file of a recording, found: No",
    ),
    ("another header", lambda f: (f / "recording.json").write_text("{}"), "recording.json: schema: Field required"),
    ("changed header", lambda f: replace(f / "recording.json", "cpu", "CPU"), "recording.json: expected sha256 "),
    ("older header", lambda f: replace(f / "recording.json", "recording/2", "recording/1"), "recording.json: schema: "),
    ("cut frames", lambda f: cut(f / "frames.jsonl", 20), "frames.jsonl: expected sha256 .* changed or cut off"),
    ("a frame less", lambda f: drop_last_line(f / "frames.jsonl"), "frames.jsonl: expected sha256 "),
    ("a result less", lambda f: drop_last_line(f / "results.jsonl"), "results.jsonl: expected sha256 "),
    ("no results", lambda f: (f / "results.jsonl").unlink(), "results.jsonl: expected a file of a recording"),
    ("a number less", lambda f: drop_last_line(f / "inspected.jsonl"), "inspected.jsonl: expected sha256 "),
    ("no picture", lambda f: (f / "frames" / "000001.png").unlink(), "000001.png: expected a picture of the recording"),
    ("half an end", lambda f: cut(f / "end.json", 30), "end.json: "),
]


@pytest.mark.parametrize(("damage", "expected"), [each[1:] for each in DAMAGES], ids=[each[0] for each in DAMAGES])
def test_a_damaged_recording_is_one_clear_error(folder: Path, damage: Damage, expected: str) -> None:
    open_recording(folder)
    damage(folder)
    with pytest.raises(RecordingError, match=expected) as failed:
        open_recording(folder)
    assert "\n" not in str(failed.value)
    assert exit_code(failed.value) is Exit.UNUSABLE_INPUT


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("frames.jsonl", '"frame_id": 1', '"frame_id": ', "frames.jsonl: line 2: expected a recorded frame, found: "),
        (
            "frames.jsonl",
            '"frame_id": 1',
            '"number": 1',
            "frames.jsonl: line 2: expected a recorded frame, found: frame_id",
        ),
        (
            "frames.jsonl",
            '"frame_id": 1',
            '"frame_id": 7',
            "frames.jsonl: expected frame 1, of which there is a result",
        ),
        (
            "inspected.jsonl",
            "1\n",
            "one\n",
            "inspected.jsonl: line 2: expected the number of an inspected frame, found b'",
        ),
        ("results.jsonl", '"outcome"', '"income"', "results.jsonl: line 1: expected a recorded result, found b'"),
        ("results.jsonl", '{"kind"', '"kind"', "results.jsonl: line 1: expected a recorded result, found: Extra data"),
        ("results.jsonl", '"kind": "result"', '"kind": "track"', "results.jsonl: line 1: expected a recorded result"),
    ],
)
def test_a_bad_line_is_named_with_its_number(folder: Path, name: str, old: str, new: str, expected: str) -> None:
    replace(folder / name, old, new)
    end = json.loads((folder / "end.json").read_text())
    end["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "end.json").write_text(json.dumps(end))
    with pytest.raises(RecordingError, match=expected):
        open_recording(folder)


def test_a_recording_that_was_cut_off_by_a_power_failure_is_used_up_to_its_last_whole_line(folder: Path) -> None:
    (folder / "end.json").unlink()
    cut(folder / "frames.jsonl", 20)
    drop_last_line(folder / "results.jsonl")
    found = open_recording(folder)
    assert (len(found.frames), len(found.results), found.end) == (2, 2, None)


def test_a_folder_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere/recording\.json: expected a file of a recording"):
        open_recording(tmp_path / "nowhere")


def write_free_running(folder: Path, **flow: float) -> Recording:
    """Record four frames, of which the first three have a result and the first two are known to have been inspected."""
    write_recording(folder, [part(number) for number in range(4)])
    drop_last_line(folder / "results.jsonl")
    drop_last_line(folder / "inspected.jsonl")
    drop_last_line(folder / "inspected.jsonl")
    (folder / "recording.json").write_text(header(frames_per_part=None, flow=flow).model_dump_json(by_alias=True))
    (folder / "end.json").unlink()
    return open_recording(folder)


def test_without_a_trigger_only_the_frames_that_were_inspected_are_inspected_again(tmp_path: Path) -> None:
    every = write_free_running(tmp_path / "every")
    assert (every.has_every_result, [frame.frame_id for frame in inspected_frames(every)]) == (True, [0, 1, 2])
    some = write_free_running(tmp_path / "some", max_results_hz=1.0)
    assert (some.has_every_result, [frame.frame_id for frame in inspected_frames(some)]) == (False, [0, 1])


def test_settings_that_this_version_does_not_know_are_named(tmp_path: Path) -> None:
    recording = write_free_running(tmp_path / "r", deadline=3.0)
    with pytest.raises(RecordingError, match=r"recording.json: flow.deadline: unknown key"):
        recorded_settings(recording)
