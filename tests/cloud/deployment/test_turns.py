"""One rollout at a time: who waits, who is overtaken, and who takes over from one that has ended on the way."""

import json
from typing import Any

import pytest

from cloud_side.deployment.records import Outcome
from cloud_side.training.registry.requests import Approval
from tests.cloud.deployment.site import Site, approved_event, by_hand
from tests.cloud.deployment.test_rollouts import bring

ROLE = "arn:aws:iam::000000000000:role/machine"
FOR_EVER = {"QueryLanguage": "JSONata", "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9999, "End": True}}}


def begin(site: Site, name: str, asked: Any) -> Any:
    """Run the first step of an execution."""
    payload = {"bucket": "edge-inspector", "input": asked}
    return site.step(name, "Begin", {"FunctionName": "the-edge-inspector-rollout-begin", "Payload": payload})


def execute(site: Site, name: str) -> str:
    """Have an execution of that name run, and return its ARN."""
    states = site.client("stepfunctions")
    definition = json.dumps(FOR_EVER)
    machine = states.create_state_machine(name="edge-inspector-rollout", definition=definition, roleArn=ROLE)
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], name=name)
    return str(started["executionArn"])


def test_a_model_that_is_approved_meanwhile_waits_and_then_goes(site: Site) -> None:
    execute(site, "first")
    assert begin(site, "first", approved_event(site.register("1.0.0")))["next"] == "go"
    second = site.register("1.1.0")
    assert begin(site, "second", approved_event(second))["next"] == "wait"
    assert begin(site, "second", approved_event(second))["next"] == "wait"
    assert site.record("second").outcome is Outcome.WAITING
    site.bucket.remove("deployment/current.json")
    assert begin(site, "second", approved_event(second))["next"] == "go"
    assert begin(site, "second", approved_event(second))["next"] == "go"


def test_a_model_that_waits_is_overtaken_by_a_newer_one(site: Site) -> None:
    execute(site, "first")
    begin(site, "first", approved_event(site.register("1.0.0")))
    second = site.register("1.1.0")
    begin(site, "second", approved_event(second))
    site.register("1.2.0")
    said = begin(site, "second", approved_event(second))
    assert (said["next"], said["told"]["outcome"]) == ("skip", "overtaken")
    assert site.record("second").reason == "bright-spot@1.2.0 is approved and newer"


@pytest.mark.parametrize("by_event", [True, False])
def test_a_model_that_is_rejected_while_it_waits_is_not_rolled_out(site: Site, *, by_event: bool) -> None:
    execute(site, "first")
    begin(site, "first", approved_event(site.register("1.0.0")))
    second = site.register("1.1.0")
    asked = approved_event(second) if by_event else by_hand(second)
    begin(site, "second", asked)
    site.judge(second, Approval.REJECTED)
    assert begin(site, "second", asked)["reason"] == "the model is Rejected, expected Approved"


def test_what_is_told_twice_is_rolled_out_once_and_a_person_may_roll_an_older_one_out(site: Site) -> None:
    package = site.register("1.0.0")
    execute(site, "first")
    begin(site, "first", approved_event(package))
    assert begin(site, "twice", approved_event(package))["reason"] == "rollout first has it"
    site.bucket.remove("deployment/current.json")
    site.register("1.1.0")
    assert begin(site, "older", by_hand(package))["next"] == "go"


def test_a_rollout_that_was_stopped_on_the_way_does_not_stop_the_others(site: Site) -> None:
    arn = execute(site, "first")
    begin(site, "first", approved_event(site.register("1.0.0")))
    second = site.register("1.1.0")
    begin(site, "second", approved_event(second))
    site.client("stepfunctions").stop_execution(executionArn=arn)
    assert begin(site, "second", approved_event(second))["next"] == "go"
    left = site.record("first")
    assert left.outcome is Outcome.FAILED
    assert left.reason == "its execution ended on the way"


def test_one_that_waits_can_be_aborted_and_its_model_stays_approved(site: Site) -> None:
    execute(site, "first")
    begin(site, "first", approved_event(site.register("1.0.0")))
    second = site.register("1.1.0")
    wish = {"wish": "abort", "by": "ben", "why": "not today", "at": "2026-03-01T12:00:00Z"}
    site.bucket.write("deployment/rollouts/second/wish.json", json.dumps(wish).encode())
    found = site.run("second", by_hand(second))
    assert "aborted by ben: not today" in str(found.cause)
    assert site.approval(second) == ("Approved", "ana")
    kept = site.bucket.read("deployment/current.json")
    assert kept is not None
    assert json.loads(kept.content)["rollout"] == "first"


def test_one_that_waits_for_so_long_that_its_plan_has_no_time_left_ends(site: Site) -> None:
    execute(site, "first")
    begin(site, "first", approved_event(site.register("1.0.0")))
    second = site.register("1.1.0")
    assert begin(site, "second", approved_event(second))["next"] == "wait"
    site.clock.go_on(days=23)
    said = begin(site, "second", approved_event(second))
    assert said["next"] == "fail"
    assert "of its 29 days there is just enough left for a whole rollout" in said["reason"]
    assert not said["blames"]


@pytest.mark.thorough
def test_an_older_model_that_is_approved_again_is_rolled_out_again(site: Site) -> None:
    bring(site, "1.0.0", "first")
    bring(site, "1.1.0", "second")
    older = site.record("first").package
    site.judge(site.record("second").package, Approval.REJECTED)
    execute(site, "again")
    assert begin(site, "again", approved_event(older))["next"] == "go"
    assert begin(site, "told-twice", approved_event(older))["next"] == "skip"
