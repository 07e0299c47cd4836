"""Rollouts over real devices of this machine: the way there, and every way back."""

import json
from typing import Any

import pytest

from cloud_side.deployment.records import Outcome, Stage
from cloud_side.local.devices.inspector import INSPECTOR, MODEL
from tests.cloud.deployment.site import ALL, CANARY, HALL, Site, approved_event, by_hand
from tests.cloud.deployment.site import model as model_of


def test_a_model_goes_to_the_canary_and_then_to_all_and_nothing_else_changes(site: Site) -> None:
    before = {group: site.latest(group) for group in (CANARY, ALL)}
    found = site.run("first", approved_event(site.register("1.0.0")))
    assert (found.status, found.error, found.cause) == ("SUCCEEDED", None, None)
    assert found.output["outcome"] == "done"
    assert site.told == ["bright-spot@1.0.0: rolled out"]
    record = site.record("first")
    assert (record.outcome, record.component_version) == (Outcome.DONE, "1.0.0")
    assert [(wave.group, wave.stage, wave.counts.ok, wave.seen.proved) for wave in record.waves] == [
        (CANARY, Stage.DONE, 1, 1),
        (ALL, Stage.DONE, 2, 2),
    ]
    for station in ("press-1", "press-2", "press-3"):
        assert site.current(station) == "bright-spot/1.0.0"
    for group in (CANARY, ALL):
        components = dict(site.latest(group)["components"])
        assert components.pop(MODEL) == {"componentVersion": "1.0.0"}
        assert components == before[group]["components"]
    assert site.bucket.read("deployment/current.json") is None


def bring(site: Site, version: str = "1.0.0", name: str = "before") -> None:
    """Have all stations run a model."""
    assert site.run(name, by_hand(site.register(version))).status == "SUCCEEDED"
    site.silent.clear()
    site.told.clear()


def everything(site: Site) -> dict[str, Any]:
    return {group: site.latest(group) for group in (CANARY, ALL)}


def spoil(site: Site, station: str, version: str) -> None:
    """Have a station's install script fail: it has other content under that name."""
    folder = site.updates(station) / "bright-spot" / version
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")


def fails(site: Site, name: str, asked: Any, *, blames: bool = True) -> str:
    """Run a rollout that fails; return why. The lock is free then, and a package that is to blame is rejected."""
    found = site.run(name, asked)
    assert (found.status, found.error) == ("FAILED", "RolloutFailed")
    assert site.bucket.read("deployment/current.json") is None
    record = site.record(name)
    assert record.outcome is Outcome.FAILED
    assert record.reason in str(found.cause)
    assert site.approval(record.package) == (("Rejected", f"rollout {name}") if blames else ("Approved", "ana"))
    assert len(site.told) == 1
    return record.reason


def test_a_station_that_takes_the_model_back_brings_the_former_one_to_all(site: Site) -> None:
    bring(site)
    before = everything(site)
    site.silent |= {"press-3"}

    def refuse(state: str) -> None:
        if state == "Look at evidence" and site.current("press-3") == "bright-spot/1.1.0":
            site.hooks.clear()
            site.say("press-3", "model.changed", model=model_of("1.0.0"), previous=model_of("1.1.0"),
                     cause="rollback", reason="31 % of the parts are rejected")  # fmt: skip

    site.hooks.append(refuse)
    reason = fails(site, "second", by_hand(site.register("1.1.0")))
    assert reason == "1 of 2 stations do not keep it: press-3: went back: 31 % of the parts are rejected"
    assert everything(site) == before
    assert [(wave.stage, wave.counts.ok) for wave in site.record("second").waves] == [
        (Stage.RESTORED, 1),
        (Stage.RESTORED, 2),
    ]
    assert {site.current(station) for station in ("press-1", "press-2", "press-3")} == {"bright-spot/1.0.0"}


def test_a_canary_on_which_it_cannot_be_installed_is_as_far_as_it_comes(site: Site) -> None:
    before = everything(site)
    spoil(site, "press-1", "1.0.0")
    reason = fails(site, "first", by_hand(site.register("1.0.0")))
    assert reason.startswith("1 of 1 devices failed to install it: press-1: FAILED_ROLLBACK_COMPLETE")
    assert everything(site) == before
    assert [wave.stage for wave in site.record("first").waves] == [Stage.RESTORED, Stage.PENDING]
    assert site.current("press-2") is None


@pytest.mark.thorough
def test_a_version_whose_files_vanish_is_never_deployed(site: Site) -> None:
    def remove(state: str) -> None:
        if state == "Look at component":
            site.bucket.remove(f"components/{MODEL}/1.0.0/model.tar")

    site.hooks.append(remove)
    count = site.deployments()
    reason = fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert "the component's version is FAILED: Encountered errors in 1 artifacts" in reason
    assert f"s3://edge-inspector/components/{MODEL}/1.0.0/model.tar" in reason
    assert site.deployments() == count
    site.hooks.clear()
    assert site.run("again", by_hand(site.record("first").package)).status == "SUCCEEDED"
    assert site.versions() == ["1.0.0", "1.0.1"]


