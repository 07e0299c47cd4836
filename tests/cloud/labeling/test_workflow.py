"""What the labeling workflow asks of whom, on our interpreter; that sfnx agrees is told by the definition's tests."""

import importlib
import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.labeling.workflow import LABELING
from cloud_side.local.services.events.patterns import Pattern
from tests.cloud.golden import problems_of
from tests.cloud.labeling.branches import OUTPUT, STARTED, SUMMARY, WAYS, Answers
from tests.cloud.local.states.corpus import Script
from tests.cloud.local.states.oracle import Outcome
from tests.cloud.local.states.ours import Ours

TEXT = LABELING.filled({name: f"the-{name}" for name in LABELING.placeholders()})
ANSWERS = {way.name: way.answers for way in WAYS}
DAY_S = 86_400


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    interpreter = Ours()
    yield interpreter
    interpreter.close()


def went(ours: Ours, way: str, **changed: Any) -> Outcome:
    """Run one of the ways, with other answers of some states."""
    answers: Answers = {**ANSWERS[way], **{state.replace("_", " "): said for state, said in changed.items()}}
    return ours.run(TEXT, {"budget": 3}, Script(answers))


def asked(outcome: Outcome, state: str) -> list[Any]:
    """Return what each call of a state was asked."""
    found = [call.arguments for call in outcome.calls if call.state == state]
    return [each.get("Payload", each) if isinstance(each, dict) else each for each in found]


def test_a_batch_is_named_by_its_execution_and_knows_what_it_was_asked_for(ours: Ours) -> None:
    found = went(ours, "accepted in the first round")
    assert (found.status, found.output) == ("SUCCEEDED", SUMMARY)
    (settle,) = asked(found, "Settings")
    assert settle == {
        "bucket": "the-Bucket",
        "batch": "execution",
        "started": STARTED,
        "workteam": "the-Workteam",
        "input": {"budget": 3},
    }
    (told,) = asked(found, "Tell")
    assert json.loads(told["Message"]) == {"batch": "execution", **SUMMARY}


def test_children_get_their_images_and_what_the_batch_is_about(ours: Ours) -> None:
    found = went(ours, "accepted in the first round")
    assert [len(each["items"]) for each in asked(found, "Prepare some")] == [20, 3]
    assert [each["item"]["partition"][-10:] for each in asked(found, "Index a day")] == ["2026-03-01", "2026-02-28"]
    (stored,) = asked(found, "Store some")
    assert (stored["round"], stored["feature_group"], len(stored["items"])) == (1, "the-LabelStore", 3)
    children = [*asked(found, "Prepare some"), *asked(found, "Index a day"), stored]
    assert {each["batch"] for each in children} == {"execution"}  # a child's own name is another one


def test_people_have_the_days_of_the_settings(ours: Ours) -> None:
    found = went(ours, "nobody labeled")
    assert found.elapsed_s == pytest.approx(7 * DAY_S, abs=60)
    (work,) = asked(found, "Label by page")
    assert (work["kind"], work["round"], work["closes_at"][:16]) == ("label", 1, "2026-03-08T08:30")
    assert asked(found, "Shut labeling") == [
        {"bucket": "the-Bucket", "batch": "execution", "round": 1, "kind": "label"}
    ]
    assert asked(found, "Verify by page") == []  # nobody is asked to verify nothing
    assert went(ours, "time is up for verification").elapsed_s == pytest.approx(7 * DAY_S, abs=60)


def test_the_next_round_has_its_own_orders_and_the_last_one_is_the_last(ours: Ours) -> None:
    found = went(ours, "rejected to the last round")
    for state in ("Label by page", "Collect labels", "Verify by page", "Collect verdicts"):
        assert [each["round"] for each in asked(found, state)] == [1, 2, 3], state
    assert asked(found, "Store some") == []
    assert len(asked(found, "Close")) == 1


def test_answers_of_no_use_go_round_again_though_there_is_nothing_to_verify(ours: Ours) -> None:
    found = went(ours, "no answer is of use, then all are")
    assert [each["round"] for each in asked(found, "Label by page")] == [1, 2]
    assert [each["round"] for each in asked(found, "Verify by page")] == [2]
    last = went(ours, "no answer is of use to the last round")
    assert [each["round"] for each in asked(last, "Label by page")] == [1, 2, 3]
    assert (last.status, asked(last, "Verify by page")) == ("SUCCEEDED", [])


def test_who_lost_a_number_chooses_again_under_the_next_one(ours: Ours) -> None:
    found = went(ours, "another batch was first, then this one is")
    assert [each["number"] for each in asked(found, "Take")] == [7, 8]
    assert [each["QueryString"] for each in asked(found, "Select")] == ["SELECT 1", "SELECT 2"]
    assert len(asked(went(ours, "other batches are first again and again"), "Take")) == 20


