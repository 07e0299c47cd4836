import contextlib
import hashlib
import io
import itertools
import json
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_inspector.app import SHIPPED_MODEL
from edge_inspector.cli import main
from edge_inspector.configuration.reading import read_settings
from edge_inspector.simulation import plan_tag, render_tag
from tests.daemons import Daemon, run_command, write_configuration
from tests.models.made import spot_package
from tests.models.stations import with_running
from tests.onnx_models import bright_spot_model
from tests.replay.recordings import lines

DIFFERENT, UNUSABLE = 1, 65
PATIENT = {"deadline_ms": 60_000, "staleness_ms": 60_000}


def configure(tmp_path: Path, **sections: Any) -> Path:
    """Write the configuration of a station with the shipped model, and without hurry."""
    document = {
        "station": {"site": "hall", "line": "line-1", "station": "station-2", "camera": "top"},
        "state": {"dir": str(tmp_path / "state")},
        "flow": PATIENT,
        **sections,
    }
    path = tmp_path / "station.json"
    path.write_text(json.dumps(document))
    return path


def record(tmp_path: Path, configuration: Path, *more: str) -> Path:
    folder = tmp_path / "recording"
    ended = run_command("run", "-c", configuration, "--record", folder, *more)
    assert ended.returncode == 0, ended.stderr
    return folder


def record_here(tmp_path: Path, configuration: Path, *more: str) -> Path:
    """Run the same command in this process, which has loaded everything already."""
    folder = tmp_path / "recording"
    assert main(["run", "-c", str(configuration), "--record", str(folder), *more]) == 0
    return folder


def replay(folder: Path, *more: str | Path, code: int = 0) -> str:
    ended = run_command("replay", folder, *more)
    return checked(ended.returncode, ended.stdout, ended.stderr, code)


def replay_here(folder: Path, *more: str | Path, code: int = 0) -> str:
    """Run the same command in this process, which has loaded everything already."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout, contextlib.redirect_stderr(io.StringIO()) as stderr:
        found = main(["replay", str(folder), *map(str, more)])
    return checked(found, stdout.getvalue(), stderr.getvalue(), code)


def checked(found: int, stdout: str, stderr: str, code: int) -> str:
    """Return what was shown: the findings, or the one error."""
    assert found == code, stdout + stderr
    if code != UNUSABLE:
        assert stderr == ""
        return stdout
    (error,) = stderr.splitlines()
    assert error.startswith("edge-inspector: error: ")
    return error


def compared(shown: str) -> tuple[int, int, int]:
    """Return how many results were compared, were equal and were different."""
    match = re.search(r"^(\d+) results?: (\d+) equal, (\d+) different$", shown, re.MULTILINE)
    assert match is not None, shown
    return int(match[1]), int(match[2]), int(match[3])


def write_images(folder: Path, count: int, *, damaged: Sequence[int] = ()) -> Path:
    folder.mkdir()
    for number in range(count):
        image = render_tag(plan_tag(3, number, image_wh=(450, 300), defect_rate=1.0 if number < 4 else 0.0))
        _, content = cv2.imencode(".png", image)
        whole = content.tobytes()
        (folder / f"{number:02d}.png").write_bytes(whole[: len(whole) // 2] if number in damaged else whole)
    return folder


def seal(folder: Path) -> None:
    """Write the sums of a recording's files again, after a change that is meant."""
    end = json.loads((folder / "end.json").read_text())
    end["sha256"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in end["sha256"]}
    (folder / "end.json").write_text(json.dumps(end))


def change(path: Path, **settings: Any) -> None:
    document = json.loads(path.read_text())
    document["settings"] |= settings
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ({"type": "simulated", "rate_hz": 30, "count": 16, "defect_rate": 0.5}, 16),
        ({"type": "simulated", "rate_hz": 12, "count": 6, "frames_per_part": 3, "defect_rate": 0.5}, 6),
        ({"type": "simulated", "rate_hz": 40, "count": 48, "trigger": "free_running", "defect_rate": 1.0}, None),
    ],
    ids=["triggered", "three frames a part", "free-running"],
)
def test_a_replay_gives_the_same_results(tmp_path: Path, source: dict[str, Any], parts: int | None) -> None:
    folder = record_here(tmp_path, configure(tmp_path, source=source))
    results = lines(folder / "results.jsonl")
    outcomes = {result["outcome"] for result in results}
    assert outcomes >= {"accept", "reject"}
    assert any(result["detections"] for result in results)
    if parts is None:
        assert {"new", "end"} <= {result["phase"] for result in results if result["kind"] == "track"}
    else:
        assert [result["part_id"] for result in results] == [f"part-{number:06d}" for number in range(parts)]
    assert compared(replay_here(folder)) == (len(results), len(results), 0)


