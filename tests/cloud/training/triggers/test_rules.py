"""When a model is trained again: what an input asks for, what is new, whose run it is, and what people are told."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_side.catalog.candidates import Filter
from cloud_side.catalog.labels import AnnotatorType, Label, Origin, Verification
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.triggers.asking import Asked, asked_for
from cloud_side.training.triggers.deciding import Known, count_new, decide
from cloud_side.training.triggers.records import Outcome, Record, may_replace, parse_record, record_key
from cloud_side.training.triggers.requests import start_request
from cloud_side.training.triggers.settings import TrainingSettings, Trigger, parse_settings
from cloud_side.training.triggers.telling import Found, told_of
from edge_inspector.errors import ConfigError

MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERSION = "ab" * 32
RECORD = Record("e-1", "parts", VERSION, "tags", Hyperparameters().texts(), "labels", "batch 7", MADE.isoformat())
PIPELINE = "arn:aws:sagemaker:eu-central-1:000000000000:pipeline/edge-inspector-training/execution/abc123"


def label(sha256: str, at: datetime = MADE, *, is_verified: bool = True, line: str = "1") -> Label:
    return Label(
        image=f"s3://b/{sha256}.png",
        sha256=sha256 * 64,
        width=8,
        height=8,
        group="g",
        class_names=("scratch",),
        boxes=(),
        job="job",
        annotator_type=AnnotatorType.HUMAN,
        labeled_by=("ana",),
        verification=Verification.ACCEPTED if is_verified else Verification.UNVERIFIED,
        verified_by="ben" if is_verified else None,
        reason=None,
        event_time=at,
        origin=Origin(line=line),
    )


KNOWN = Known({"a" * 64: MADE - HOUR, "b" * 64: MADE - HOUR}, MADE, frozenset({"c" * 64}))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([label("a", MADE - HOUR)], 0),
        ([label("a", MADE)], 1),  # somebody has labeled it again
        ([label("d", MADE - 2 * HOUR)], 1),  # it came late
        ([label("c", MADE - HOUR)], 0),  # no version can use it
        ([label("c", MADE + HOUR)], 1),
        ([label("d", is_verified=False)], 0),
        ([label("d", line="2")], 0),
        ([label("d"), label("e"), label("b", MADE - HOUR)], 2),
    ],
)
def test_a_label_is_new_if_the_last_training_did_not_know_it(labels: list[Label], expected: int) -> None:
    assert count_new(labels, KNOWN, Filter(line="1")) == expected


def test_where_nothing_was_trained_every_label_is_new() -> None:
    assert count_new([label("a"), label("b")], None, Filter()) == 2


@pytest.mark.parametrize(
    ("kind", "new_labels", "go", "why"),
    [
        (Trigger.LABELS, 199, False, "199 new labels since the last training, 200 are needed"),
        (Trigger.LABELS, 200, True, "200 new labels since the last training"),
        (Trigger.DRIFT, 19, False, "19 new labels since the last training, 20 are needed"),
        (Trigger.DRIFT, 20, True, "20 new labels since the last training"),
        (Trigger.SCHEDULE, 0, False, "0 new labels since the last training, 1 are needed"),
        (Trigger.SCHEDULE, 1, True, "1 new label since the last training"),
        (Trigger.HAND, None, True, "ana asks for it"),
    ],
)
def test_each_trigger_needs_its_own_number_of_labels(kind: Trigger, new_labels: int | None, go: bool, why: str) -> None:  # noqa: FBT001 - a case
    found = decide(Asked(kind=kind, who="ana"), TrainingSettings(), new_labels)
    assert (found.go, found.why) == (go, why)


def test_a_trigger_that_is_switched_off_begins_nothing_but_a_person_always_may() -> None:
    settings = parse_settings({"triggers": ["labels"]})
    assert decide(Asked(kind=Trigger.SCHEDULE), settings, 9999).why == "the settings switch 'schedule' off"
    assert decide(Asked(kind=Trigger.HAND), parse_settings({"triggers": []}), None).go


def test_events_and_what_a_person_says_become_the_same_kind_of_question() -> None:
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": {"name": "l-1"}}
    assert asked_for(event) == Asked(kind=Trigger.LABELS, said="labeling batch l-1", batch="l-1")
    alarm = {"name": "reject-rate-jump", "site": "x", "line": "1", "station": "press"}
    raised = {"source": "edge-inspector", "detail-type": "Alarm Raised", "detail": alarm}
    assert asked_for(raised) == Asked(kind=Trigger.DRIFT, said="alarm reject-rate-jump of x/1/press")
    assert asked_for({}) == Asked(kind=Trigger.HAND)
    assert asked_for({"kind": "schedule"}).kind is Trigger.SCHEDULE


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"source": "aws.s3", "detail-type": "Object Created"}, "expected an event of labeling or an alarm"),
        ({"datasett": "x"}, "input: datasett: expected: Extra inputs are not permitted, found 'x'"),
        ({"version": "a/b"}, "input: version: expected no slash, found 'a/b'"),
        ([], "input: all of it"),
    ],
)
def test_an_input_that_means_nothing_is_refused_by_name(document: Any, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        asked_for(document)
    assert told in str(caught.value)


def test_what_is_asked_for_goes_over_the_settings() -> None:
    settings = parse_settings({"dataset": "parts", "hyperparameters": {"seed": 4, "batch": 2}})
    asked = Asked(dataset="tags", hyperparameters={"seed": 5}, parameters={"Int8": "never"})
    found = asked.over(settings)
    assert (found.dataset, found.hyperparameters) == ("tags", {"seed": 5, "batch": 2})
    assert found.parameters == {"Int8": "never"}
    for wrong in (Asked(hyperparameters={"batch": 0}), Asked(parameters={"TrainingInstances": "many"})):
        with pytest.raises(ConfigError, match=r"(batch|TrainingInstances): .*found '(0|many)'"):
            wrong.over(settings)


def test_the_model_and_the_labels_of_one_dataset_are_not_those_of_another() -> None:
    settings = parse_settings({"dataset": "parts", "model": "caps", "line": "1", "least_new_labels": 7})
    same, other = Asked(dataset="parts").over(settings), Asked(dataset="tags").over(settings)
    assert (same.model, same.line, same.least_new_labels) == ("caps", "1", 7)
    assert (other.model, other.line, other.least_new_labels) == (None, None, 7)
    assert Asked(dataset="tags", model="caps").over(settings).model == "caps"


def test_settings_that_are_wrong_are_told_all_at_once() -> None:
    wrong: dict[str, Any] = {
        "dataset": "Two Words",
        "model": "a/b",
        "least_new_labels": 0,
        "triggers": ["moon"],
        "hyperparameters": {"x": 1},
        "parameters": {"Dataset": "d", "seed": 3, "least_map50": 2},
    }
    with pytest.raises(ConfigError) as caught:
        parse_settings(wrong)
    text = str(caught.value)
    for name in wrong:
        assert f"training/settings.json: {name}" in text, name
    for name in wrong["parameters"]:  # what is said otherwise is not said twice
        assert f"parameter {name}: expected" in text, name


def test_the_same_is_what_decides_how_a_model_comes_out() -> None:
    key = record_key("parts", VERSION, "tags", Hyperparameters())
    assert RECORD.key == key
    assert record_key("parts", VERSION, "tags", Hyperparameters(workers=4)) == key
    others = [
        record_key("parts", VERSION, "tags", Hyperparameters(seed=2)),
        record_key("parts", "cd" * 32, "tags", Hyperparameters()),
        record_key("parts", VERSION, "boards", Hyperparameters()),
        record_key("other", VERSION, "tags", Hyperparameters()),
    ]
    assert len({key, *others}) == 5


@pytest.mark.parametrize("outcome", Outcome)
def test_a_run_is_taken_once_unless_it_failed_or_a_person_asks_again(outcome: Outcome) -> None:
    before, mine = replace(RECORD, outcome=outcome), replace(RECORD, execution="e-2")
    told = may_replace(before, mine, again=False)
    assert (told is None) is (outcome is Outcome.FAILED)
    assert told is None or told.startswith(f"parts@{VERSION[:12]} with these hyperparameters ")
    assert may_replace(before, mine, again=True) is None
    assert may_replace(before, RECORD, again=False) is None  # a step that runs again


def test_a_record_is_kept_whole() -> None:
    kept = replace(RECORD, pipeline_execution=PIPELINE, outcome=Outcome.WAITING, package="arn:p", told="it waits")
    assert parse_record(json.loads(kept.content()), "k") == kept
    assert kept.run == "abc123"
    for broken in (
        {},
        [],
        {**json.loads(kept.content()), "outcome": "lost"},
        {**json.loads(kept.content()), "schema": "x"},
    ):
        with pytest.raises(ConfigError, match="k: expected a record of edge-inspector/training-run/1"):
            parse_record(broken, "k")


def test_a_run_asked_for_twice_is_one_start() -> None:
    settings = parse_settings({"parameters": {"TrainingInstance": "ml.g5.xlarge"}, "hyperparameters": {"seed": 3}})
    first, second = (start_request(RECORD, settings) for _ in range(2))
    assert first == second
    assert {"Name": "DatasetVersion", "Value": VERSION} in first["PipelineParameters"]
    assert {"Name": "TrainingInstance", "Value": "ml.g5.xlarge"} in first["PipelineParameters"]
    assert (
        start_request(replace(RECORD, execution="e-2"), settings)["ClientRequestToken"] != first["ClientRequestToken"]
    )


PASSED = {"passed": True, "summary": "it finds more", "checks": []}
FELL = {"passed": False, "checks": [{"name": "floor", "passed": False, "text": "mAP50 is 0.41, 0.5 is needed"}]}


@pytest.mark.parametrize(
    ("found", "outcome", "says"),
    [
        (Found("Succeeded", PASSED, {"package": "arn:p"}, [], "s3://r"), Outcome.WAITING, "it finds more"),
        (
            Found("Failed", FELL, None, ["Refused: reasons"], "s3://r"),
            Outcome.REFUSED,
            "- mAP50 is 0.41, 0.5 is needed",
        ),
        (Found("Failed", None, None, ["Train: no disk"], "s3://r"), Outcome.FAILED, "failed: Train: no disk"),
        (Found("Failed", PASSED, None, ["Register: no group"], "s3://r"), Outcome.FAILED, "Register: no group"),
        (Found("Succeeded", PASSED, None, [], "s3://r"), Outcome.FAILED, "the pipeline ended as Succeeded"),
        (Found("Stopped", None, None, [], "s3://r"), Outcome.FAILED, "the pipeline ended as Stopped"),
        (Found("", None, None, [], "s3://r"), Outcome.FAILED, "the pipeline never began"),
    ],
)
def test_people_are_told_what_came_of_it_and_why(found: Found, outcome: Outcome, says: str) -> None:
    told = told_of(RECORD, found)
    assert told.outcome is outcome
    assert says in told.message
    assert told.subject.startswith("tags: ")
    assert (told.package == "arn:p") is (outcome is Outcome.WAITING)
