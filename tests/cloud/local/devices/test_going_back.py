"""What fails on a device, and how the device comes back to what it had."""

import time
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.devices.scripts import Run
from tests.cloud.local.fleet import BUCKET, Fleet, is_alive, key_of, recipe_of

PART, OTHER = "com.example.Part", "com.example.Other"
BROKEN = ["DEPLOYMENT_FAILURE", "COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"]


@pytest.fixture
def press(fleet: Fleet, tmp_path: Path) -> Fleet:
    """A device with version 1.0.0 of the part."""
    fleet.add_device("press-1", "canary", folder=tmp_path)
    told = {"install": "echo {configuration:/name} 1.0.0 >>{work:path}/told"}
    fleet.publish(recipe_of(lifecycle=told, defaults={"name": "first"}))
    fleet.settle()
    fleet.deploy("canary", {PART: "1.0.0"})
    fleet.settle()
    return fleet


def told(fleet: Fleet) -> list[str]:
    return (fleet.home.devices / "press-1/work" / PART / "told").read_text().splitlines()


def deploy(fleet: Fleet, components: dict[str, str], **options: Any) -> dict[str, Any]:
    deployment = fleet.deploy("canary", components, **options)
    fleet.settle()
    return fleet.effective("press-1", deployment)


def test_a_script_that_fails_three_times_brings_the_version_before_it_back(press: Fleet) -> None:
    failing = {"install": "echo {configuration:/name} 1.1.0 >>{work:path}/told; echo no disk >&2; exit 3"}
    press.publish(recipe_of(version="1.1.0", lifecycle=failing))
    press.settle()
    found = deploy(press, {PART: "1.1.0"}, **{PART: {"configurationUpdate": {"merge": '{"name": "second"}'}}})
    assert found["coreDeviceExecutionStatus"] == "FAILED"
    assert found["reason"] == (
        "FAILED_ROLLBACK_COMPLETE: Service com.example.Part in broken state after deployment: "
        "install exited with code 3: no disk"
    )
    assert found["statusDetails"] == {"errorStack": BROKEN, "errorTypes": ["USER_COMPONENT_ERROR"]}
    assert told(press) == ["first 1.0.0", *["second 1.1.0"] * 3, "first 1.0.0"]
    assert press.installed("press-1") == {PART: ("1.0.0", "FINISHED")}
    assert press.health("press-1") == "HEALTHY"


def test_the_components_that_changed_before_the_one_that_failed_come_back_too(press: Fleet) -> None:
    press.publish(recipe_of(version="1.1.0", lifecycle={"install": "echo 1.1.0 >>{work:path}/told"}))
    press.publish(recipe_of(OTHER, needs={PART: "*"}, lifecycle={"install": "exit 1"}))
    press.publish(recipe_of("com.example.Still"))
    press.settle()
    deploy(press, {PART: "1.0.0", "com.example.Still": "1.0.0"})
    found = deploy(press, {PART: "1.1.0", OTHER: "1.0.0", "com.example.Still": "1.0.0"})
    assert found["reason"].startswith("FAILED_ROLLBACK_COMPLETE: Service com.example.Other in broken state")
    assert told(press) == ["first 1.0.0", "1.1.0", "first 1.0.0"]
    assert press.installed("press-1") == {PART: ("1.0.0", "FINISHED"), "com.example.Still": ("1.0.0", "FINISHED")}


