"""What is done, and undone: what a rollout takes for its own, when a way back may begin, and what is told of it."""

import json
from typing import Any

import pytest

from cloud_side.deployment.components import deployment_name
from cloud_side.deployment.keeping import read_record, read_wish, write_record, write_wish
from cloud_side.deployment.records import Outcome, Stage, Wish
from cloud_side.deployment.telling import told_of
from cloud_side.local.devices.inspector import INSPECTOR, MODEL
from edge_inspector.errors import ConfigError
from tests.cloud.deployment.site import ALL, BUCKET, CANARY, NAME, Site, approved_event, by_hand, ended_event
from tests.cloud.deployment.test_looks import TROUBLE, begin, everything, step
from tests.cloud.deployment.test_requests import AT, RECORD
from tests.cloud.deployment.test_rollouts import bring, fails, offline, wish
from tests.cloud.deployment.test_turns import begin as first_step
from tests.cloud.deployment.test_turns import execute
from tests.cloud.local.states.corpus import TaskFailed

CLI = {"aws.greengrass.Cli": {"componentVersion": "2.0.0"}}


def revise(site: Site, **more: Any) -> str:
    """Have somebody revise what the canary has, as the console does: under its name, and with another component."""
    components = {**site.latest(CANARY)["components"], **CLI}
    made = site.client("greengrassv2").create_deployment(
        targetArn=site.target(CANARY), deploymentName=deployment_name("first", 0), components=components, **more
    )
    return str(made["deploymentId"])


def forget_the_deployment(site: Site) -> None:
    """Have the record say what it says when Deploy is killed as soon as it has made the canary's deployment."""
    kept = read_record(site.bucket, "first")
    assert kept is not None
    write_record(site.bucket, kept.record.with_wave(0, stage=Stage.DEPLOYING, deployment_id=None), kept.etag)


def test_a_revision_of_somebody_else_that_kept_the_rollouts_name_stays(site: Site) -> None:
    begin(site, site.register("1.0.0"))
    revise(site)
    assert step(site, "Restore") == "go"
    assert site.latest(CANARY)["components"].keys() == {INSPECTOR, *CLI}


def test_what_a_target_had_is_written_down_once_and_the_same_deployment_is_found_again(site: Site) -> None:
    begin(site, site.register("1.0.0"))
    record, count = site.record("first"), site.deployments()
    forget_the_deployment(site)
    assert step(site, "Deploy") == "devices"
    (found, _), (expected, _) = site.record("first").waves, record.waves
    assert (found.deployment_id, found.before) == (expected.deployment_id, expected.before)
    assert site.deployments() == count
    forget_the_deployment(site)
    revise(site)
    assert step(site, "Deploy") == "fail"
    assert site.record("first").waves[0].before == expected.before


def test_a_step_that_goes_on_when_another_rollout_has_the_turn_deploys_nothing(site: Site) -> None:
    begin(site, site.register("1.0.0"))
    kept, count = site.bucket.read("deployment/current.json"), site.deployments()
    assert kept is not None
    site.bucket.write("deployment/current.json", kept.content.replace(b'"first"', b'"second"'))
    with pytest.raises(TaskFailed, match="expected the turn of first, found that of second"):
        step(site, "Restore")
    kept_record = read_record(site.bucket, "first")
    assert kept_record is not None
    pending = kept_record.record.with_wave(0, stage=Stage.DONE)
    write_record(site.bucket, pending, kept_record.etag)
    with pytest.raises(TaskFailed, match="expected the turn of first, found that of second"):
        step(site, "Deploy")
    assert site.deployments() == count


def test_a_deployment_that_was_stopped_is_not_what_was_there_before(site: Site) -> None:
    offline(site, "press-1")
    stopped = revise(site)
    site.client("greengrassv2").cancel_deployment(deploymentId=stopped)
    offline(site)
    begin(site, site.register("1.0.0"))
    before = site.record("first").waves[0].before
    assert before is not None
    assert before.components.keys() == {INSPECTOR}
    assert site.latest(CANARY)["components"].keys() == {INSPECTOR, MODEL}