def test_whatever_fails_is_closed_told_of_and_the_executions_own_failure(ours: Ours) -> None:
    found = went(ours, "accepted in the first round", Gather=[{"error": "LabelError", "cause": "line 3"}])
    assert (found.status, found.error, found.cause) == ("FAILED", "LabelError", "line 3")
    (closed,) = asked(found, "Close")
    assert (closed["number"], closed["failure"]) == (7, {"Error": "LabelError", "Cause": "line 3"})
    (told,) = asked(found, "Tell of the failure")
    assert told["Message"] == "execution: LabelError: line 3"
    (closed,) = asked(went(ours, "accepted in the first round"), "Close")
    assert closed["failure"] is None


def test_an_input_that_is_wrong_is_told_of_and_takes_nothing(ours: Ours) -> None:
    found = went(ours, "the settings are wrong")
    assert (found.error, found.cause) == ("ConfigError", "budget: expected more")
    assert [call.state for call in found.calls] == ["Settings", "Tell of the failure"]


def test_a_job_whose_name_is_taken_gets_another_attempts_name(ours: Ours) -> None:
    found = went(ours, "Ground Truth: no room for a job, and a name in use")
    assert [each["attempt"] for each in asked(found, "Labeling request")] == [1, 2]
    names = [each["LabelingJobName"] for each in asked(found, "Label by Ground Truth")]
    assert [name.partition("-label-")[2] for name in names] == ["1-1", "1-1", "1-2"]
    assert [each["attempt"] for each in asked(found, "Verification request")] == [1, 2]
    (first, _) = asked(found, "Labeling request")
    assert (first["role"], first["workteam"], first["kind"]) == ("the-LabelingRole", "the-Workteam", "label")
    again = went(ours, "Ground Truth: rejected ones go round again")
    assert [(each["round"], each["attempt"]) for each in asked(again, "Labeling request")] == [(1, 1), (2, 1)]


def test_no_free_name_ends_the_batch(ours: Ours) -> None:
    found = went(ours, "Ground Truth: no name is free")
    assert [each["attempt"] for each in asked(found, "Labeling request")] == [1, 2, 3, 4]
    assert asked(found, "Close")[0]["failure"] == {"Error": "ConfigError", "Cause": "batch: expected a name"}


def test_what_was_answered_before_somebody_stopped_a_job_counts(ours: Ours) -> None:
    found = went(ours, "Ground Truth: labeling is stopped by a person")
    assert [each["output"] for each in asked(found, "Collect labels")] == [f"{OUTPUT}/half.manifest"]
    assert asked(found, "Close")[0]["failure"] is None
    late = went(ours, "Ground Truth: time is up for labeling")
    (name,) = {each["job"] for each in asked(late, "Labeling ended early")}
    assert name == asked(late, "Label by Ground Truth")[0]["LabelingJobName"]
    assert late.status == "SUCCEEDED"
    failed = went(ours, "Ground Truth: labeling fails")
    assert asked(failed, "Collect labels") == []
    assert "no such label" in asked(failed, "Close")[0]["failure"]["Cause"]


@pytest.mark.parametrize("way", ["accepted in the first round", "Ground Truth: labeling fails"])
def test_every_request_is_one_that_aws_takes(ours: Ours, way: str) -> None:
    found = went(ours, way)
    assert {call.resource.partition(":::")[2] for call in found.calls} >= {"lambda:invoke", "sns:publish"}
    for call in found.calls:
        service, operation = call.resource.partition(":::")[2].split(":")[:2]
        request = dict(call.arguments)
        if service == "lambda":
            request["Payload"] = json.dumps(request["Payload"])
        assert problems_of(request, service, operation.partition(".")[0]) == "", call.state


@pytest.mark.parametrize(
    ("bucket", "key", "goes"),
    [
        ("edge-inspector", "samples/site=a/line=1/station=p/dt=2026-03-01/01-1.json", True),
        ("edge-inspector", "samples/site=a/line=1/station=p/dt=2026-03-01/01-1.jpg", False),
        ("edge-inspector", "catalog/arrivals/site=a/line=1/station=p/dt=2026-03-01/01-1.json.0062", False),
        ("edge-inspector", "catalog/index/site=a/line=1/station=p/dt=2026-03-01.jsonl", False),
        ("another", "samples/site=a/line=1/station=p/dt=2026-03-01/01-1.json", False),
    ],
)
def test_sidecars_are_announced(bucket: str, key: str, goes: bool) -> None:  # noqa: FBT001 - a parameter of the test
    (rule,) = LABELING.rules
    pattern = Pattern((rule.pattern or "").replace("${Bucket}", "edge-inspector"))
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
    assert pattern.matches(event) is goes


@pytest.mark.parametrize("function", LABELING.functions, ids=lambda function: function.name)
def test_a_functions_handler_is_there_and_takes_an_event(function: Any) -> None:
    module, _, name = function.handler.rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    assert list(inspect.signature(handler).parameters) == ["event", "context"]
