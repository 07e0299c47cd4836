"""Daemons of this machine become core devices."""

from pathlib import Path

import pytest

from cloud_side.local.devices.registering import CoreDevice, register, set_offline
from edge_inspector.errors import ConfigError
from tests.cloud.local.fleet import Fleet, recipe_of


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