@pytest.mark.thorough
@pytest.mark.parametrize("proves", [True, False])
def test_what_a_rollout_that_was_stopped_has_deployed_must_be_proved_before_others_get_it(
    site: Site, *, proves: bool
) -> None:
    before, package = everything(site), site.register("1.0.0")
    begin(site, package)
    left = site.record("first").waves[0]
    site.settle()
    site.plan(proof_timeout_s=60)
    if not proves:
        site.silent.add("press-1")
    found = site.run("second", by_hand(package))
    canary, _ = site.record("second").waves
    assert (canary.deployment_id, canary.before) == (left.deployment_id, left.before)
    assert found.status == ("SUCCEEDED" if proves else "FAILED")
    if proves:
        assert (canary.stage, canary.seen.proved) == (Stage.DONE, 1)
    else:
        assert everything(site) == before
        assert site.current("press-2") is None


@pytest.mark.thorough
def test_a_rollback_that_is_aborted_while_it_waits_takes_nothing_back(site: Site) -> None:
    bring(site)
    before = everything(site)
    execute(site, "second")
    assert first_step(site, "second", by_hand(site.register("1.1.0")))["next"] == "go"
    asked = {"rollback": "before", "by": "ben", "why": "x"}
    assert first_step(site, "back", asked)["next"] == "wait"
    wish(site, "back", "abort")
    payload = {"FunctionName": f"the-{NAME}-restore", "Payload": {"bucket": BUCKET}}
    assert site.step("back", "Restore", payload)["next"] == "go"
    found = site.run("back", asked)
    assert str(found.cause).endswith("aborted by ben: seen enough.\nIt was not its turn yet: nothing was changed.")
    assert everything(site) == before
    record = site.record("before")
    assert (record.outcome, site.approval(record.package)) == (Outcome.DONE, ("Approved", "ana"))
    kept = site.bucket.read("deployment/current.json")
    assert kept is not None
    assert json.loads(kept.content)["rollout"] == "second"


@pytest.mark.thorough
def test_a_rollback_that_has_waited_begins_only_if_its_rollout_is_still_the_last_one(site: Site) -> None:
    bring(site)
    execute(site, "second")
    first_step(site, "second", by_hand(site.register("1.1.0")))
    asked = {"rollback": "before", "by": "ben", "why": "x"}
    assert first_step(site, "back", asked)["next"] == "wait"
    site.bucket.remove("deployment/current.json")
    bring(site, "1.2.0", "third")
    with pytest.raises(TaskFailed, match="only the last rollout can be taken back"):
        first_step(site, "back", asked)


@pytest.mark.thorough
def test_of_two_that_take_the_same_back_the_later_one_does_not_say_that_it_is_not_back(site: Site) -> None:
    bring(site)
    execute(site, "second")
    first_step(site, "second", by_hand(site.register("1.1.0")))
    asked = {"rollback": "before", "by": "ben", "why": "x"}
    assert first_step(site, "late", asked)["next"] == "wait"
    site.bucket.remove("deployment/current.json")
    assert site.run("early", asked).output["outcome"] == "rolled-back"
    found = site.run("late", asked)
    assert found.status == "FAILED"
    assert "there is nothing to take back" in str(found.cause)
    assert "NOT BROUGHT BACK" not in str(found.cause)


@pytest.mark.thorough
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.RUNNING])
def test_what_was_aborted_after_its_last_wave_and_ended_on_the_way_back_is_taken_back(
    site: Site, outcome: Outcome
) -> None:
    before = everything(site)
    bring(site)
    kept = read_record(site.bucket, "before")
    assert kept is not None
    ended = {"outcome": outcome, "ended_at": None if outcome is Outcome.RUNNING else kept.record.ended_at}
    write_record(site.bucket, kept.record.model_copy(update=ended), kept.etag)
    wish(site, "before", "abort")
    assert site.run("rescue", ended_event("before", "FAILED")).output["outcome"] == "rolled-back"
    assert everything(site) == before