@pytest.mark.parametrize("frames_per_part", [pytest.param(1, marks=pytest.mark.nightly), 2])
def test_damaged_and_missing_frames_come_out_again(tmp_path: Path, frames_per_part: int) -> None:
    images = write_images(tmp_path / "images", 9, damaged=[4])
    source = {"type": "directory", "path": str(images), "frames_per_part": frames_per_part}
    folder = record_here(tmp_path, configure(tmp_path, source=source))
    causes = {result["no_verdict"]["cause"] for result in lines(folder / "results.jsonl") if "no_verdict" in result}
    assert causes == ({"frame_damaged"} if frames_per_part == 1 else {"frame_damaged", "frame_missing"})
    (damaged,) = [frame for frame in lines(folder / "frames.jsonl") if "problem" in frame]
    assert (damaged["source"], "file" in damaged) == ("04.png", False)
    count = 9 if frames_per_part == 1 else 5
    assert compared(replay_here(folder)) == (count, count, 0)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of images of which some are rejected."""
    tmp_path = tmp_path_factory.mktemp("recorded")
    source = {"type": "directory", "path": str(write_images(tmp_path / "images", 8))}
    return record(
        tmp_path, configure(tmp_path, source=source, mqtt={"username": "u", "password": "Tr0ub4dor", "port": 1})
    )


@pytest.fixture
def copied(tmp_path: Path, recording: Path) -> Path:
    """Return a copy of the recording, to damage it."""
    folder = tmp_path / "copied"
    for path in recording.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(recording)).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.relative_to(recording)).write_bytes(path.read_bytes())
    return folder


def with_lower_thresholds(folder: Path) -> dict[str, Any]:
    sha256 = json.loads((folder / "recording.json").read_text())["model"]["sha256"]
    return {"override": {"model_sha256": sha256, "classes": {"scratch": {"review_at": 0.99, "reject_at": 1.0}}}}


def test_a_recording_has_no_secret_and_says_what_it_was_made_with(recording: Path) -> None:
    text = (recording / "recording.json").read_text()
    assert "Tr0ub4dor" not in text
    header = json.loads(text)
    assert header["schema"] == "edge-inspector/recording/2"
    assert set(header["versions"]) == {"edge-inspector", "python", "numpy", "opencv", "onnxruntime"}
    assert header["model"]["name"] == "metal-tags"
    assert header["processor"]


def test_a_changed_threshold_is_found_and_named(copied: Path, tmp_path: Path) -> None:
    change(copied / "recording.json", policy=with_lower_thresholds(copied))
    seal(copied)
    shown = replay_here(copied, "--json", tmp_path / "found.json", code=DIFFERENT)
    total, equal, different = compared(shown)
    assert (total, different > 0) == (8, True)
    assert "outcome: expected 'reject', found 'accept'" in shown
    document = json.loads((tmp_path / "found.json").read_text())
    assert (document["what_if"], document["equal"]) == ([], equal)
    assert document["differences"][0]["field"] == "outcome"


def test_another_configuration_is_a_table_of_what_it_changes(recording: Path, tmp_path: Path) -> None:
    other = configure(tmp_path, policy=with_lower_thresholds(recording))
    shown = replay_here(recording, "-c", other, "--json", tmp_path / "found.json")
    assert "what if: another [policy] section" in shown
    assert re.search(r"reject -> accept +\d+  part 0\d\.png", shown)
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["what_if"] == ["another [policy] section"]
    assert document["changes"][0]["after"] == "accept"


def test_the_same_configuration_and_model_is_a_strict_replay_here(recording: Path, tmp_path: Path) -> None:
    assert compared(replay_here(recording, "-c", configure(tmp_path), "--model", SHIPPED_MODEL)) == (8, 8, 0)


def test_another_model_is_a_table_of_what_it_changes(recording: Path, tmp_path: Path) -> None:
    shown = replay_here(recording, "--model", bright_spot_model(tmp_path / "model"))
    assert re.search(r"what if: model bright-spot \S+ \(\w{12}\) instead of model metal-tags \S+ \(\w{12}\)", shown)
    assert "8 results: " in shown


def configure_updated(tmp_path: Path, running: Path | None, **sections: Any) -> Path:
    """Write the configuration of a station whose models are updated, and let a package run there."""
    path = configure(tmp_path, model={"updates": {"folder": str(tmp_path / "updates")}}, **sections)
    if running is not None:
        with_running(read_settings(path), running)
    return path


def test_another_configuration_brings_the_model_that_runs_in_its_own_home(recording: Path, tmp_path: Path) -> None:
    package, file = spot_package(tmp_path / "spot", "1.1.0"), tmp_path / "found.json"
    replay_here(recording, "-c", configure_updated(tmp_path, package), "--json", file)
    found = json.loads(file.read_text())
    (what_if,) = found["what_if"]
    assert re.fullmatch(r"model spot 1\.1\.0 \(\w{12}\) instead of model metal-tags \S+ \(\w{12}\)", what_if)
    assert found["changes"]
    replay_here(recording, "--model", package, "--json", file)
    assert json.loads(file.read_text()) == found


def test_another_model_goes_before_the_one_that_an_update_has_left(copied: Path, tmp_path: Path) -> None:
    change(copied / "recording.json", state={"dir": str(tmp_path / "state")})  # the home of the other configuration
    seal(copied)
    other = configure_updated(tmp_path, spot_package(tmp_path / "spot", "1.1.0"))
    assert compared(replay_here(copied, "-c", other, "--model", SHIPPED_MODEL)) == (8, 8, 0)


def test_frames_that_were_gathered_without_a_model_get_the_one_that_an_update_has_left(tmp_path: Path) -> None:
    source = {"type": "simulated", "rate_hz": 200, "count": 3, "image_wh": [96, 64]}
    collects = configure_updated(tmp_path, None, source=source, samples={"mode": "collect"})
    folder = record_here(tmp_path, collects)
    assert compared(replay_here(folder, "-c", collects)) == (3, 3, 0)
    shown = replay_here(folder, "-c", configure_updated(tmp_path, spot_package(tmp_path / "spot", "1.1.0")))
    assert re.search(r"^what if: model spot 1\.1\.0 \(\w{12}\) instead of no model$", shown, re.MULTILINE)
    shown = replay_here(folder, "--model", SHIPPED_MODEL)
    assert re.search(r"^what if: model metal-tags \S+ \(\w{12}\) instead of no model$", shown, re.MULTILINE)


def test_a_flipped_pixel_is_one_clear_error(copied: Path) -> None:
    path = copied / "frames" / "000003.png"
    image = np.array(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    image[5, 5] ^= 1
    cv2.imwrite(str(path), image)
    assert "frames/000003.png: expected pixels with sha256 " in replay_here(copied, code=UNUSABLE)


def test_a_cut_list_of_frames_is_one_clear_error(copied: Path) -> None:
    path = copied / "frames.jsonl"
    path.write_bytes(path.read_bytes()[:-100])
    assert "frames.jsonl: expected sha256 " in replay_here(copied, code=UNUSABLE)


def test_another_environment_is_a_remark(copied: Path) -> None:
    document = json.loads((copied / "recording.json").read_text())
    document["versions"]["onnxruntime"] = "0.1"
    (copied / "recording.json").write_text(json.dumps(document))
    seal(copied)
    shown = replay_here(copied)
    assert f"{copied}: recorded with another onnxruntime: 0.1; here it is " in shown
    assert compared(shown) == (8, 8, 0)


def test_the_daemon_runs_on_when_the_recording_has_its_frames(tmp_path: Path) -> None:
    source = {"type": "simulated", "rate_hz": 30, "count": 5, "frames_per_part": 2, "image_wh": [96, 64]}
    configuration = write_configuration(
        tmp_path / "s.json", bright_spot_model(tmp_path / "model"), source=source, flow=PATIENT,
        state={"dir": str(tmp_path / "state")},
    )  # fmt: skip
    folder = record_here(tmp_path, configuration, "--record-frames", "5")
    assert len(lines(folder / "frames.jsonl")) == 5
    assert [result["part_id"] for result in lines(folder / "results.jsonl")] == ["part-000000", "part-000001"]
    shown = replay_here(folder)
    assert compared(shown) == (2, 2, 0)
    assert "the recording ended before its session: 5 frames were recorded" in shown
    assert "1 result of the last frames: the recording had ended" in shown


@pytest.mark.thorough
def test_a_recording_of_a_killed_daemon_is_replayed_up_to_its_end(tmp_path: Path) -> None:
    configuration = write_configuration(
        tmp_path / "s.json", bright_spot_model(tmp_path / "model"), state={"dir": str(tmp_path / "state")}, flow=PATIENT
    )
    folder = tmp_path / "recording"
    program = f'exec "$0" -m edge_inspector "$@" --record {folder}'
    with Daemon(configuration, command=("sh", "-c", program, sys.executable)) as daemon:
        for number in itertools.count(20, 20):  # until some are on disk
            daemon.wait_for(f"part-{number:06d}")
            if len(lines(folder / "results.jsonl")) >= 15:
                break
        daemon.stop(signal.SIGKILL)
    assert not (folder / "end.json").exists()
    shown = replay(folder)
    assert "the recording was cut off: it has no end" in shown
    total, equal, different = compared(shown)
    assert (total >= 15, equal, different) == (True, total, 0)
