"""The loop as a whole: real daemons, broker and engine, people at both pages, a real training."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.home import Home, engine_in
from cloud_side.loop.playing import REPORT, play_in
from cloud_side.loop.settings import Wish
from cloud_side.loop.story import Story

PATIENCE_S = 120


def played(out: Path, *, is_unhappy: bool) -> tuple[Story, list[str]]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE_VARIABLE, local_engine(out / "engine"))  # which the loop sets, too
        story = play_in(Wish.of(out, is_short=True, is_unhappy=is_unhappy), said.append)
    return story, said


@pytest.mark.thorough
@pytest.mark.timeout(1200)
def test_a_line_whose_defects_change_gets_a_model_that_finds_them(tmp_path: Path) -> None:
    story, said = played(tmp_path / "loop", is_unhappy=False)
    whole = next(each for each in story.outcome.comparisons if each.name == "all stations")
    assert story.outcome.as_promised, said
    assert whole.after.escapes.share.high < whole.before.escapes.share.value
    assert (tmp_path / "loop" / REPORT).is_file()
    assert engine_in(Home(tmp_path / "loop" / "engine")) is None


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_a_model_that_was_taught_wrong_comes_back_by_itself(tmp_path: Path) -> None:
    story, said = played(tmp_path / "loop", is_unhappy=True)
    assert story.outcome.as_promised, said
    assert "was taken back by the canary alone" in story.outcome.headline


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_ctrl_c_ends_all_of_it_and_leaves_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "loop"
    command = [sys.executable, "-m", "cloud_side.cli", "loop", "--short", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "The line as it was" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
    assert "It was ended by a person" in (out / REPORT).read_text(encoding="utf-8")
    assert engine_in(Home(out / "engine")) is None
    assert [each for each in Path("/proc").glob("[0-9]*/cmdline") if str(out).encode() in _read(each)] == []


def _read(path: Path) -> bytes:
    for _ in range(3):
        try:
            return path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            time.sleep(0.01)
    return b""