@pytest.mark.thorough
def test_a_wave_from_which_somebody_took_the_model_does_not_keep_the_others_from_going_back(site: Site) -> None:
    bring(site)
    before = everything(site)
    bring(site, "1.1.0", "second")
    without = {name: said for name, said in site.latest(CANARY)["components"].items() if name != MODEL}
    site.client("greengrassv2").create_deployment(targetArn=site.target(CANARY), components=without)
    found = site.run("back", {"rollback": "second", "by": "ben", "why": "escapes"})
    assert found.output["outcome"] == "rolled-back"
    assert site.latest(CANARY)["components"] == without
    assert site.latest(ALL)["components"] == before[ALL]["components"]


def test_a_deployment_that_a_person_stops_says_nothing_against_the_model(site: Site) -> None:
    offline(site, "press-1")
    package = site.register("1.0.0")
    begin(site, package)
    site.client("greengrassv2").cancel_deployment(deploymentId=site.record("first").waves[0].deployment_id)
    offline(site)
    payload = {"FunctionName": f"the-{NAME}-look-devices", "Payload": {"bucket": BUCKET}}
    said = site.step("first", "Look at devices", payload)
    assert (said["next"], said["reason"], said["blames"]) == ("fail", "somebody stopped the deployment", False)


@pytest.mark.thorough
@pytest.mark.parametrize("asked", ["back", "second"])
def test_a_rollback_that_failed_halfway_says_so_first_and_can_be_done_again(asked: str, site: Site) -> None:
    bring(site)
    before = everything(site)
    bring(site, "1.1.0", "second")

    def fail(state: str, _: int) -> None:
        if state == "Look at restored":
            raise TROUBLE

    site.killer = fail
    offline(site, "press-2")
    found = site.run("back", {"rollback": "second", "by": "ben", "why": "escapes"})
    assert str(found.cause).startswith(
        "NOT BROUGHT BACK: edge-inspector-canary, edge-inspector-all. `rollout rollback second` tries again."
        " edge-inspector-canary: ClientError: An error occurred (ThrottlingException)."
    )
    assert site.told == ["bright-spot@1.1.0: not taken back"]
    assert site.record("second").outcome is Outcome.DONE
    site.killer = lambda _state, _attempt: None
    offline(site)
    assert site.run("again", {"rollback": asked, "by": "ben", "why": "escapes"}).output["outcome"] == "rolled-back"
    assert everything(site) == before
    assert {site.current(each) for each in ("press-1", "press-2", "press-3")} == {"bright-spot/1.0.0"}
    assert site.record("second").outcome is Outcome.ROLLED_BACK


@pytest.mark.thorough
def test_a_way_back_that_somebody_stops_is_told_first_and_can_be_gone_again(site: Site) -> None:
    before, names = everything(site), ["first", "again"]

    def stop(state: str) -> None:
        if state == "Restore":
            offline(site, "press-1")
        if state == "Look at restored" and names:
            restoring = site.record(names.pop(0)).waves[0].restoring_id
            site.client("greengrassv2").cancel_deployment(deploymentId=restoring)

    site.hooks.append(stop)
    site.silent |= {"press-1"}
    site.plan(proof_timeout_s=60)
    found = site.run("first", by_hand(site.register("1.0.0")))
    assert str(found.cause).startswith(
        "NOT BROUGHT BACK: edge-inspector-canary. `rollout rollback first` tries again. edge-inspector-canary: the "
        "deployment that brings it back was stopped; 1 of 1 devices are not back yet: press-1."
    )
    assert site.told == ["bright-spot@1.0.0: the rollout failed, and it is not back everywhere"]
    assert site.record("first").waves[0].stage is Stage.UNRESTORED
    assert site.run("nobody", ended_event("first", "FAILED")).output is None  # it was told; a person decides
    asked = {"rollback": "first", "by": "ben", "why": "once more"}
    assert "the deployment that brings it back was stopped" in str(site.run("again", asked).cause)
    site.hooks.clear()
    offline(site)
    assert site.run("third", asked).output["outcome"] == "rolled-back"
    assert everything(site) == before
    assert site.deployments() == 6