def test_a_script_that_ends_between_two_looks_is_not_run_again(press: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Run.outcome

    def outcome(run: Run) -> int | str | None:
        found = look(run)
        while run.is_running():
            time.sleep(0.001)
        return found

    monkeypatch.setattr(Run, "outcome", outcome)
    press.publish(recipe_of(version="1.1.0", lifecycle={"install": "sleep 0.2; echo 1.1.0 >>{work:path}/told"}))
    press.settle()
    assert deploy(press, {PART: "1.1.0"})["coreDeviceExecutionStatus"] == "SUCCEEDED"
    assert told(press) == ["first 1.0.0", "1.1.0"]


def test_without_a_way_back_the_component_stays_broken_until_a_good_one_comes(press: Fleet) -> None:
    press.publish(recipe_of(version="1.1.0", lifecycle={"install": "exit 1"}))
    press.settle()
    found = deploy(press, {PART: "1.1.0"}, deploymentPolicies={"failureHandlingPolicy": "DO_NOTHING"})
    assert found["reason"].startswith("FAILED_ROLLBACK_NOT_REQUESTED: Service com.example.Part in broken state")
    assert press.installed("press-1") == {PART: ("1.1.0", "BROKEN")}
    (component,) = press.greengrass.list_installed_components(coreDeviceThingName="press-1")["installedComponents"]
    assert component["lifecycleStateDetails"] == "install exited with code 1"
    assert component["lifecycleStatusCodes"] == ["INSTALL_ERROR"]
    assert press.health("press-1") == "UNHEALTHY"
    assert deploy(press, {PART: "1.0.0"})["coreDeviceExecutionStatus"] == "SUCCEEDED"
    assert press.health("press-1") == "HEALTHY"


def test_a_way_back_that_fails_too_is_said(press: Fleet) -> None:
    once = {"install": "test ! -f {work:path}/once && touch {work:path}/once"}
    press.publish(recipe_of(version="1.1.0", lifecycle=once))
    press.publish(recipe_of(version="1.2.0", lifecycle={"install": "exit 1"}))
    press.settle()
    deploy(press, {PART: "1.1.0"})
    found = deploy(press, {PART: "1.2.0"})
    assert found["reason"].startswith("FAILED_UNABLE_TO_ROLLBACK: Service com.example.Part in broken state")
    assert press.installed("press-1") == {PART: ("1.1.0", "BROKEN")}
    assert press.health("press-1") == "UNHEALTHY"


def test_a_new_component_that_fails_leaves_nothing(press: Fleet) -> None:
    press.publish(recipe_of(OTHER, lifecycle={"install": "exit 1"}))
    press.settle()
    deploy(press, {PART: "1.0.0", OTHER: "1.0.0"})
    assert press.installed("press-1") == {PART: ("1.0.0", "FINISHED")}
    assert told(press) == ["first 1.0.0"]


def test_a_script_that_takes_too_long_is_killed_with_all_that_it_started(press: Fleet) -> None:
    slow = {"install": {"Script": "sleep 600 & echo $! >>{work:path}/pids; wait", "Timeout": 60}}
    press.publish(recipe_of(version="1.1.0", lifecycle=slow))
    press.settle()
    deployment = press.deploy("canary", {PART: "1.1.0"})
    pids = press.home.devices / "press-1/work" / PART / "pids"
    for count in (1, 2, 3):
        press.run_until(lambda count=count: pids.exists() and len(pids.read_text().split()) == count)
        press.clock.go_on(seconds=61)
    press.settle()
    found = press.effective("press-1", deployment)
    assert found["reason"].endswith("broken state after deployment: install took longer than its Timeout of 60 s")
    press.run_until(lambda: not any(map(is_alive, pids.read_text().split())))


def test_an_artifact_that_is_another_one_than_was_published_changes_nothing(press: Fleet) -> None:
    recipe = recipe_of(version="1.1.0", artifacts=["b.txt", "a.txt"])
    press.publish(recipe, a_txt=b"published", b_txt=b"fetched")
    press.settle()
    press.s3.put_object(Bucket=BUCKET, Key=key_of(recipe, "a.txt"), Body=b"damaged")
    found = deploy(press, {PART: "1.1.0"})
    assert found["coreDeviceExecutionStatus"] == "FAILED"
    assert found["reason"].startswith("FAILED_NO_STATE_CHANGE: Integrity check for downloaded artifact failed.")
    assert found["statusDetails"] == {
        "errorStack": ["DEPLOYMENT_FAILURE", "ARTIFACT_DOWNLOAD_ERROR", "ARTIFACT_CHECKSUM_MISMATCH"],
        "errorTypes": ["COMPONENT_RECIPE_ERROR"],
    }
    assert told(press) == ["first 1.0.0"]
    assert press.installed("press-1") == {PART: ("1.0.0", "FINISHED")}
    assert not list(press.home.devices.rglob("b.txt")), "what was fetched for nothing does not pile up"


def test_an_artifact_that_is_gone_changes_nothing(press: Fleet) -> None:
    recipe = recipe_of(version="1.1.0", artifacts=["a.txt"])
    press.publish(recipe, a_txt=b"published")
    press.settle()
    press.s3.delete_object(Bucket=BUCKET, Key=key_of(recipe, "a.txt"))
    found = deploy(press, {PART: "1.1.0"})
    assert found["statusDetails"]["errorStack"][-1] == "S3_GET_OBJECT_RESOURCE_NOT_FOUND"


def test_a_version_that_was_deleted_meanwhile_fails_and_the_device_still_comes_back_to_it(press: Fleet) -> None:
    arn = "arn:aws:greengrass:eu-central-1:000000000000:components:com.example.Part:versions:1.0.0"
    press.publish(recipe_of(version="1.1.0", lifecycle={"install": "exit 1"}))
    press.settle()
    press.greengrass.delete_component(arn=arn)
    assert deploy(press, {PART: "1.1.0"})["reason"].startswith("FAILED_ROLLBACK_COMPLETE")
    assert told(press) == ["first 1.0.0", "first 1.0.0"]


def test_a_component_for_no_such_platform_fails(press: Fleet) -> None:
    recipe = recipe_of(version="1.1.0")
    recipe["Manifests"][0]["Platform"] = {"os": "windows"}
    press.publish(recipe)
    press.settle()
    found = deploy(press, {PART: "1.1.0"})
    assert found["statusDetails"]["errorStack"][1] == "NO_AVAILABLE_COMPONENT_VERSION"


def test_old_artifacts_and_runs_are_removed_once_a_deployment_is_done(press: Fleet) -> None:
    for version in ("1.1.0", "1.2.0"):
        press.publish(recipe_of(version=version, artifacts=["a.txt"]), a_txt=b"a")
        press.settle()
        deploy(press, {PART: version})
    folder = press.home.devices / "press-1"
    assert [path.name for path in (folder / "artifacts" / PART).iterdir()] == ["1.2.0"]
    assert len(list((folder / "runs").iterdir())) == 1
