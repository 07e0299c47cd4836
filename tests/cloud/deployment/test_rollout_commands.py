"""The commands `rollout …`: what a person says, and what comes of it in the bucket and the workflow."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cloud_side.cli import main
from cloud_side.deployment.asking import asked_for
from cloud_side.deployment.keeping import read_plan, read_wish
from cloud_side.deployment.records import Outcome
from tests.cloud.deployment.site import CANARY, Site, by_hand
from tests.cloud.deployment.test_turns import FOR_EVER, ROLE, begin, execute

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(site: Site, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on the site's engine; return its exit code, and what it wrote."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["rollout", *words, "--home", str(site.cloud.home.folder)])
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def machine(site: Site) -> str:
    made = site.client("stepfunctions").create_state_machine(
        name="edge-inspector-rollout", definition=json.dumps(FOR_EVER), roleArn=ROLE
    )
    return str(made["stateMachineArn"])


def asked_of(site: Site, name: str) -> Any:
    states = site.client("stepfunctions")
    (found,) = (
        each for page in states.get_paginator("list_state_machines").paginate() for each in page["stateMachines"]
    )
    arn = f"{found['stateMachineArn'].replace('stateMachine', 'execution')}:{name}"
    return asked_for(json.loads(states.describe_execution(executionArn=arn)["input"]))


def test_an_approved_model_is_started_by_its_name(site: Site, say: Say) -> None:
    package = site.register("1.0.0")
    assert "no such state machine is here" in say("start", "latest")[2]
    machine(site)
    code, out, _ = say("start", "bright-spot@1.0.0", "--why", "seen it")
    assert code == 0
    asked = asked_of(site, out.strip())
    assert (asked.package, asked.why, asked.is_event) == (package, "seen it", False)


def test_a_model_that_nobody_approved_is_not_started(site: Site, say: Say) -> None:
    site.register("1.0.0", approved=False)
    code, _, err = say("start", "latest")
    assert code == 78
    assert "bright-spot@1.0.0: expected an approved model, found PendingManualApproval" in err


def test_what_people_want_of_a_rollout_is_kept_until_it_has_ended(site: Site, say: Say) -> None:
    execute(site, "first")
    begin(site, "first", by_hand(site.register("1.0.0")))
    for command, wish in (("pause", "pause"), ("go-on", "go_on")):
        assert say(command, "first", "--why", "a visit")[0] == 0
        found = read_wish(site.bucket, "first")
        assert found is not None
        assert (found.wish, found.why) == (wish, "a visit")
    code, out, _ = say("status", "first")
    assert code == 0
    assert "first  running  bright-spot@1.0.0" in out
    assert "go_on by " in out
    assert CANARY in out
    assert say("abort", "first", "--why", "bad")[0] == 0
    code, _, err = say("go-on", "first")
    assert code == 78
    assert "expected a rollout that goes on, found it aborted by" in err


def test_what_has_ended_or_is_none_can_not_be_paused(site: Site, say: Say) -> None:
    package = site.register("1.0.0", approved=False)
    begin(site, "first", by_hand(package))
    assert site.record("first").outcome is Outcome.OVERTAKEN
    assert "first: expected a rollout that goes on, found it overtaken" in say("pause", "first")[2]
    assert "ID: expected one of first, found 'other'" in say("status", "other")[2]
    assert "ID: expected one of first, found 'other'" in say("rollback", "other", "--why", "x")[2]


def test_the_last_rollouts_are_shown_also_for_programs(site: Site, say: Say) -> None:
    assert "no rollouts" in say("status")[1]
    execute(site, "first")
    begin(site, "first", by_hand(site.register("1.0.0")))
    (told,) = json.loads(say("status", "--json")[1])
    assert (told["id"], told["outcome"], told["schema"]) == ("first", "running", "edge-inspector/rollout/1")


def test_a_rollout_whose_execution_is_gone_is_said_to_have_failed(site: Site, say: Say) -> None:
    arn = execute(site, "first")
    begin(site, "first", by_hand(site.register("1.0.0")))
    site.client("stepfunctions").stop_execution(executionArn=arn)
    assert "first  failed  bright-spot@1.0.0  its execution ended on the way\n" in say("status")[1]
    (told,) = json.loads(say("status", "first", "--json")[1])
    assert told["outcome"] == "failed"
    code, _, err = say("abort", "first", "--why", "bad")
    assert code == 78
    assert "first: expected a rollout that goes on, found it failed: its execution ended on the way" in err


def test_a_record_that_cannot_be_read_is_told_beside_the_others(site: Site, say: Say) -> None:
    execute(site, "first")
    begin(site, "first", by_hand(site.register("1.0.0")))
    site.bucket.write("deployment/rollouts/broken/record.json", b"{}")
    _, out, _ = say("status")
    assert "first  running" in out
    assert "deployment/rollouts/broken/record.json: id: expected: Field required" in out


def test_a_plan_is_shown_changed_and_kept(site: Site, say: Say) -> None:
    assert "canary=edge-inspector-canary\nwaves=edge-inspector-all\n" in say("plan")[1]
    code, out, _ = say("plan", "--set", "waves=berlin,lyon", "--set", "limits.offline_share=0.2")
    assert code == 0
    assert "waves=berlin,lyon\nlimits.offline_share=0.2\n" in out
    assert read_plan(site.bucket).waves == ("berlin", "lyon")
    code, _, err = say("plan", "--set", "component=com.example.Other")
    assert (code, read_plan(site.bucket).component) == (78, "com.edgeinspector.Model")
    assert "component: expected com.edgeinspector.Model, as which models are built, found com.example.Other" in err
    code, _, err = say("plan", "--set", "limits.offline_share=2")
    assert code == 78
    assert "plan: limits.offline_share" in err
