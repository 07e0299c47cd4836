"""The rollout's definition: every way through it, on our interpreter as on sfnx, and what it asks of whom."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.deployment.workflow import ROLLOUT
from cloud_side.local.services.events.patterns import Pattern
from cloud_side.local.states.definition import problems_of
from tests.cloud import golden
from tests.cloud.deployment.site import approved_event, ended_event
from tests.cloud.local.states.corpus import Script, every_state, problems_by_statelint
from tests.cloud.local.states.oracle import Outcome, differences, run_on_sfnx
from tests.cloud.local.states.ours import Ours
from tests.cloud.local.states.ways import asked, problems_by_toolkits, untrodden

TEXT = ROLLOUT.filled({name: f"the-{name}" for name in ROLLOUT.placeholders()})
MACHINE = json.loads(TEXT)
TOLD = {"outcome": "done", "subject": "rolled out", "message": "it is on all", "rollout": "execution"}
BAD = {"outcome": "failed", "subject": "the rollout failed", "message": "went back", "rollout": "execution"}
BACK = {"outcome": "rolled-back", "subject": "rolled back", "message": "it is gone", "rollout": "execution"}


def said(following: str, reason: str = "", pause_s: int = 1, told: Any = None, *, blames: bool = False) -> Any:
    """Return what a function answers."""
    payload = {"next": following, "reason": reason, "blames": blames, "pause_s": pause_s, "told": told}
    return {"result": {"StatusCode": 200, "Payload": payload}}


def error(name: str, cause: str = "because") -> Any:
    return {"error": name, "cause": cause}


SENT = [{"result": {"MessageId": "1"}}]
ALL: dict[str, list[Any]] = {
    "Begin": [said("wait", "another", 5), said("go")],
    "Build": [said("go")],
    "Look at component": [said("wait", "", 2), said("go")],
    "Deploy": [said("devices"), said("wait", "paused", 9), said("devices"), said("evidence"), said("finish")],
    "Look at devices": [said("wait", "", 3), said("go")],
    "Look at evidence": [said("go"), said("wait", "", 7), said("go")],
    "Finish": [said("go", told=TOLD)],
    "Restore": [said("go")],
    "Look at restored": [said("wait", "", 4), said("go")],
    "Close": [said("go", told=BAD)],
    "Tell": SENT,
    "Tell of the failure": SENT,
}
FAIL, BUSY, SILENT = (
    said("fail", "went back", blames=True),
    error("Lambda.TooManyRequestsException"),
    error("States.Timeout"),
)
BROKEN = [error("ClientError", "SlowDown")]
TRIED_AGAIN = 20
UNREACHABLE = [error("SNS.AmazonSNSException")]
WAYS: dict[str, tuple[dict[str, list[Any]], str]] = {
    "it is rolled out": (ALL, "SUCCEEDED"),
    "it is overtaken": ({**ALL, "Begin": [said("skip", "newer", told={**TOLD, "outcome": "overtaken"})]}, "SUCCEEDED"),
    "it cannot begin": ({**ALL, "Begin": [FAIL]}, "RolloutFailed"),
    "what was asked is wrong": ({**ALL, "Begin": [error("ConfigError", "input: x")]}, "RolloutFailed"),
    "a rollout is taken back": (
        {**ALL, "Begin": [said("restore")], "Close": [said("go", told=BACK)]},
        "SUCCEEDED",
    ),
    "no component can be built": ({**ALL, "Build": [error("ConfigError", "x")]}, "RolloutFailed"),
    "the component is never deployable": ({**ALL, "Look at component": [FAIL]}, "RolloutFailed"),
    "the component cannot be looked at": ({**ALL, "Look at component": BROKEN}, "RolloutFailed"),
    "it is aborted before a wave": ({**ALL, "Deploy": [FAIL]}, "RolloutFailed"),
    "it cannot be deployed": ({**ALL, "Deploy": BROKEN}, "RolloutFailed"),
    "a device fails": ({**ALL, "Look at devices": [FAIL]}, "RolloutFailed"),
    "devices cannot be asked": ({**ALL, "Look at devices": BROKEN}, "RolloutFailed"),
    "a station refuses it": ({**ALL, "Look at evidence": [FAIL]}, "RolloutFailed"),
    "events cannot be read": ({**ALL, "Look at evidence": BROKEN}, "RolloutFailed"),
    "it cannot be brought back": ({**ALL, "Deploy": [FAIL], "Restore": BROKEN}, "RolloutFailed"),
    "nobody knows whether it is back": ({**ALL, "Deploy": [FAIL], "Look at restored": BROKEN}, "RolloutFailed"),
    "the end cannot be written down": ({**ALL, "Finish": BROKEN}, "ClientError"),
    "the failure cannot be written down": ({**ALL, "Deploy": [FAIL], "Close": BROKEN}, "ClientError"),
    "it is aborted when all have it": ({**ALL, "Finish": [FAIL]}, "RolloutFailed"),
    "neither the way back nor the end can be written down": (
        {**ALL, "Deploy": [FAIL], "Restore": BROKEN, "Close": BROKEN},
        "ClientError",
    ),
    "nobody can be told": ({**ALL, "Tell": UNREACHABLE}, "SUCCEEDED"),
    "nobody can be told of the failure": (
        {**ALL, "Finish": BROKEN, "Tell of the failure": UNREACHABLE},
        "ClientError",
    ),
    "services are busy": (
        {
            **ALL,
            "Begin": [error("RecordLostError")] * 2 + ALL["Begin"],
            "Build": [BUSY, SILENT, *ALL["Build"]],
            "Deploy": [BUSY, *BROKEN, *ALL["Deploy"]],
            "Look at devices": [SILENT, *ALL["Look at devices"]],
            "Look at evidence": [*BROKEN * TRIED_AGAIN, *ALL["Look at evidence"]],
            "Tell": [*UNREACHABLE, *SENT],
        },
        "SUCCEEDED",
    ),
    "services are busy on the way back": (
        {
            **ALL,
            "Deploy": [FAIL],
            "Restore": [*BROKEN * TRIED_AGAIN, *ALL["Restore"]],
            "Look at restored": [*[BUSY, SILENT] * (TRIED_AGAIN // 2), *ALL["Look at restored"]],
        },
        "RolloutFailed",
    ),
}


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    interpreter = Ours()
    yield interpreter
    interpreter.close()


def went(ours: Ours, way: str, given: Any = None) -> Outcome:
    return ours.run(TEXT, {} if given is None else given, Script(WAYS[way][0]))


def test_whoever_judges_definitions_takes_it() -> None:
    assert problems_of(TEXT) == []
    assert problems_by_statelint(MACHINE) == []


@pytest.mark.thorough
def test_the_validator_of_aws_toolkits_takes_it() -> None:
    assert problems_by_toolkits(TEXT) == []


@pytest.mark.parametrize("way", WAYS)
def test_our_interpreter_does_what_sfnx_does(way: str, ours: Ours) -> None:
    expected = run_on_sfnx(MACHINE, {}, Script(WAYS[way][0]))
    assert (expected.error or expected.status) == WAYS[way][1]
    found = went(ours, way)
    for call in (*found.calls, *expected.calls):  # each has an ARN of its own for the same execution
        if call.state == "Begin":
            call.arguments["Payload"].pop("arn")
    assert differences(found, expected, MACHINE) == []


def test_some_way_goes_over_every_transition() -> None:
    assert untrodden(MACHINE, [answers for answers, _ in WAYS.values()]) == set()


def test_each_wave_is_looked_after_before_the_next_one_begins(ours: Ours) -> None:
    found = went(ours, "it is rolled out", {"package": "arn:1"})
    assert (found.status, found.output) == ("SUCCEEDED", TOLD)
    first, _ = asked(found, "Begin")
    assert (first["bucket"], first["execution"], first["input"]) == ("the-Bucket", "execution", {"package": "arn:1"})
    assert first["arn"].endswith(":execution:machine:execution")
    assert asked(found, "Deploy") == [{"bucket": "the-Bucket", "execution": "execution"}] * 5
    assert [wait.seconds for wait in found.waits] == [5, 2, 3, 9, 7]
    assert asked(found, "Tell") == [{"TopicArn": "the-Topic", "Subject": "rolled out", "Message": "it is on all"}]
    assert asked(found, "Restore") == []


@pytest.mark.parametrize(
    ("way", "reason", "failure", "unrestored", "blames"),
    [
        ("a station refuses it", "went back", None, None, True),
        ("events cannot be read", "", "ClientError", None, False),
        ("no component can be built", "", "ConfigError", None, True),
        ("what was asked is wrong", "", "ConfigError", None, False),
        ("it cannot be deployed", "", "ClientError", None, False),
        ("it cannot be brought back", "went back", None, "ClientError", True),
        ("nobody knows whether it is back", "went back", None, "ClientError", True),
        ("services are busy on the way back", "went back", None, None, True),
        ("a rollout is taken back", "", None, None, False),
        ("it is aborted when all have it", "went back", None, None, True),
    ],
)
def test_why_it_goes_back_and_whether_the_model_is_to_blame_is_known_at_the_end(  # noqa: PLR0913 - what is known
    ours: Ours, way: str, reason: str, failure: str | None, unrestored: str | None, *, blames: bool
) -> None:
    found = went(ours, way)
    (closed,) = asked(found, "Close")
    assert closed["reason"] == reason
    assert closed["blames"] is blames
    assert (closed["failure"] or {}).get("Error") == failure
    assert (closed["unrestored"] or {}).get("Error") == unrestored
    assert asked(found, "Restore")


def test_what_is_not_brought_back_is_told_first_also_where_its_end_cannot_be_written_down(ours: Ours) -> None:
    (told,) = asked(went(ours, "neither the way back nor the end can be written down"), "Tell of the failure")
    assert told["Message"] == "NOT BROUGHT BACK: SlowDown; execution: ClientError: SlowDown"
    (told,) = asked(went(ours, "the failure cannot be written down"), "Tell of the failure")
    assert told["Message"] == "execution: ClientError: SlowDown"


@pytest.mark.parametrize("way", ["it is rolled out", "a station refuses it", "the end cannot be written down"])
def test_every_request_is_one_that_aws_takes(ours: Ours, way: str) -> None:
    for call in went(ours, way).calls:
        *_, service, operation = call.resource.split(":")
        request = dict(call.arguments)
        if service == "lambda":
            request["Payload"] = json.dumps(request["Payload"])
        assert golden.problems_of(request, service, operation) == "", call.state


def test_its_functions_are_those_of_the_workflow_and_may_take_as_long_as_is_waited_for() -> None:
    limits = {f"the-{function.name}": function.timeout_s for function in ROLLOUT.functions}
    called = {}
    for name, state, _ in every_state(MACHINE):
        if state.get("Resource", "").endswith("lambda:invoke"):
            called[state["Arguments"]["FunctionName"]] = state["TimeoutSeconds"]
            assert state["Retry"][-2]["MaxAttempts"] == 0, name
    assert called.keys() == limits.keys()
    assert all(called[name] > limit for name, limit in limits.items())
    for function in ROLLOUT.functions:
        module, _, handler = function.handler.rpartition(".")
        assert callable(getattr(importlib.import_module(module), handler))


def test_trouble_of_aws_is_tried_again_for_an_hour_or_so_in_every_step() -> None:
    for name, state, _ in every_state(MACHINE):
        if state.get("Resource", "").endswith("lambda:invoke"):
            last = state["Retry"][-1]
            assert last["ErrorEquals"] == ["States.TaskFailed", "States.Timeout"], name
            growth = (last["IntervalSeconds"] * last["BackoffRate"] ** n for n in range(last["MaxAttempts"]))
            at_most_s = sum(min(each, last["MaxDelaySeconds"]) for each in growth)
            assert last["JitterStrategy"] == "FULL"  # half of it, on the average
            assert 3600 <= at_most_s / 2 <= 2 * 3600, name


APPROVED = approved_event("arn:aws:sagemaker:eu-central-1:000000000000:model-package/edge-inspector/7")


@pytest.mark.parametrize(
    ("detail", "matches"),
    [
        ({}, True),
        ({"ModelApprovalStatus": "PendingManualApproval"}, False),
        ({"ModelApprovalStatus": "Rejected"}, False),
        ({"ModelPackageGroupName": "other"}, False),
    ],
)
def test_an_approved_model_of_the_product_begins_it(detail: dict[str, str], matches: bool) -> None:  # noqa: FBT001 - a case
    rule = ROLLOUT.rules[0]
    assert rule.pattern is not None
    pattern = Pattern(rule.pattern.replace("${ModelPackageGroup}", "edge-inspector"))
    assert pattern.matches({**APPROVED, "detail": {**APPROVED["detail"], **detail}}) is matches


@pytest.mark.parametrize(
    ("detail", "matches"),
    [
        ({}, True),
        ({"status": "TIMED_OUT"}, True),
        ({"status": "FAILED"}, True),
        ({"status": "RUNNING"}, False),
        ({"status": "SUCCEEDED"}, False),
        ({"stateMachineArn": "arn:aws:states:eu-central-1:000000000000:stateMachine:edge-inspector-retrain"}, False),
    ],
)
def test_an_execution_that_ends_on_the_way_begins_one_that_looks_after_what_it_left(
    detail: dict[str, str],
    matches: bool,  # noqa: FBT001 - a case
) -> None:
    rule = ROLLOUT.rules[1]
    assert rule.pattern is not None
    event = ended_event("first", "ABORTED")
    machine = event["detail"]["stateMachineArn"]
    pattern = Pattern(rule.pattern.replace("${edge-inspector-rollout}", machine))
    assert pattern.matches({**event, "detail": {**event["detail"], **detail}}) is matches