@pytest.mark.thorough
def test_a_version_that_is_looked_at_for_ever_is_given_up(site: Site) -> None:
    site.is_asleep = True
    site.plan(deployable_timeout_s=30)
    reason = fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert reason == "the component's version is REQUESTED after 30 s, expected DEPLOYABLE"


def test_an_archive_that_was_changed_is_not_deployed(site: Site) -> None:
    package = site.register("1.0.0")
    site.bucket.write("models/bright-spot/1.0.0/model.tar.gz", b"other")
    assert "it was changed after it was registered" in fails(site, "first", by_hand(package))


def offline(site: Site, *stations: str) -> None:
    with site.cloud.database.transaction() as connection:
        connection.execute("UPDATE greengrass_cores SET is_offline = 0")
        for each in stations:
            connection.execute("UPDATE greengrass_cores SET is_offline = 1 WHERE thing = ?", (each,))


@pytest.mark.thorough
def test_as_many_stations_as_may_be_are_offline_and_get_it_later(site: Site) -> None:
    site.plan(offline_share=0.5, device_timeout_s=7200)
    offline(site, "press-3")
    assert site.run("first", by_hand(site.register("1.0.0"))).status == "SUCCEEDED"
    _, wave = site.record("first").waves
    assert (wave.counts.ok, wave.counts.offline, wave.seen.proved) == (1, 1, 1)
    offline(site)
    site.settle()
    assert site.current("press-3") == "bright-spot/1.0.0"


@pytest.mark.thorough
def test_too_many_stations_that_stay_offline_bring_all_back(site: Site) -> None:
    site.plan(offline_share=0.4, device_timeout_s=3600)
    offline(site, "press-3")
    before = everything(site)
    reason = fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert reason == "1 of 2 devices are offline, 0.8 may be: press-3"
    assert everything(site) == before
    assert site.record("first").waves[1].told == "1 of 2 devices are not back yet: press-3"


@pytest.mark.thorough
def test_a_canary_that_is_offline_is_waited_for(site: Site) -> None:
    offline(site, "press-1")
    site.hooks.append(lambda _: offline(site) if site.clock.ahead.total_seconds() > 7200 else None)
    assert site.run("first", by_hand(site.register("1.0.0"))).status == "SUCCEEDED"


@pytest.mark.thorough
def test_a_thing_that_is_no_station_is_named(site: Site) -> None:
    iot = site.client("iot")
    iot.create_thing(thingName="camera-9")
    iot.add_thing_to_thing_group(thingGroupName=CANARY, thingName="camera-9")
    reason = fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert reason == "1 of 2 devices are offline, 0 may be: camera-9: is no core device"


@pytest.mark.thorough
def test_aws_stops_a_wave_at_its_abort_threshold(site: Site) -> None:
    site.plan(failed_share=1.0, abort={"failed_percent": 50.0, "min_devices": 1})
    before = everything(site)
    spoil(site, "press-2", "1.0.0")
    spoil(site, "press-3", "1.0.0")
    reason = fails(site, "first", by_hand(site.register("1.0.0")))
    assert reason.startswith("the deployment was stopped, 2 of 2 devices failed: press-2: FAILED_ROLLBACK_COMPLETE")
    assert everything(site) == before


@pytest.mark.thorough
def test_a_station_that_says_nothing_is_named_when_its_time_is_over(site: Site) -> None:
    site.silent |= {"press-1"}
    site.plan(proof_timeout_s=3600)
    reason = fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert reason == "1 of 1 stations did not prove it in 3600 s, 0 may: press-1"


def test_an_alarm_that_stands_brings_it_back_and_one_that_was_cleared_does_not(site: Site) -> None:
    site.hooks.append(lambda state: state == "Look at evidence" and alarm())

    def alarm() -> None:
        site.hooks.clear()
        site.say("press-1", "model.changed", model=model_of("1.0.0"), previous=None, cause="update")
        site.say("press-1", "alarm.raised", name="camera-lost")
        site.say("press-1", "alarm.cleared", name="camera-lost")
        site.silent.add("press-1")
        site.hooks.append(lambda state: state == "Look at evidence" and raise_it())

    def raise_it() -> None:
        site.hooks.clear()
        site.say("press-1", "alarm.raised", name="deadline-missed")

    reason = fails(site, "first", by_hand(site.register("1.0.0")))
    assert reason == "1 of 1 stations have alarms: press-1: deadline-missed"


@pytest.mark.thorough
def test_a_person_pauses_goes_on_and_aborts(site: Site) -> None:
    before = everything(site)
    site.plan(proof_timeout_s=3600)
    package = site.register("1.0.0")
    looks: list[str] = []

    def interfere(state: str) -> None:
        looks.append(state)
        if looks.count("Deploy") == 1 and state == "Look at devices":
            wish(site, "first", "pause")
        if state == "Look at devices" and looks.count(state) == 30:
            assert site.record("first").waves[0].stage is Stage.DEVICES
            assert site.deployments() == 3
            wish(site, "first", "go_on")
        if state == "Look at evidence" and looks.count("Deploy") == 2:
            wish(site, "first", "abort")

    site.hooks.append(interfere)
    assert fails(site, "first", by_hand(package)) == "aborted by ben: seen enough"
    assert looks.count("Look at devices") > 30
    assert everything(site) == before


