from typing import Any

import pytest

from edge_inspector.alarms import OVERRIDE_LAPSED, Alarm, Severity
from edge_inspector.app import build_policy
from edge_inspector.decision import Policy, Verdict
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.errors import ConfigError
from edge_inspector.settings import parse
from edge_inspector.topics import level_problem

RUNNING, OTHER = "a" * 64, "b" * 64
MODEL = {"scratch": Thresholds(review_at=0.4, reject_at=0.7), "dent": Thresholds(review_at=0.3, reject_at=0.6)}


def policy(**fields: Any) -> tuple[Policy, tuple[Alarm, ...]]:
    return build_policy(parse({"policy": fields}).policy, MODEL, RUNNING)


def override(sha256: str, *labels: str) -> dict[str, Any]:
    return {"model_sha256": sha256, "classes": {label: {"review_at": 0.1, "reject_at": 0.2} for label in labels}}


def limits(of: Policy) -> dict[str, tuple[float, float]]:
    return {label: (entry.review_at, entry.reject_at) for label, entry in of.classes.items()}


def test_the_thresholds_of_the_model_rule() -> None:
    in_force, alarms = policy()
    assert limits(in_force) == {"scratch": (0.4, 0.7), "dent": (0.3, 0.6)}
    assert alarms == ()


def test_an_override_for_the_running_model_replaces_the_classes_that_it_names() -> None:
    in_force, alarms = policy(override=override(RUNNING, "dent"))
    assert limits(in_force) == {"scratch": (0.4, 0.7), "dent": (0.1, 0.2)}
    assert alarms == ()


def test_an_override_for_another_model_lapses_with_an_alarm_that_names_both() -> None:
    in_force, (alarm,) = policy(override=override(OTHER, "dent"))
    assert limits(in_force) == limits(policy()[0])
    assert (alarm.name, alarm.severity) == (OVERRIDE_LAPSED, Severity.WARNING)
    assert RUNNING[:12] in alarm.text
    assert OTHER[:12] in alarm.text
    assert "policy.override" in alarm.what_to_do
    assert level_problem(alarm.name) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"override": override(RUNNING, "dent", "crack")},
        {"min_area_px": {"crack": 10}},
    ],
)
def test_a_class_that_the_model_lacks_is_refused_with_those_that_it_has(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="policy: the model has no class crack; its classes are dent, scratch"):
        policy(**fields)


def test_an_override_for_another_model_may_name_classes_that_this_one_lacks() -> None:
    _, (alarm,) = policy(override=override(OTHER, "crack"))
    assert alarm.name == OVERRIDE_LAPSED


def test_all_classes_that_the_model_lacks_are_named() -> None:
    with pytest.raises(ConfigError, match="no class a, b;"):
        policy(min_area_px={"b": 1}, override=override(RUNNING, "a"))


def test_least_areas_belong_to_their_class_and_survive_a_lapsed_override() -> None:
    for sha256 in (RUNNING, OTHER):
        in_force, _ = policy(min_area_px={"dent": 12}, override=override(sha256, "dent"))
        assert {label: entry.min_area_px for label, entry in in_force.classes.items()} == {"scratch": 0, "dent": 12}


def test_regions_are_drawn_only_where_there_are_any() -> None:
    triangle = [[[0, 0], [1, 0], [0, 1]]]
    assert (policy()[0].roi, policy()[0].ignore) == (None, None)
    in_force, _ = policy(roi=triangle)
    assert in_force.roi is not None
    assert in_force.ignore is None


@pytest.mark.parametrize("fail_safe", list(Verdict))
def test_what_is_done_without_a_verdict_is_what_the_configuration_says(fail_safe: Verdict) -> None:
    assert policy(fail_safe=fail_safe.value)[0].fail_safe is fail_safe