@pytest.mark.thorough
def test_a_rollout_is_not_called_back_where_no_device_is(site: Site) -> None:
    bring(site)
    site.plan(device_timeout_s=60)
    bring(site, "1.1.0", "second")
    offline(site, "press-1", "press-2", "press-3")
    asked = {"rollback": "second", "by": "ben", "why": "escapes"}
    found = site.run("back", asked)
    assert "NOT BROUGHT BACK: edge-inspector-canary, edge-inspector-all." in str(found.cause)
    assert site.record("second").outcome is Outcome.DONE
    offline(site)
    site.settle()
    assert site.current("press-1") == "bright-spot/1.0.0"


@pytest.mark.thorough
def test_an_abort_at_the_last_moment_is_heeded(site: Site) -> None:
    before = everything(site)
    site.hooks.append(lambda state: wish(site, "first", "abort") if state == "Finish" else None)
    assert fails(site, "first", by_hand(site.register("1.0.0"))) == "aborted by ben: seen enough"
    assert everything(site) == before


@pytest.mark.thorough
def test_an_abort_on_the_way_back_says_no_to_the_model(site: Site) -> None:
    site.plan(proof_timeout_s=60)
    site.silent |= {"press-1"}
    site.hooks.append(lambda state: wish(site, "first", "abort") if state == "Restore" else None)
    reason = fails(site, "first", by_hand(site.register("1.0.0")))
    assert reason.startswith("aborted by ben: seen enough; 1 of 1 stations did not prove it")


def test_a_package_that_was_deleted_meanwhile_is_told_and_stops_nothing(site: Site) -> None:
    package = site.register("1.0.0")
    begin(site, package)
    step(site, "Restore")
    site.client("sagemaker").delete_model_package(ModelPackageName=package)
    more = {"bucket": BUCKET, "failure": None, "reason": "too slow", "blames": True, "unrestored": None}
    said = site.step("first", "Close", {"FunctionName": f"the-{NAME}-close", "Payload": more})
    assert "was not rolled out: too slow; its package is not rejected: " in said["told"]["message"]
    assert site.record("first").outcome is Outcome.FAILED
    assert site.bucket.read("deployment/current.json") is None


def test_a_record_that_cannot_be_read_stops_no_other_rollout(site: Site) -> None:
    site.bucket.write("deployment/rollouts/broken/record.json", b"{}")
    lock = {"rollout": "broken", "execution": RECORD.execution, "since": AT.isoformat()}
    site.bucket.write("deployment/current.json", json.dumps(lock).encode())
    assert first_step(site, "first", approved_event(site.register("1.0.0")))["next"] == "go"


def test_what_is_not_back_is_told_first_however_long_the_rest_is() -> None:
    record = RECORD.model_copy(update={"outcome": Outcome.FAILED, "reason": "r" * 9000})
    record = record.with_wave(1, stage=Stage.UNRESTORED, told="1 of 2 devices are not back yet: press-3")
    told = told_of(record.with_wave(0, stage=Stage.RESTORED))
    assert told["message"].startswith(
        "NOT BROUGHT BACK: edge-inspector-all. `rollout rollback rollout-1` tries again."
        " edge-inspector-all: 1 of 2 devices are not back yet: press-3.\ntags@1.2.0 as "
    )
    assert len(told["message"]) == 4000
    assert told["subject"] == "tags@1.2.0: the rollout failed, and it is not back everywhere"
    is_back = record.model_copy(update={"reason": "slow"}).with_wave(1, stage=Stage.LEFT, told="")
    assert told_of(is_back)["message"].endswith("was not rolled out: slow.\nNothing had to be brought back.")


def test_two_people_who_want_something_at_the_same_moment_are_not_lost_to_each_other(site: Site) -> None:
    first, second = (Wish(wish=said, by=by, at=AT) for said, by in (("abort", "ana"), ("go_on", "ben")))
    write_wish(site.bucket, "first", Wish(wish="pause", by="ben", at=AT))

    def say_first(**_: Any) -> None:
        events.unregister("after-call.s3.GetObject", say_first)
        write_wish(site.bucket, "first", first)

    events = site.bucket.s3.meta.events
    events.register("after-call.s3.GetObject", say_first)
    with pytest.raises(ConfigError, match="somebody else wants something of it at this moment"):
        write_wish(site.bucket, "first", second)
    assert read_wish(site.bucket, "first") == first
