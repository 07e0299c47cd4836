"""What a rollout hears while it goes on, how long it may, and what becomes of one whose execution ended on the way."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cloud_side.deployment.records import Outcome, Stage
from tests.cloud.deployment.site import ALL, CANARY, NAME, Site, by_hand, ended_event, model
from tests.cloud.deployment.test_turns import FOR_EVER, ROLE
from tests.cloud.local.states.corpus import TaskFailed

TROUBLE = TaskFailed("ClientError", "An error occurred (ThrottlingException)")


def everything(site: Site) -> dict[str, Any]:
    return {group: site.latest(group) for group in (CANARY, ALL)}


def go_back(site: Site, station: str) -> None:
    site.say(station, "model.changed", model=model("0.9.0"), previous=model("1.0.0"), cause="rollback", reason="slow")


def wish(site: Site, said: str) -> None:
    document = {"wish": said, "by": "ben", "why": "x", "at": site.clock().isoformat()}
    site.bucket.write("deployment/rollouts/first/wish.json", json.dumps(document).encode())


def step(site: Site, state: str) -> Any:
    """Run a step of the first rollout; return what comes next."""
    name = f"the-{NAME}-{state.lower().replace('look at ', 'look-')}"
    return site.step("first", state, {"FunctionName": name, "Payload": {"bucket": "edge-inspector"}})["next"]


def begin(site: Site, package: str) -> None:
    """Bring a model to the canary, as far as its deployment."""
    payload = {"bucket": "edge-inspector", "input": by_hand(package)}
    site.step("first", "Begin", {"FunctionName": f"the-{NAME}-begin", "Payload": payload})
    for state in ("Build", "Look at component"):
        assert step(site, state) == "go"
    assert step(site, "Deploy") == "devices"


def test_a_canary_that_takes_the_model_back_is_heard_while_the_next_wave_goes_on(site: Site) -> None:
    before = everything(site)

    def interfere(state: str) -> None:
        if state == "Look at devices" and site.record("first").waves[0].stage is Stage.DONE:
            site.hooks.clear()
            go_back(site, "press-1")

    site.hooks.append(interfere)
    found = site.run("first", by_hand(site.register("1.0.0")))
    assert "1 of 1 stations do not keep it: press-1: went back: slow" in str(found.cause)
    assert everything(site) == before
    assert [wave.seen.bad for wave in site.record("first").waves] == [1, 0]


@pytest.mark.thorough
def test_a_canary_is_heard_in_a_pause_before_the_next_wave(site: Site) -> None:
    begin(site, site.register("1.0.0"))
    assert step(site, "Look at devices") == "go"
    assert step(site, "Look at evidence") == "go"
    wish(site, "pause")
    assert step(site, "Deploy") == "evidence"
    assert step(site, "Look at evidence") == "wait"
    wish(site, "go_on")
    assert step(site, "Look at evidence") == "go"
    wish(site, "pause")
    go_back(site, "press-1")
    assert step(site, "Look at evidence") == "fail"


@pytest.mark.thorough
@pytest.mark.parametrize("both", [True, False])
def test_all_cameras_that_a_station_had_must_prove_the_model(site: Site, *, both: bool) -> None:
    site.plan(proof_timeout_s=60)
    for camera in ("top", "side"):
        at = site.clock() - timedelta(days=3)
        site.say("press-1", "model.changed", camera, at=at, model=model("0.9.0"), previous=None, cause="start")
    if both:
        site.hooks.append(lambda state: state == "Look at evidence" and prove_side())

    def prove_side() -> None:
        site.hooks.clear()
        site.say("press-1", "model.proved", "side", model=model("1.0.0"))

    found = site.run("first", by_hand(site.register("1.0.0")))
    assert found.status == ("SUCCEEDED" if both else "FAILED")
    assert both or "did not prove it in 60 s, 0 may: press-1: nothing of side" in str(found.cause)


@pytest.mark.thorough
def test_a_silent_station_of_a_wave_is_borne_as_the_plan_says(site: Site) -> None:
    site.plan(proof_timeout_s=60, silent_share=0.5)
    site.silent |= {"press-3"}
    assert site.run("first", by_hand(site.register("1.0.0"))).status == "SUCCEEDED"
    assert site.record("first").waves[1].seen.silent == 1


@pytest.mark.thorough
def test_trouble_of_the_cloud_brings_the_model_back_and_does_not_blame_it(site: Site) -> None:
    before, package = everything(site), site.register("1.0.0")

    def fail(state: str, _: int) -> None:
        if state == "Look at evidence":
            raise TROUBLE

    site.killer = fail
    found = site.run("first", by_hand(package))
    assert "ThrottlingException" in str(found.cause)
    assert everything(site) == before
    assert site.approval(package) == ("Approved", "ana")


@pytest.mark.thorough
def test_a_pause_that_nobody_ends_ends_the_rollout_while_there_is_time_for_the_way_back(site: Site) -> None:
    before, package = everything(site), site.register("1.0.0")

    def forget(state: str) -> None:
        if state == "Look at devices":
            site.hooks.clear()
            wish(site, "pause")
            site.clock.go_on(days=28.5)

    site.hooks.append(forget)
    found = site.run("first", by_hand(package))
    assert "of its 29 days there is just enough left for the way back" in str(found.cause)
    assert everything(site) == before
    assert site.approval(package) == ("Approved", "ana")


def test_what_an_execution_that_was_stopped_left_behind_is_taken_back_by_itself(site: Site) -> None:
    before, package = everything(site), site.register("1.0.0")
    begin(site, package)
    site.settle()
    assert site.current("press-1") == "bright-spot/1.0.0"
    found = site.run("rescue", ended_event("first", "ABORTED"))
    assert (found.status, found.output["outcome"]) == ("SUCCEEDED", "rolled-back")
    assert everything(site) == before
    assert site.record("first").outcome is Outcome.ROLLED_BACK
    assert "its execution ended on the way: ABORTED" in site.record("first").reason
    assert site.approval(package) == ("Approved", "ana")
    assert site.told == ["bright-spot@1.0.0: rolled back"]
    assert site.bucket.read("deployment/current.json") is None
    assert site.run("again", ended_event("first", "ABORTED")).output is None
    assert site.run("other", ended_event("nobody", "FAILED")).status == "SUCCEEDED"
    assert len(site.told) == 1


@pytest.mark.thorough
def test_what_an_execution_left_behind_can_be_taken_back_by_hand_and_one_that_goes_on_cannot(site: Site) -> None:
    before, package = everything(site), site.register("1.0.0")
    states = site.client("stepfunctions")
    machine = states.create_state_machine(name=NAME, definition=json.dumps(FOR_EVER), roleArn=ROLE)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], name="first")["executionArn"]
    begin(site, package)
    asked = {"rollback": "first", "by": "ben", "why": "it hangs"}
    assert "found it running: abort it instead" in str(site.run("back", asked).cause)
    states.stop_execution(executionArn=execution)
    assert site.run("back-again", asked).output["outcome"] == "rolled-back"
    assert everything(site) == before
    assert site.approval(package) == ("Rejected", "rollout back-again")


@pytest.mark.thorough
def test_one_that_takes_a_rollout_back_and_is_stopped_is_begun_again(site: Site) -> None:
    before = everything(site)
    begin(site, site.register("1.0.0"))
    payload = {"bucket": "edge-inspector", "input": ended_event("first", "TIMED_OUT")}
    said = site.step("rescue", "Begin", {"FunctionName": f"the-{NAME}-begin", "Payload": payload})
    assert said["next"] == "restore"
    assert site.run("again", ended_event("rescue", "TIMED_OUT")).output["outcome"] == "rolled-back"
    assert everything(site) == before
    assert site.bucket.read("deployment/current.json") is None


@pytest.mark.thorough
def test_a_rollout_that_could_not_be_written_down_as_done_is_done(site: Site) -> None:
    def fail(state: str, _: int) -> None:
        if state == "Finish":
            raise TROUBLE

    site.killer = fail
    assert site.run("first", by_hand(site.register("1.0.0"))).error == "ClientError"
    now = everything(site)
    assert site.record("first").outcome is Outcome.RUNNING
    assert site.run("rescue", ended_event("first", "FAILED")).status == "SUCCEEDED"
    assert site.record("first").outcome is Outcome.DONE
    assert site.bucket.read("deployment/current.json") is None
    assert everything(site) == now