def wish(site: Site, rollout: str, said: str) -> None:
    document = {"wish": said, "by": "ben", "why": "seen enough", "at": site.clock().isoformat()}
    site.bucket.write(f"deployment/rollouts/{rollout}/wish.json", json.dumps(document).encode())


@pytest.mark.thorough
def test_a_rollout_that_is_done_can_be_taken_back(site: Site) -> None:
    bring(site)
    before = everything(site)
    bring(site, "1.1.0", "second")
    found = site.run("back", {"rollback": "second", "by": "ben", "why": "escapes at the customer"})
    assert (found.status, found.output["outcome"]) == ("SUCCEEDED", "rolled-back")
    assert everything(site) == before
    assert site.current("press-3") == "bright-spot/1.0.0"
    assert site.record("second").outcome is Outcome.ROLLED_BACK
    assert site.approval(site.record("second").package) == ("Rejected", "rollout back")
    assert site.told == ["bright-spot@1.1.0: rolled back"]
    again = site.run("again", {"rollback": "second", "by": "ben", "why": "once more"})
    assert "expected a rollout that has brought a model, found it rolled-back" in str(again.cause)


@pytest.mark.thorough
def test_what_a_target_has_already_is_neither_deployed_again_nor_taken_back(site: Site) -> None:
    bring(site)
    before, count = everything(site), site.deployments()
    package = site.record("before").package
    assert site.run("again", by_hand(package)).status == "SUCCEEDED"
    assert [wave.told for wave in site.record("again").waves] == ["it was there already"] * 2
    found = site.run("back", {"rollback": "again", "by": "ben", "why": "x"})
    assert "again: expected a rollout that has brought a model, found it done: there is nothing" in str(found.cause)
    assert site.approval(package) == ("Approved", "ana")
    assert (everything(site), site.deployments()) == (before, count)
    assert site.versions() == ["1.0.0"]


@pytest.mark.thorough
def test_only_the_last_rollout_can_be_taken_back(site: Site) -> None:
    bring(site)
    bring(site, "1.1.0", "second")
    found = site.run("back", {"rollback": "before", "by": "ben", "why": "x"})
    assert "expected com.edgeinspector.Model 1.0.0 on edge-inspector-canary, found 1.0.1" in str(found.cause)


@pytest.mark.thorough
def test_what_somebody_else_deployed_meanwhile_stays(site: Site) -> None:
    def deploy_other(state: str) -> None:
        if state == "Restore":
            site.hooks.clear()
            components = {**site.latest(CANARY)["components"], "aws.greengrass.Cli": {"componentVersion": "2.0.0"}}
            site.client("greengrassv2").create_deployment(targetArn=site.target(CANARY), components=components)

    site.hooks.append(deploy_other)
    site.silent |= {"press-1"}
    fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert site.latest(CANARY)["components"].keys() == {INSPECTOR, "aws.greengrass.Cli"}


def test_a_deployment_in_place_of_the_rollouts_ends_it(site: Site) -> None:
    def deploy_other(state: str) -> None:
        if state == "Look at devices":
            site.hooks.clear()
            site.client("greengrassv2").create_deployment(targetArn=site.target(CANARY), components={})

    site.hooks.append(deploy_other)
    reason = fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert reason == "another deployment took the place of the rollout's"
    assert site.record("first").waves[0].stage is Stage.LEFT
    assert site.latest(CANARY)["components"] == {}


@pytest.mark.thorough
def test_a_target_without_a_deployment_has_none_of_the_model_afterwards(site: Site) -> None:
    iot = site.client("iot")
    iot.create_thing_group(thingGroupName="bare")
    iot.remove_thing_from_thing_group(thingGroupName=HALL, thingName="press-3")
    iot.add_thing_to_thing_group(thingGroupName="bare", thingName="press-3")
    site.plan(waves=["bare"], proof_timeout_s=600)
    site.silent |= {"press-3"}
    fails(site, "first", by_hand(site.register("1.0.0")), blames=False)
    assert site.latest("bare")["components"] == {}


@pytest.mark.parametrize(
    ("group", "thing", "reason"),
    [
        (CANARY, "press-2", "press-2: expected a station in one group of the plan, found it in"),
        ("none", "", "plan: expected thing groups that there are, found no 'none'"),
    ],
)
def test_groups_that_contradict_each_other_are_found_before_anything_is_deployed(
    group: str, thing: str, reason: str, site: Site
) -> None:
    if thing:
        site.client("iot").add_thing_to_thing_group(thingGroupName=group, thingName=thing)
    else:
        site.plan(waves=[group])
    count, package = site.deployments(), site.register("1.0.0")
    found = site.run("first", by_hand(package))
    assert reason in str(found.cause)
    assert site.deployments() == count
    assert site.approval(package) == ("Approved", "ana")
    assert site.bucket.read("deployment/current.json") is None
