"""The workflow that trains a model: every way through it, on our interpreter as on sfnx, and what it asks of whom."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.services.events.patterns import Pattern
from cloud_side.local.states.definition import problems_of
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.triggers.asking import Asked
from cloud_side.training.triggers.records import Record
from cloud_side.training.triggers.requests import start_request
from cloud_side.training.triggers.settings import TrainingSettings, Trigger
from cloud_side.training.workflow import RETRAIN
from cloud_side.workflows import filled
from tests.cloud import golden
from tests.cloud.local.states.corpus import Script, every_state, problems_by_statelint
from tests.cloud.local.states.oracle import Outcome, differences, run_on_sfnx
from tests.cloud.local.states.ours import Ours
from tests.cloud.local.states.ways import asked, problems_by_toolkits, untrodden

TEXT = RETRAIN.filled({name: f"the-{name}" for name in RETRAIN.placeholders()})
MACHINE = json.loads(TEXT)
STATES: dict[str, Any] = MACHINE["States"]
ARN = "arn:aws:sagemaker:eu-central-1:000000000000:pipeline/edge-inspector-training/execution/abc123"
STARTED = "2026-03-01T08:30:00.000Z"
RECORD = Record("execution", "parts", "a" * 64, "parts", Hyperparameters().texts(), "hand", "", STARTED)
REQUEST = start_request(RECORD, TrainingSettings())
WAITS = {"outcome": "waiting", "subject": "a model waits", "message": "approve it", "package": "arn:1"}
REFUSED = {"outcome": "refused", "subject": "refused", "message": "mAP50 too low", "package": None}
FAILED = {"outcome": "failed", "subject": "failed", "message": "Train: no disk", "package": None}
NOTHING = {
    "outcome": "nothing",
    "subject": "Nothing to train",
    "message": "12 new labels, 200 are needed",
    "package": None,
}


def payload(**document: Any) -> Any:
    return {"result": {"StatusCode": 200, "Payload": document}}


def error(name: str, cause: str = "because") -> Any:
    return {"error": name, "cause": cause}


def status(said: str) -> Any:
    return {"result": {"PipelineExecutionArn": ARN, "PipelineExecutionStatus": said}}


def decided(asked: Asked) -> Any:
    settings = TrainingSettings().model_dump(mode="json")
    found = {"go": True, "why": "200 new labels", "new_labels": 200, "told": None}
    return payload(**found, asked=asked.model_dump(mode="json"), settings=settings)


TAKEN = payload(go=False, key=RECORD.key, told=NOTHING, request=None)
ALL: dict[str, list[Any]] = {
    "Decide": [decided(Asked())],
    "Make dataset version": [payload(version="a" * 64, is_new=True)],
    "Take the run": [payload(go=True, key=RECORD.key, request=REQUEST, told=None)],
    "Start": [{"result": {"PipelineExecutionArn": ARN}}],
    "Note": [payload(run="abc123")],
    "Look": [status("Executing"), status("Stopping"), status("Succeeded")],
    "Result": [payload(**WAITS)],
    "Tell": [{"result": {"MessageId": "1"}}],
    "Tell of the failure": [{"result": {"MessageId": "2"}}],
}
LAMBDA_BUSY, BROKEN = error("Lambda.TooManyRequestsException"), error("ClientError", "SlowDown")
THROTTLED, GONE = error("SageMaker.ThrottlingException"), error("SageMaker.ResourceNotFoundException")
UNREACHABLE = [error("SNS.AmazonSNSException")]
WAYS: dict[str, tuple[dict[str, list[Any]], str]] = {
    "a model waits for approval": (ALL, "SUCCEEDED"),
    "there is nothing to do": (
        {**ALL, "Decide": [payload(go=False, why="", new_labels=12, asked={}, settings={}, told=NOTHING)]},
        "SUCCEEDED",
    ),
    "the same was trained before": ({**ALL, "Take the run": [TAKEN]}, "SUCCEEDED"),
    "the same was trained before, and a schedule asks": (
        {**ALL, "Decide": [decided(Asked(kind=Trigger.SCHEDULE))], "Take the run": [TAKEN]},
        "SUCCEEDED",
    ),
    "the gate refuses": ({**ALL, "Look": [status("Failed")], "Result": [payload(**REFUSED)]}, "SUCCEEDED"),
    "a step fails": ({**ALL, "Look": [status("Failed")], "Result": [payload(**FAILED)]}, "TrainingFailed"),
    "labels come late": ({**ALL, "Decide": [error("LateRowsError")] * 3 + ALL["Decide"]}, "SUCCEEDED"),
    "the record is written by two": (
        {**ALL, "Take the run": [error("RecordLostError")] * 2 + ALL["Take the run"]},
        "SUCCEEDED",
    ),
    "services are busy": (
        {
            **ALL,
            "Decide": [LAMBDA_BUSY, BROKEN, *ALL["Decide"]],
            "Make dataset version": [error("States.Timeout"), *ALL["Make dataset version"]],
            "Start": [THROTTLED, error("States.Timeout"), *ALL["Start"]],
            "Look": [error("States.Timeout"), status("Executing"), THROTTLED, status("Succeeded")],
            "Tell": [*UNREACHABLE, *ALL["Tell"]],
        },
        "SUCCEEDED",
    ),
    "the pipeline cannot be started": (
        {**ALL, "Start": [error("SageMaker.ResourceNotFoundException")], "Result": [payload(**FAILED)]},
        "TrainingFailed",
    ),
    "the pipeline is gone": ({**ALL, "Look": [GONE], "Result": [payload(**FAILED)]}, "TrainingFailed"),
    "which pipeline it is cannot be noted": ({**ALL, "Note": [error("KeyError")]}, "SUCCEEDED"),
    "nobody can be told": ({**ALL, "Tell": UNREACHABLE}, "SUCCEEDED"),
    "nobody can be told of a failure": (
        {**ALL, "Decide": [error("ConfigError", "input: expected more")], "Tell of the failure": UNREACHABLE},
        "ConfigError",
    ),
    "the settings are wrong": ({**ALL, "Decide": [error("ConfigError", "input: expected more")]}, "ConfigError"),
    "no version can be made": ({**ALL, "Make dataset version": [error("DatasetError", "no image")]}, "DatasetError"),
    "the run cannot be taken": ({**ALL, "Take the run": [error("KeyError")]}, "KeyError"),
    "the result cannot be read": ({**ALL, "Result": [error("KeyError")]}, "KeyError"),
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
    assert differences(went(ours, way), expected, MACHINE) == []


def test_some_way_goes_over_every_transition() -> None:
    assert untrodden(MACHINE, [answers for answers, _ in WAYS.values()]) == set()


def test_a_run_is_started_once_and_looked_at_from_time_to_time(ours: Ours) -> None:
    found = went(ours, "a model waits for approval", {"version": "latest"})
    assert (found.status, found.output) == ("SUCCEEDED", WAITS)
    assert asked(found, "Decide") == [
        {"bucket": "the-Bucket", "store": "the-LabelStore", "input": {"version": "latest"}}
    ]
    (taken,) = asked(found, "Take the run")
    assert (taken["execution"], taken["started"], taken["version"]) == ("execution", STARTED, "a" * 64)
    assert asked(found, "Start") == [REQUEST]
    assert asked(found, "Look") == [{"PipelineExecutionArn": ARN}] * 3
    assert [wait.seconds for wait in found.waits] == [5, 7, 9]
    (result,) = asked(found, "Result")
    assert (result["key"], result["pipeline_execution"], result["failure"]) == (RECORD.key, ARN, None)
    assert asked(found, "Tell") == [{"TopicArn": "the-Topic", "Subject": "a model waits", "Message": "approve it"}]


def test_days_of_training_fit_into_the_history_of_one_execution(ours: Ours) -> None:
    answers = {**ALL, "Look": [status("Executing")] * 25 + [status("Succeeded")]}
    found = ours.run(TEXT, {}, Script(answers))
    waits = [wait.seconds or 0.0 for wait in found.waits]
    assert max(waits) == 300
    events_a_look = 14  # entered and left three states, and a task's five
    assert events_a_look * (len(waits) + MACHINE["TimeoutSeconds"] / max(waits)) < 25_000


def test_what_cannot_be_started_is_written_down_so_that_it_may_be_tried_again(ours: Ours) -> None:
    found = went(ours, "the pipeline cannot be started")
    (result,) = asked(found, "Result")
    assert (result["pipeline_execution"], result["failure"]["Error"]) == (None, "SageMaker.ResourceNotFoundException")
    assert found.cause == FAILED["message"]


@pytest.mark.parametrize(
    ("way", "last"),
    [
        ("there is nothing to do", "Decide"),
        ("the same was trained before", "Tell"),
        ("the same was trained before, and a schedule asks", "Take the run"),
    ],
)
def test_where_there_is_nothing_to_do_only_a_person_who_asked_is_told(ours: Ours, way: str, last: str) -> None:
    found = went(ours, way)
    assert [call.state for call in found.calls][-1] == last
    assert found.output == NOTHING


def test_labels_are_waited_for_as_long_as_they_may_take() -> None:
    (late,) = (each for each in STATES["Decide"]["Retry"] if each["ErrorEquals"] == ["LateRowsError"])
    assert "JitterStrategy" not in late  # which shortens the waits
    assert late["IntervalSeconds"] * late["MaxAttempts"] > 15 * 60


@pytest.mark.parametrize("way", ["a model waits for approval", "the settings are wrong"])
def test_every_request_is_one_that_aws_takes(ours: Ours, way: str) -> None:
    for call in went(ours, way).calls:
        *_, service, operation = call.resource.split(":")
        request = dict(call.arguments)
        if service == "lambda":
            request["Payload"] = json.dumps(request["Payload"])
        assert golden.problems_of(request, service, operation) == "", call.state


def test_its_functions_are_those_of_the_workflow_and_may_take_as_long_as_is_waited_for() -> None:
    limits = {f"the-{function.name}": function.timeout_s for function in RETRAIN.functions}
    called = {}
    for name, state, _ in every_state(MACHINE):
        if state.get("Resource", "").endswith("lambda:invoke"):
            called[state["Arguments"]["FunctionName"]] = state["TimeoutSeconds"]
            assert state["Retry"][-2]["MaxAttempts"] == 0, name
    assert limits.pop("the-edge-inspector-retrain-hear") < 120  # which a rule calls
    assert called.keys() == limits.keys()
    assert all(called[name] > limit for name, limit in limits.items())
    for function in RETRAIN.functions:
        module, _, handler = function.handler.rpartition(".")
        assert callable(getattr(importlib.import_module(module), handler))


EVENT: dict[str, Any] = {
    "source": "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    "detail": {
        "status": "SUCCEEDED",
        "name": "labeling-1",
        "stateMachineArn": "arn:aws:states:eu-central-1:000000000000:stateMachine:edge-inspector-labeling",
    },
}
ALARM = {"source": "edge-inspector", "detail-type": "Alarm Raised", "detail": {"name": "reject-rate-jump", "line": "1"}}
KEPT: dict[str, Any] = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "edge-inspector"}, "object": {"key": "events/alarm/press-1/1.json"}},
}
VALUES = {
    "Bucket": "edge-inspector",
    "Installation": "edge-inspector",
    "edge-inspector-labeling": EVENT["detail"]["stateMachineArn"],
}


@pytest.mark.parametrize(
    ("rule", "event", "matches"),
    [
        ("labels", EVENT, True),
        ("labels", {**EVENT, "detail": {**EVENT["detail"], "status": "FAILED"}}, False),
        ("labels", {**EVENT, "detail": {**EVENT["detail"], "stateMachineArn": "a:stateMachine:other"}}, False),
        ("labels", ALARM, False),
        ("alarms", KEPT, True),
        ("alarms", {**KEPT, "detail": {**KEPT["detail"], "bucket": {"name": "other"}}}, False),
        ("alarms", {**KEPT, "detail": {**KEPT["detail"], "object": {"key": "events/model/press-1/1.json"}}}, False),
        ("drift", ALARM, True),
        ("drift", {**ALARM, "detail": {"name": "disk-low"}}, False),
        ("drift", {**ALARM, "source": "edge-inspector-prod"}, False),
        ("drift", EVENT, False),
    ],
)
def test_what_begins_it(rule: str, event: Any, matches: bool) -> None:  # noqa: FBT001 - a case
    (pattern,) = (each.pattern for each in RETRAIN.rules if each.name.endswith(rule))
    assert pattern is not None
    assert Pattern(filled(pattern, VALUES, rule)).matches(event) is matches
