"""Daemons of this machine become core devices, and cease to be."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cloud_side.local.database import Database
from cloud_side.local.devices.chore import CoreDevices
from cloud_side.local.devices.inspector import MODEL
from cloud_side.local.devices.registering import CoreDevice, register, set_offline, unregister
from cloud_side.local.services.iot.registry import group_arn
from edge_inspector.durable import make_folders
from edge_inspector.errors import ConfigError
from tests.cloud.local.fleet import Fleet, is_alive, recipe_of


def test_a_device_is_a_thing_in_its_groups_and_may_be_registered_again(fleet: Fleet, tmp_path: Path) -> None:
    fleet.iot.create_thing(thingName="press-7", attributePayload={"attributes": {"line": "3"}})
    fleet.iot.create_thing_group(thingGroupName="site", thingGroupProperties={"thingGroupDescription": "north"})
    for _ in range(2):
        fleet.add_device("press-7", "site", "canary", folder=tmp_path)
    groups = fleet.iot.list_thing_groups_for_thing(thingName="press-7")["thingGroups"]
    assert [group["groupName"] for group in groups] == ["canary", "site"]
    found = fleet.greengrass.get_core_device(coreDeviceThingName="press-7")
    assert (found["status"], found["platform"], found["runtime"]) == ("HEALTHY", "linux", "aws_nucleus_classic")
    assert fleet.iot.describe_thing(thingName="press-7")["attributes"] == {"line": "3"}


@pytest.mark.parametrize(
    ("device", "groups", "said"),
    [
        (CoreDevice("press 7", Path("/a")), (), "found 'press 7', expected 1 to 128 letters"),
        (CoreDevice("../press", Path("/a")), (), "found '../press'"),
        (CoreDevice("press-7", Path("/a")), ("a b",), "found 'a b'"),
        (CoreDevice("press-7", Path("a")), (), "found the path a, expected an absolute one"),
        (CoreDevice("press-7", Path("/a"), Path("/a.toml")), (), "expected a JSON file"),
        (CoreDevice("press-7", Path("/taken")), (), "which is press-1's; expected one of its own"),
    ],
)
def test_what_cannot_be_a_device_is_said(fleet: Fleet, device: CoreDevice, groups: tuple[str, ...], said: str) -> None:
    register(fleet.database, CoreDevice("press-1", Path("/taken")))
    with pytest.raises(ConfigError, match=said):
        register(fleet.database, device, groups)
    listed = fleet.greengrass.list_core_devices()["coreDevices"]
    assert [each["coreDeviceThingName"] for each in listed] == ["press-1"]


def test_only_a_device_can_be_offline(fleet: Fleet) -> None:
    with pytest.raises(ConfigError, match="found no such core device"):
        set_offline(fleet.database, "gone", is_offline=True)


def test_a_device_whose_folder_cannot_be_written_does_not_hold_up_the_others(
    fleet: Fleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for thing in ("press-1", "press-2"):
        fleet.add_device(thing, "canary", folder=tmp_path)
    (fleet.home.devices / "press-1").write_text("no folder")
    fleet.publish(recipe_of())
    fleet.settle()
    deployment = fleet.deploy("canary", {"com.example.Part": "1.0.0"})
    fleet.run_until(lambda: fleet.statuses(deployment)["press-2"] == "SUCCEEDED")
    assert fleet.statuses(deployment)["press-1"] == "IN_PROGRESS"
    assert "core device press-1: " in caplog.text
    (fleet.home.devices / "press-1").unlink()
    fleet.clock.go_on(seconds=6)
    fleet.settle()
    assert fleet.statuses(deployment)["press-1"] == "SUCCEEDED"


def test_a_device_that_fails_in_any_way_does_not_hold_up_the_others(
    fleet: Fleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for thing in ("press-1", "press-2"):
        fleet.add_device(thing, "canary", folder=tmp_path)
    fleet.publish(recipe_of())
    fleet.settle()
    deployment = fleet.deploy("canary", {"com.example.Part": "1.0.0"})
    with fleet.database.transaction() as connection:
        connection.execute("INSERT INTO greengrass_roots VALUES ('press-1', ?, 'no JSON')", (group_arn("canary"),))
    fleet.run_until(lambda: fleet.statuses(deployment)["press-2"] == "SUCCEEDED")
    assert "core device press-1: " in caplog.text


def test_a_configuration_is_of_one_device(fleet: Fleet, tmp_path: Path) -> None:
    fleet.add_device("press-1", folder=tmp_path, configuration=tmp_path / "station.json")
    with pytest.raises(ConfigError, match=r"station.json, which is press-1's; expected one of its own"):
        fleet.add_device("press-2", folder=tmp_path, configuration=tmp_path / "station.json")


def test_a_device_with_a_new_folder_gets_again_what_its_groups_have(fleet: Fleet, tmp_path: Path) -> None:
    fleet.add_device("press-1", "canary", folder=tmp_path)
    fleet.publish(recipe_of(MODEL, lifecycle={"install": "echo a >{work:path}/models/a"}))
    fleet.settle()
    deployment = fleet.deploy("canary", {MODEL: "1.0.0"})
    fleet.settle()
    device = fleet.add_device("press-1", folder=tmp_path / "new")
    fleet.settle()
    assert fleet.status("press-1", deployment) == "SUCCEEDED"
    assert (device.models / "a").exists()


def test_a_removed_device_leaves_its_thing_alone_and_gets_everything_when_it_comes_back(
    fleet: Fleet, tmp_path: Path
) -> None:
    fleet.add_device("press-1", "canary", folder=tmp_path)
    script = "echo $$ >{work:path}/new; mv {work:path}/new {work:path}/pid; test -f {work:path}/go || sleep 600"
    fleet.publish(recipe_of(lifecycle={"install": script}))
    fleet.settle()
    deployment = fleet.deploy("canary", {"com.example.Part": "1.0.0"})
    work = fleet.home.devices / "press-1" / "work" / "com.example.Part"
    fleet.run_until((work / "pid").exists)
    sleeping = (work / "pid").read_text().strip()
    unregister(fleet.database, fleet.home, "press-1")
    fleet.run_until(lambda: not is_alive(sleeping))
    assert not (fleet.home.devices / "press-1").exists()
    fleet.settle()
    assert fleet.statuses(deployment) == {}
    assert fleet.greengrass.list_core_devices()["coreDevices"] == []
    assert fleet.iot.list_thing_groups_for_thing(thingName="press-1")["thingGroups"] == []
    with pytest.raises(ConfigError, match="press-1: found no such core device"):
        unregister(fleet.database, fleet.home, "press-1")

    fleet.add_device("press-1", "canary", folder=tmp_path)
    make_folders(work)
    (work / "go").touch()
    fleet.settle()
    assert fleet.status("press-1", deployment) == "SUCCEEDED"


class Unregistering(Database):
    """Lets the command line remove a device just before the engine's transaction of some number."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        super().__init__(fleet.home.database, ())
        self._fleet, self._left = fleet, number

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self._left -= 1
        if self._left == -1:
            unregister(self._fleet.database, self._fleet.home, "press-1")
        with super().transaction() as connection:
            yield connection


@pytest.mark.parametrize("number", range(5), ids=["begin", "prepare", "start", "end of script", "finish"])
def test_a_device_that_is_removed_during_a_step_stays_removed(fleet: Fleet, tmp_path: Path, number: int) -> None:
    fleet.add_device("press-1", "canary", folder=tmp_path)
    fleet.publish(recipe_of())
    fleet.settle()
    fleet.deploy("canary", {"com.example.Part": "1.0.0"})
    with closing(Unregistering(fleet, number)) as database:
        fleet.devices = CoreDevices(fleet.home, database, clock=fleet.clock)
        fleet.settle()
    assert fleet.greengrass.list_core_devices()["coreDevices"] == []
    for table in ("executions", "work", "installed", "roots"):
        assert fleet.database.connection().execute(f"SELECT * FROM greengrass_{table}").fetchall() == [], table
