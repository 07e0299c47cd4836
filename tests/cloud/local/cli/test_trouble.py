"""What goes wrong around a command (disks, folders, engines that were killed) is one line, and does no harm."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.local.home import Home, engine_in
from tests.cloud.local.cli.conftest import make_machines
from tests.cloud.local.cli.program import PATIENCE_S, Ended, Program, spawn
from tests.small_disk import fill, set_read_only, small_disk

BAD_WORKFLOW = """
from pathlib import Path
from cloud_side import all_workflows
from cloud_side.workflows import Workflow
all_workflows.WORKFLOWS = (Workflow("bad", Path("/none/bad.asl.json")),)
"""


def said(ended: Ended, code: int = 65) -> str:
    """Return the one line of an error."""
    assert ended.code == code, ended.err
    assert ended.err.count("\n") == 1, ended.err
    return ended.err.removeprefix("edge-inspector-cloud: error: ")


@pytest.fixture
def on_small_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[Program, Path]]:
    with small_disk(tmp_path / "disk", size="4m") as disk:
        make_machines(disk / "engine")
        yield Program(disk / "engine", capsys), disk


def test_on_a_full_disk_nothing_is_started_and_all_can_be_looked_at(on_small_disk: tuple[Program, Path]) -> None:
    program, disk = on_small_disk
    assert program.local("start", "parts-again", "--name", "before").code == 0
    ballast = fill(disk, leave=0)

    refused = program.local("start", "parts-again", "--name", "no-room", "--input", f'"{"x" * 100_000}"')
    assert said(refused) == f"{program.home}: the engine's folder cannot be read or written: database or disk is full\n"
    assert "before: running" in program.local("show", "before").out
    assert "no-room" not in program.local("executions").out
    assert "executions  running 1" in program.local("status").out
    ballast.unlink()
    assert program.local("start", "parts-again", "--name", "no-room").code == 0


def test_on_a_read_only_disk_every_command_says_so(on_small_disk: tuple[Program, Path]) -> None:
    program, disk = on_small_disk
    set_read_only(disk, on=True)
    for command, code in ((("start", "parts-again"), 78), (("machines",), 78), (("status",), 65), (("up",), 65)):
        assert str(program.home) in said(program.local(*command), code)
    set_read_only(disk, on=False)
    assert program.local("machines").code == 0


def test_a_file_that_is_no_database_is_one_line_for_every_command(stopped: Program) -> None:
    stopped.home.mkdir()
    Home(stopped.home).database.write_bytes(b"none at all" * 1000)
    assert "file is not a database" in said(stopped.local("machines"), 78)
    assert "file is not a database" in said(stopped.local("status"))


def test_a_folder_that_is_none_of_ours_is_left_alone(stopped: Program) -> None:
    stopped.home.mkdir()
    assert stopped.local("down").code == 0
    assert "no engine has run here" in said(stopped.run("local", "status", "--home", "~nobody-of-this-name/x"))
    assert not list(stopped.home.iterdir())


def test_a_slip_in_the_engines_name_makes_no_engine(stopped: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, f"local:{stopped.home}")
    for command in (("machines",), ("start", "parts"), ("show", "x")):
        assert said(stopped.run("workflows", *command)).startswith(f"{stopped.home}: no engine has run here")
    assert not stopped.home.exists()


def test_an_empty_name_means_nothing(program: Program) -> None:
    for command in ("show", "stop", "redrive"):
        assert said(program.local(command, "")).startswith("found an empty name, expected the name of an execution")
    assert said(program.local("start", "")).startswith("found an empty name, expected the name of a machine")


def test_a_second_engine_is_refused_and_options_are_not_passed_over(program: Program) -> None:
    pid = engine_in(Home(program.home))
    up = program.local("up", "--workers", "3")
    assert up.out.startswith("the engine runs already")
    assert up.err == "it runs as it was started; for --workers 3 end it first by `local down`\n"
    second = program.local("up", "--foreground")
    assert f"another engine runs here, its process id is {pid}" in said(second, 78)


def test_without_an_engine_the_other_family_warns_too(stopped: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    make_machines(stopped.home, "parts")
    monkeypatch.setenv(ENGINE_VARIABLE, f"local:{stopped.home}")
    assert stopped.run("workflows", "start", "parts").err.startswith(f"no engine runs in {stopped.home}: nothing moves")


def test_a_bad_workflow_is_told_at_the_start_and_a_kill_stands_in_nobodys_way(
    stopped: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BAD_WORKFLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    make_machines(stopped.home, "parts")
    up = stopped.local("up")
    pid = engine_in(Home(stopped.home))
    assert (up.code, up.lines[0]) == (0, f"the engine runs in {stopped.home}, process id {pid}")
    assert up.err.startswith(
        "warning: bad: was not installed, what was there before stays: /none/bad.asl.json: cannot be read"
    )

    assert pid
    assert stopped.local("start", "parts", "--input", '{"parts": [], "pause": true}', "--name", "long").code == 0
    os.kill(pid, signal.SIGKILL)
    while engine_in(Home(stopped.home)) is not None:
        time.sleep(0.01)
    assert "does not run" in stopped.local("status").lines[0]
    assert stopped.local("down").out == f"no engine runs in {stopped.home}\n"
    assert stopped.local("show", "long").lines[0] == "long: running"


@pytest.mark.nightly
def test_of_two_that_start_an_engine_at_once_both_get_the_same(stopped: Program) -> None:
    with spawn("local", "up", "--home", stopped.home) as one, spawn("local", "up", "--home", stopped.home) as other:
        ended = [each.communicate(timeout=PATIENCE_S) for each in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), ended
    pid = engine_in(Home(stopped.home))
    assert all(f"process id {pid}\n" in out for out, _ in ended)
