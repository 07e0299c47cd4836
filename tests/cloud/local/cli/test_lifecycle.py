"""The engine as a process: up, down, what it leaves, and how it stands."""

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from cloud_side.local.cli.arguments import default_home
from cloud_side.local.home import Home, engine_in, sole_engine
from tests.cloud.local.cli.conftest import make_machines
from tests.cloud.local.cli.program import PATIENCE_S, Program, spawn


def test_an_engine_goes_up_once_and_down_and_tells_what_is_left(stopped: Program) -> None:
    up = stopped.local("up", "--workers", "2")
    assert up.code == 0, up.err
    pid = engine_in(Home(stopped.home))
    assert up.lines[0] == f"the engine runs in {stopped.home}, process id {pid}"
    assert up.lines[-1] == f"  export EDGE_INSPECTOR_ENGINE=local:{stopped.home}"
    again = stopped.local("up")
    assert (again.code, again.out) == (0, f"the engine runs already in {stopped.home}, process id {pid}\n")

    make_machines(stopped.home, "parts")
    stopped.local("start", "parts", "--input", '{"parts": [], "pause": true}', "--name", "long")
    down = stopped.local("down")
    assert down.lines == [
        f"the engine in {stopped.home} has ended",
        "executions that go on with the next `up`: 1",
    ]
    assert stopped.local("down").out == f"no engine runs in {stopped.home}\n"
    assert "the engine runs" in stopped.local("logs").out

    waits = stopped.local("start", "parts", "--input", '{"parts": []}')
    assert waits.code == 0
    assert waits.err == f"no engine runs in {stopped.home}: nothing moves until `edge-inspector-cloud local up`\n"


def test_without_a_home_commands_say_so_and_make_none(stopped: Program) -> None:
    for command in (("status",), ("machines",), ("executions",), ("start", "parts"), ("show", "x"), ("logs",)):
        ended = stopped.local(*command)
        assert ended.code == 65
        assert ended.err.startswith(
            f"edge-inspector-cloud: error: {stopped.home}: no engine has run here; start one by"
        )
    assert stopped.local("down").code == 0
    assert not stopped.home.exists()


def test_an_engine_that_cannot_start_says_why(stopped: Program) -> None:
    Home(stopped.home).make()
    with closing(sqlite3.connect(Home(stopped.home).database)) as connection:
        connection.execute("PRAGMA user_version = 99")

    ended = stopped.local("up")
    assert ended.code == 78
    assert "engine.sqlite: has version 99, expected" in ended.err
    assert ended.err.count("\n") == 1


def test_a_home_that_cannot_be_made_is_the_configurations_fault(stopped: Program) -> None:
    stopped.home.write_text("a file")

    ended = stopped.local("up")
    assert ended.code == 78
    assert "cannot be the engine's folder" in ended.err


@pytest.mark.nightly  # each day the same engine is ended by a signal, and a second one refused in the foreground
def test_an_engine_runs_in_the_foreground_until_it_is_interrupted(stopped: Program) -> None:
    with spawn("local", "up", "--home", stopped.home, "--foreground") as process:
        assert process.stderr is not None
        assert "the engine runs" in process.stderr.readline()
        assert engine_in(Home(stopped.home)) == process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0


def test_down_does_not_wait_for_ever(stopped: Program) -> None:
    Home(stopped.home).make()
    with subprocess.Popen(["sleep", "60"]) as sleeper, sole_engine(Home(stopped.home)):
        (stopped.home / "lock").write_text(f"{sleeper.pid}\n")  # somebody who holds the lock and does not end
        ended = stopped.local("down", "--patience", "1")
        sleeper.wait(PATIENCE_S)

        assert ended.code == 65
        assert f"process {sleeper.pid} has not ended in 1 s" in ended.err

        os.truncate(stopped.home / "lock", 0)
        ended = stopped.local("down")
        assert ended.code == 65
        assert "an engine runs here, but not which process it is" in ended.err


def test_the_status_tells_what_waits_and_how_much_room_it_takes(program: Program) -> None:
    program.local("start", "parts", "--input", '{"parts": [], "pause": true}', "--name", "waiting")
    pid = engine_in(Home(program.home))
    try:
        lines = _status_with(program, "waiting")
        assert lines[0] == f"engine      runs, process id {pid}"
        assert lines[1].startswith(f"home        {program.home}, ")
        assert "running 1" in lines[2]
        row = next(line for line in lines if line.startswith("parts/waiting"))
        assert row.split()[1:4] == ["Pause", "a", "time"]

        found = json.loads(program.local("status", "--json").out)
        assert found["pid"] == pid
        assert found["executions"]["RUNNING"] == 1
        assert [(each["execution"], each["state"]) for each in found["waiting"]] == [("parts/waiting", "Pause")]
        assert found["sizes"]["database"] > 0
    finally:
        program.local("stop", "waiting")


def _status_with(program: Program, name: str) -> list[str]:
    while "a time" not in (ended := program.local("status")).out:
        assert ended.code == 0
        assert name
    return ended.lines


@pytest.mark.parametrize(
    ("environment", "home"),
    [
        ({"EDGE_INSPECTOR_CLOUD_HOME": "/a", "XDG_STATE_HOME": "/b"}, "/a"),
        ({"XDG_STATE_HOME": "/b"}, "/b/edge-inspector-cloud"),
        ({}, f"{Path.home()}/.local/state/edge-inspector-cloud"),
    ],
)
def test_the_home_is_where_the_environment_says(environment: dict[str, str], home: str) -> None:
    assert default_home(environment) == Path(home)
