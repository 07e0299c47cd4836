"""Deployments reach the devices that they mean, and each device tells what came of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.devices.registering import set_offline
from tests.cloud.local.fleet import Fleet, recipe_of

ODD = {"failureType": "ODD", "action": "CANCEL", "thresholdPercentage": 1, "minNumberOfExecutedThings": 1}
PART, OTHER = "com.example.Part", "com.example.Other"


def work(fleet: Fleet, thing: str, component: str = PART) -> Path:
    return fleet.home.devices / thing / "work" / component


def version_file(fleet: Fleet, thing: str, component: str = PART) -> str:
    return (work(fleet, thing, component) / "version").read_text().strip()


@pytest.fixture
def group(fleet: Fleet, tmp_path: Path) -> Fleet:
    """Two devices in the group `canary`, and version 1.0.0 of the part."""
    for thing in ("press-1", "press-2"):
        fleet.add_device(thing, "canary", folder=tmp_path)
    fleet.publish(recipe_of())
    fleet.settle()
    return fleet


def test_a_deployment_to_a_group_succeeds_on_each_device_and_stays_active(group: Fleet) -> None:
    deployment = group.deploy("canary", {PART: "1.0.0"}, deploymentName="first")
    assert group.statuses(deployment) == {"press-1": "QUEUED", "press-2": "QUEUED"}
    group.settle()
    found = group.effective("press-1", deployment)
    assert (found["coreDeviceExecutionStatus"], found["reason"]) == ("SUCCEEDED", "SUCCESSFUL")
    assert (found["deploymentName"], found["targetArn"]) == (
        "first",
        "arn:aws:iot:eu-central-1:000000000000:thinggroup/canary",
    )
    assert "statusDetails" not in found
    assert group.installed("press-2") == {PART: ("1.0.0", "FINISHED")}
    assert version_file(group, "press-2") == "1.0.0"
    assert group.health("press-1") == "HEALTHY"
    told = group.greengrass.get_deployment(deploymentId=deployment)
    assert (told["deploymentStatus"], told["revisionId"], told["isLatestForTarget"]) == ("ACTIVE", "1", True)
    assert told["components"] == {PART: {"componentVersion": "1.0.0"}}
    assert told["deploymentPolicies"]["failureHandlingPolicy"] == "ROLLBACK"


def test_a_deployment_to_a_thing_completes(group: Fleet) -> None:
    deployment = group.deploy("thing/press-1", {PART: "1.0.0"})
    group.settle()
    assert group.statuses(deployment) == {"press-1": "COMPLETED"}
    assert group.greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"] == "COMPLETED"
    group.publish(recipe_of(version="2.0.0", lifecycle={"install": "exit 1"}))
    group.settle()
    deployment = group.deploy("thing/press-1", {PART: "2.0.0"})
    group.settle()
    assert group.statuses(deployment) == {"press-1": "FAILED"}
    assert group.greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"] == "FAILED"


def test_a_new_deployment_replaces_the_former_one_of_its_target(group: Fleet) -> None:
    group.publish(recipe_of(OTHER))
    group.settle()
    first = group.deploy("canary", {PART: "1.0.0"})
    group.settle()
    second = group.deploy("canary", {OTHER: "1.0.0"})
    waiting = group.deploy("canary", {OTHER: "1.0.0", PART: "1.0.0"})
    assert group.statuses(second) == {"press-1": "CANCELED", "press-2": "CANCELED"}
    group.settle()
    assert set(group.statuses(waiting).values()) == {"SUCCEEDED"}
    assert group.installed("press-1") == {PART: ("1.0.0", "FINISHED"), OTHER: ("1.0.0", "FINISHED")}
    told = [group.greengrass.get_deployment(deploymentId=each) for each in (first, second, waiting)]
    assert [(each["revisionId"], each["deploymentStatus"], each["isLatestForTarget"]) for each in told] == [
        ("1", "INACTIVE", False),
        ("2", "INACTIVE", False),
        ("3", "ACTIVE", True),
    ]
    latest = group.greengrass.list_deployments()["deployments"]
    assert [each["deploymentId"] for each in latest] == [waiting]
    target = told[0]["targetArn"]
    pages = group.greengrass.get_paginator("list_deployments").paginate(
        targetArn=target, historyFilter="ALL", PaginationConfig={"PageSize": 2}
    )
    assert [each["deploymentId"] for page in pages for each in page["deployments"]] == [waiting, second, first]
    last = group.deploy("canary", {})
    group.settle()
    assert group.status("press-1", last) == "SUCCEEDED"
    assert group.installed("press-1") == {}


def test_a_device_has_what_all_its_groups_want_and_contradictions_fail(group: Fleet, tmp_path: Path) -> None:
    group.publish(recipe_of(OTHER))
    group.publish(recipe_of(version="1.1.0"))
    group.settle()
    group.iot.create_thing_group(thingGroupName="site")
    group.iot.create_thing_group(thingGroupName="hall", parentGroupName="site")
    group.add_device("press-1", "hall", folder=tmp_path)
    group.deploy("canary", {PART: "1.0.0"})
    group.deploy("site", {OTHER: "1.0.0"})
    group.settle()
    assert group.installed("press-1") == {PART: ("1.0.0", "FINISHED"), OTHER: ("1.0.0", "FINISHED")}
    assert group.installed("press-2") == {PART: ("1.0.0", "FINISHED")}
    contradicting = group.deploy("site", {PART: "1.1.0"})
    group.settle()
    found = group.effective("press-1", contradicting)
    assert found["coreDeviceExecutionStatus"] == "FAILED"
    assert found["reason"] == (
        "FAILED_NO_STATE_CHANGE: Failed to negotiate component 'com.example.Part' version with cloud and no local "
        "applicable version satisfying requirement '{thinggroup/canary==1.0.0, thinggroup/site==1.1.0}'."
    )
    assert found["statusDetails"] == {
        "errorStack": [
            "DEPLOYMENT_FAILURE",
            "NO_AVAILABLE_COMPONENT_VERSION",
            "COMPONENT_VERSION_REQUIREMENTS_NOT_MET",
        ],
        "errorTypes": ["REQUEST_ERROR"],
    }
    group.iot.remove_thing_from_thing_group(thingGroupName="canary", thingName="press-1")
    again = group.deploy("site", {PART: "1.1.0"})
    group.settle()
    assert group.status("press-1", again) == "SUCCEEDED"
    assert group.installed("press-1") == {PART: ("1.1.0", "FINISHED")}


def test_what_a_component_needs_comes_first_and_in_the_best_version_that_is_right_for_all(group: Fleet) -> None:
    for version in ("1.0.0", "1.4.0", "2.0.0"):
        group.publish(recipe_of(OTHER, version))
    needing = recipe_of(
        version="1.1.0", needs={OTHER: ">=1.0.0 <2.0.0", "aws.greengrass.TokenExchangeService": "^2.0.0"}
    )
    needing["Manifests"][0]["Lifecycle"] = {"install": "test -f {work:path}/../com.example.Other/version"}
    group.publish(needing)
    group.settle()
    deployment = group.deploy("canary", {PART: "1.1.0", "aws.greengrass.Nucleus": "2.12.0"})
    group.settle()
    assert group.status("press-1", deployment) == "SUCCEEDED"
    assert group.installed("press-1") == {
        PART: ("1.1.0", "FINISHED"),
        OTHER: ("1.4.0", "FINISHED"),
        "aws.greengrass.Nucleus": ("2.12.0", "RUNNING"),
    }
    roots = group.greengrass.list_installed_components(coreDeviceThingName="press-1")["installedComponents"]
    assert [each["componentName"] for each in roots] == ["aws.greengrass.Nucleus", PART]
    assert {each["lastInstallationSource"] for each in roots} == {deployment}


def test_components_that_need_each_other_fail(group: Fleet) -> None:
    group.publish(recipe_of(version="1.1.0", needs={OTHER: "*"}))
    group.publish(recipe_of(OTHER, needs={PART: "*"}))
    group.settle()
    deployment = group.deploy("canary", {PART: "1.1.0"})
    group.settle()
    found = group.effective("press-1", deployment)
    assert "Circular dependency detected for component com.example.Other" in found["reason"]
    assert found["statusDetails"]["errorStack"][-1] == "COMPONENT_CIRCULAR_DEPENDENCY_ERROR"


def test_scripts_find_their_variables_and_nothing_of_the_engine(group: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "of the engine")
    show = (
        "env >{work:path}/env && cat {artifacts:path}/a.txt >{work:path}/a && "
        "echo '{iot:thingName} {configuration:/deep/list} {configuration:/name} {configuration:/none}'"
        " ${X} >{work:path}/told"
    )
    lifecycle = {"Setenv": {"X": "{configuration:/name}-x"}, "install": {"Script": show, "Setenv": {"Y": "y"}}}
    defaults = {"deep": {"list": [1, "a"]}, "name": "part"}
    group.publish(
        recipe_of(version="1.1.0", lifecycle=lifecycle, defaults=defaults, artifacts=["a.txt"]), a_txt=b"a file"
    )
    group.settle()
    group.deploy("canary", {PART: "1.1.0"})
    group.settle()
    folder = work(group, "press-1")
    assert (folder / "told").read_text() == 'press-1 [1, "a"] part {configuration:/none} part-x\n'
    assert (folder / "a").read_text() == "a file"
    environment = dict(line.partition("=")[::2] for line in (folder / "env").read_text().splitlines())
    assert environment.keys() - {"PWD", "OLDPWD", "SHLVL", "_"} == {
        "PATH", "HOME", "AWS_IOT_THING_NAME", "AWS_REGION", "AWS_DEFAULT_REGION", "GGC_VERSION", "X", "Y",
    }  # fmt: skip
    assert environment["AWS_IOT_THING_NAME"] == "press-1"


def test_configuration_is_reset_and_merged_and_a_script_that_shows_it_runs_again(group: Fleet) -> None:
    lifecycle = {"install": "echo '{configuration:/a}' >>{work:path}/told"}
    group.publish(recipe_of(version="1.1.0", lifecycle=lifecycle, defaults={"a": 1, "b": {"c": 2, "d": 3}}))
    group.settle()

    def deploy(**update: Any) -> None:
        deployment = group.deploy("canary", {PART: "1.1.0"}, **{PART: {"configurationUpdate": update}})
        group.settle()
        assert group.status("press-1", deployment) == "SUCCEEDED"

    def configuration() -> Any:
        query = "SELECT configuration FROM greengrass_installed WHERE thing = 'press-1'"
        return json.loads(group.database.connection().execute(query).fetchone()["configuration"])

    deploy(merge='{"b": {"c": 5, "e": [1]}}')
    assert configuration() == {"a": 1, "b": {"c": 5, "d": 3, "e": [1]}}
    deploy(merge='{"a": 2}')
    deploy()
    assert configuration() == {"a": 2, "b": {"c": 5, "d": 3, "e": [1]}}
    deploy(reset=["/b/c", "/none/at/all"], merge='{"a": 3}')
    assert configuration() == {"a": 3, "b": {"c": 2, "d": 3, "e": [1]}}
    deploy(reset=[""])
    assert configuration() == {"a": 1, "b": {"c": 2, "d": 3}}
    assert (work(group, "press-1") / "told").read_text().split() == ["1", "2", "3", "1"]


def test_one_shot_run_and_startup_scripts_run_after_install(group: Fleet) -> None:
    run = {"install": "echo install >{work:path}/told", "run": {"Script": "echo run >>{work:path}/told"}}
    startup = {"startup": "echo startup >{work:path}/told"}
    group.publish(recipe_of(version="1.1.0", lifecycle=run))
    group.publish(recipe_of(OTHER, lifecycle=startup))
    group.settle()
    group.deploy("canary", {PART: "1.1.0", OTHER: "1.0.0"})
    group.settle()
    assert (work(group, "press-1") / "told").read_text().split() == ["install", "run"]
    assert (work(group, "press-1", OTHER) / "told").read_text().split() == ["startup"]
    assert group.installed("press-1") == {PART: ("1.1.0", "FINISHED"), OTHER: ("1.0.0", "RUNNING")}


def test_an_offline_device_waits_and_catches_up(group: Fleet) -> None:
    set_offline(group.database, "press-2", is_offline=True)
    deployment = group.deploy("canary", {PART: "1.0.0"})
    group.settle()
    assert group.statuses(deployment) == {"press-1": "SUCCEEDED", "press-2": "QUEUED"}
    set_offline(group.database, "press-2", is_offline=False)
    group.settle()
    assert group.status("press-2", deployment) == "SUCCEEDED"


def test_a_device_that_joins_a_group_gets_its_deployment(group: Fleet, tmp_path: Path) -> None:
    deployment = group.deploy("canary", {PART: "1.0.0"})
    group.settle()
    group.add_device("press-3", "canary", folder=tmp_path)
    group.settle()
    assert group.status("press-3", deployment) == "SUCCEEDED"
    canary = {"thingGroupArn": "arn:aws:iot:eu-central-1:000000000000:thinggroup/canary", "status": "HEALTHY"}
    listed = group.greengrass.list_core_devices(**canary)["coreDevices"]
    assert [device["coreDeviceThingName"] for device in listed] == ["press-1", "press-2", "press-3"]
    assert group.greengrass.list_core_devices(status="UNHEALTHY")["coreDevices"] == []


def test_a_deployment_goes_over_the_devices_at_its_rate_and_stops_when_too_many_fail(
    group: Fleet, tmp_path: Path
) -> None:
    group.add_device("press-3", "canary", folder=tmp_path)
    group.publish(recipe_of(version="1.1.0", lifecycle={"install": 'test "{iot:thingName}" = press-1'}))
    group.settle()
    criterion = {"failureType": "FAILED", "action": "CANCEL", "thresholdPercentage": 50, "minNumberOfExecutedThings": 2}
    jobs = {
        "jobExecutionsRolloutConfig": {"maximumPerMinute": 1},
        "abortConfig": {"criteriaList": [criterion]},
    }
    deployment = group.deploy("canary", {PART: "1.1.0"}, iotJobConfiguration=jobs)
    group.settle()
    assert group.statuses(deployment) == {"press-1": "SUCCEEDED"}
    group.clock.go_on(seconds=61)
    group.settle()
    assert group.statuses(deployment) == {"press-1": "SUCCEEDED", "press-2": "FAILED"}
    assert group.greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"] == "CANCELED"
    group.clock.go_on(seconds=61)
    group.settle()
    assert "press-3" not in group.statuses(deployment)
    with pytest.raises(group.greengrass.exceptions.ConflictException, match="found status CANCELED"):
        group.greengrass.cancel_deployment(deploymentId=deployment)


def test_a_canceled_deployment_reaches_nobody_else(group: Fleet) -> None:
    deployment = group.deploy("canary", {PART: "1.0.0"})
    assert group.greengrass.cancel_deployment(deploymentId=deployment)["message"] == "SUCCESS"
    group.settle()
    assert set(group.statuses(deployment).values()) == {"CANCELED"}
    assert group.installed("press-1") == {}
    assert group.greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"] == "CANCELED"


def test_a_device_that_is_too_slow_is_timed_out_and_what_it_does_then_is_its_own(group: Fleet) -> None:
    lifecycle = {"install": {"Script": "while ! test -f {work:path}/go; do sleep 0.02; done", "Timeout": 99_999}}
    group.publish(recipe_of(version="1.1.0", lifecycle=lifecycle))
    group.settle()
    jobs = {"timeoutConfig": {"inProgressTimeoutInMinutes": 10}}
    deployment = group.deploy("thing/press-1", {PART: "1.1.0"}, iotJobConfiguration=jobs)
    group.run_until(lambda: work(group, "press-1").exists())
    assert group.statuses(deployment) == {"press-1": "IN_PROGRESS"}
    group.clock.go_on(minutes=11)
    group.run_until(lambda: group.statuses(deployment) == {"press-1": "TIMED_OUT"})
    assert group.greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"] == "FAILED"
    (work(group, "press-1") / "go").touch()
    group.settle()
    assert group.statuses(deployment) == {"press-1": "TIMED_OUT"}
    assert group.installed("press-1") == {PART: ("1.1.0", "FINISHED")}


def test_the_same_request_is_one_deployment(group: Fleet) -> None:
    first = group.deploy("canary", {PART: "1.0.0"}, clientToken="once")
    assert group.deploy("canary", {PART: "1.0.0"}, clientToken="once") == first
    assert len(group.greengrass.list_deployments(historyFilter="ALL")["deployments"]) == 1


@pytest.mark.parametrize(
    ("components", "options", "said"),
    [
        ({PART: "3.0.0"}, {}, "found version 3.0.0, expected one that is DEPLOYABLE: 1.0.0"),
        ({PART: "1.0.0"}, {PART: {"configurationUpdate": {"merge": "[]"}}}, "found '\\[\\]', expected a JSON object"),
        ({PART: "1.0.0"}, {PART: {"configurationUpdate": {"merge": "{"}}}, "expected a JSON object"),
        ({PART: "1.0.0"}, {PART: {"configurationUpdate": {"reset": ["a"]}}}, "found 'a', expected a JSON pointer"),
        ({PART: "1.0.0"}, {PART: {"configurationUpdate": {"merge": "[" * 9999}}}, "expected a JSON object"),
        ({}, {"deploymentPolicies": {"failureHandlingPolicy": "GO_ON"}}, "found 'GO_ON', expected one of DO_NOTHING"),
        ({}, {"iotJobConfiguration": {"abortConfig": {"criteriaList": [ODD]}}}, "found 'ODD', expected one of ALL"),
        ({}, {"iotJobConfiguration": {"timeoutConfig": {"inProgressTimeoutInMinutes": 0}}}, "expected 1 to 10080"),
    ],
)
def test_what_cannot_be_deployed_is_said(
    group: Fleet, components: dict[str, str], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(group.greengrass.exceptions.ValidationException, match=said):
        group.deploy("canary", components, **options)
    assert group.greengrass.list_deployments()["deployments"] == []


def test_targets_devices_and_deployments_that_are_not_there_are_said(group: Fleet) -> None:
    missing = group.greengrass.exceptions.ResourceNotFoundException
    for target in ("gone", "thing/gone"):
        with pytest.raises(missing, match="gone not found"):
            group.deploy(target, {})
    with pytest.raises(missing, match="expected the ARN of a thing or thing group"):
        group.greengrass.create_deployment(targetArn="arn:aws:iot:us-east-1:000000000000:thinggroup/canary")
    for ask in (group.greengrass.get_core_device, group.greengrass.list_effective_deployments):
        with pytest.raises(missing, match="CoreDevice gone not found"):
            ask(coreDeviceThingName="gone")
    with pytest.raises(missing, match="Deployment gone not found"):
        group.greengrass.get_deployment(deploymentId="gone")
