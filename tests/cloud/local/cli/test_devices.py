"""Daemons become core devices by the command line, as a person does it."""

import json
from pathlib import Path

import pytest

from cloud_side.local.devices.inspector import MODEL
from tests.cloud.local.cli.program import Ended, Program
from tests.cloud.local.fleet import Fleet, recipe_of


@pytest.fixture
def devices(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(fleet.home.folder, capsys)


def device(program: Program, command: str, *arguments: str | Path) -> Ended:
    return program.run("local", "device", command, "--home", program.home, *arguments)


@pytest.mark.parametrize("command", [(), ("add",), ("list",), ("remove",), ("offline",), ("online",)], ids=" ".join)
def test_the_help_of_every_command_has_an_example_of_it(devices: Program, command: tuple[str, ...]) -> None:
    ended = devices.run("local", "device", *command, "--help")
    assert ended.code == 0
    _, _, examples = ended.out.partition("examples:\n")
    assert examples.strip().startswith(" ".join(("edge-inspector-cloud local device", *command)))


def test_a_device_is_added_gets_what_its_group_has_and_is_removed(
    devices: Program, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    added = device(devices, "add", "press-7", "--models", "updates", "--group", "canary", "--group", "hall")
    assert (added.code, added.err) == (0, "")
    assert added.lines == [
        "press-7 is a core device in canary, hall; its daemon needs",
        f'  "model": {{"updates": {{"folder": "{tmp_path}/updates"}}}}',
    ]
    fleet.publish(recipe_of(MODEL, lifecycle={"install": "echo a >{work:path}/models/a"}))
    fleet.settle()
    fleet.deploy("canary", {MODEL: "1.0.0"})
    fleet.settle()
    assert (tmp_path / "updates" / "a").exists()
    heads, row = device(devices, "list").lines
    assert heads.split()[:5] == ["DEVICE", "REACHED", "HEALTH", "DEPLOYMENT", "MODEL"]
    assert row.split()[:-1] == ["press-7", "online", "healthy", "succeeded", "1.0.0", "canary,", "hall"]
    (plain,) = json.loads(device(devices, "list", "--json").out)
    assert (plain["thing"], plain["reason"], plain["groups"]) == ("press-7", "SUCCESSFUL", ["canary", "hall"])
    assert plain["models"] == str(tmp_path / "updates")

    removed = device(devices, "remove", "press-7")
    assert removed.out == "press-7 is no core device any more; its daemon goes on with the model that it has\n"
    assert device(devices, "list").out == "no devices\n"
    assert (tmp_path / "updates" / "a").exists()


def test_a_device_is_out_of_reach_and_comes_back(devices: Program, fleet: Fleet, tmp_path: Path) -> None:
    device(devices, "add", "press-7", "--models", tmp_path / "updates", "--group", "canary")
    assert device(devices, "offline", "press-7").out.startswith("press-7 is offline; what is deployed waits")
    deployment = fleet.deploy("canary", {})
    fleet.settle()
    assert device(devices, "list").lines[1].split()[1:4] == ["offline", "healthy", "queued"]
    assert device(devices, "online", "press-7").out == "press-7 is online\n"
    fleet.settle()
    assert fleet.status("press-7", deployment) == "SUCCEEDED"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("remove", "gone"), 78, "gone: found no such core device, expected one that was registered"),
        (("offline", "gone"), 78, "gone: found no such core device"),
        (("add", "press 7", "--models", "a"), 78, "found 'press 7', expected 1 to 128 letters"),
        (("add", "press-7", "--models", "a", "--configuration", "a.toml"), 78, "expected a JSON file"),
        (("add", "press-7"), 2, "--models"),
        (("online",), 2, "THING"),
    ],
)
def test_what_cannot_be_done_is_said(devices: Program, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended = device(devices, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


def test_without_a_home_commands_say_so_and_make_none(stopped: Program) -> None:
    for arguments in (("add", "press-7", "--models", "a"), ("list",), ("remove", "press-7")):
        ended = device(stopped, *arguments)
        assert ended.code == 65
        assert "no engine has run here" in ended.err
    assert not stopped.home.exists()
