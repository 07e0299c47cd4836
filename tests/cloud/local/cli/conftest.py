"""The command line, and a home in which an engine runs."""

import json
import os
import signal
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import cloud_side.cli
from cloud_side.local.home import Home, engine_in
from cloud_side.local.opening import open_local
from tests.cloud.local.cli.program import Program
from tests.cloud.local.engines import ROLE, opened, running_engine

PATCHED = ("EDGE_INSPECTOR_CLOUD_HOME", "EDGE_INSPECTOR_ENGINE", "NO_COLOR")
MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "Items": "{% $states.input.parts %}",
            "ItemProcessor": {
                "StartAt": "IsGood",
                "States": {
                    "IsGood": {
                        "Type": "Choice",
                        "Choices": [{"Condition": "{% $states.input < 0 %}", "Next": "Bad"}],
                        "Default": "Good",
                    },
                    "Bad": {"Type": "Fail", "Error": "BadPart", "Cause": "{% 'part ' & $string($states.input) %}"},
                    "Good": {"Type": "Pass", "Output": {"part": "{% $states.input %}"}, "End": True},
                },
            },
            "Next": "Pause",
        },
        "Pause": {
            "Type": "Wait",
            "Seconds": "{% $exists($states.context.Execution.Input.pause) ? 600 : 0 %}",
            "End": True,
        },
    },
}


@pytest.fixture(scope="session", autouse=True)
def _prepared_once() -> Iterator[None]:
    """Let all commands share the parser: each program makes it once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cloud_side.cli._parser", cache(cloud_side.cli._parser))
        yield


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PATCHED:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def running_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the home of an engine that runs and knows the machines `parts` and `parts-again`."""
    folder = tmp_path_factory.mktemp("running") / "engine"
    with running_engine(folder), opened(folder) as cloud, pytest.MonkeyPatch.context() as patch:
        make_machines(folder)
        patch.setattr(
            "cloud_side.local.cli.opened.open_local", lambda asked: cloud if asked == folder else open_local(asked)
        )
        while engine_in(Home(folder)) is None:
            time.sleep(0.01)
        yield folder


def make_machines(folder: Path, *names: str) -> None:
    with opened(folder) as cloud:
        client = cloud.session.client("stepfunctions")
        for name in names or ("parts", "parts-again"):
            client.create_state_machine(name=name, definition=json.dumps(MACHINE), roleArn=ROLE)


def stop_engine(folder: Path) -> None:
    if (pid := engine_in(Home(folder))) is not None:
        os.kill(pid, signal.SIGTERM)


@pytest.fixture
def program(running_home: Path, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(running_home, capsys)


@pytest.fixture
def stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Program]:
    """Return the command line for a home that is not there yet."""
    yield Program(tmp_path / "engine", capsys)
    if (tmp_path / "engine").is_dir():
        stop_engine(tmp_path / "engine")
