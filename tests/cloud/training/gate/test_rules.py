"""Every rule of the gate lets a good model pass, and holds a bad one back with a reason that a person understands."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.gate.evidence import UNKNOWN, UNKNOWN_INTERVAL, ClassScores, Evidence, Leaks, Parity
from cloud_side.training.gate.judgement import Judgement
from cloud_side.training.gate.limits import Limits
from cloud_side.training.gate.page import page_of
from cloud_side.training.gate.rules import judge
from tests.cloud.training.gate.evidence import (
    CHAMPION,
    FIRST,
    GOOD,
    OTHER,
    SCORES,
    VERSION,
    exactly,
    with_champion,
    with_class,
    with_quantized,
    with_scores,
    with_tested,
)

USUAL = Limits()


def failed(judgement: Judgement) -> list[str]:
    return [check.name for check in judgement.failed]


@pytest.mark.parametrize(
    "limits", [USUAL, Limits(least_map50_95=0.5)], ids=["the usual limits", "a limit that is not held usually"]
)
def test_a_better_model_passes(limits: Limits) -> None:
    judgement = judge(GOOD, limits)
    assert judgement.passed
    assert judgement.notes == ()
    assert "a person may now approve it" in judgement.summary


REFUSALS: list[tuple[str, Evidence, Limits, str, str]] = [
    ("trained on another version", replace(GOOD, trained_on=OTHER), USUAL, "dataset", "on version bbbbbbbbbbbb: the"),
    ("tested on another version", with_tested(version=OTHER), USUAL, "dataset", "the test says nothing of it"),
    (
        "images that it may know",
        with_tested(seen="nobody knows"),
        USUAL,
        "held_out",
        "images of the test: nobody knows.",
    ),
    ("few groups", with_tested(groups=9), USUAL, "groups", "is 9; at least 10 is asked"),
    ("few defective parts", with_tested(defective=19), USUAL, "defective_parts", "is 19; at least 20"),
    ("few good parts", with_tested(clean=19), Limits(least_clean=20), "clean_parts", "is 19; at least 20"),
    ("a group in two splits", replace(GOOD, leaks=Leaks(VERSION, ("p-7",))), USUAL, "leaked_groups", "test: p-7 is 1"),
    (
        "near duplicates",
        replace(GOOD, leaks=Leaks(VERSION, (), 2)),
        USUAL,
        "near_duplicates",
        "same as a training image is 2",
    ),
    ("scores of another run", replace(GOOD, recount=0.002), USUAL, "recount", "is 0.002; at most 0.001"),
    ("low mAP50", with_scores(map50=exactly(0.49)), USUAL, "map50", "is 0.490; at least 0.500"),
    ("low mAP50-95", GOOD, Limits(least_map50_95=0.7), "map50_95", "is 0.600; at least 0.700"),
    ("escapes", with_scores(escapes=Interval(0.06, 0.0, 0.2)), USUAL, "escapes", "is 6.0 %; at most 5.0 %"),
    (
        "escapes that nobody can rule out",
        with_scores(escapes=Interval(0.0, 0.0, 0.4)),
        USUAL,
        "possible_escapes",
        "40 groups leaves possible of these is 40.0 %; at most 30.0 %",
    ),
    ("overkill", with_scores(overkill=exactly(0.3)), USUAL, "overkill", "is 30.0 %; at most 10.0 %"),
    (
        "overkill beside defects",
        replace(with_scores(overkill=exactly(0.3)), tested=replace(GOOD.tested, clean=2)),
        USUAL,
        "overkill_beside_defects",
        "no labeled defect (2 good parts are too few) is 30.0 %; at most 10.0 %",
    ),
    ("slow", with_scores(latency_ms=12.0), Limits(most_latency_ms=11), "latency", "is 12 ms; at most 11 ms"),
    ("other scores", replace(GOOD, parity=Parity(0.2, 0.01)), USUAL, "parity_score", "is 0.200; at most 0.010"),
    ("other boxes", replace(GOOD, parity=Parity(0.0, 3.0)), USUAL, "parity_box", "is 3 px; at most 1 px"),
    ("a bad INT8 file", with_quantized(map50_loss=0.05), USUAL, "int8_accuracy", "is 0.050; at most 0.010"),
    ("an INT8 file that misses", with_quantized(escapes=0.07), USUAL, "int8_escapes", "is 7.0 %; at most 5.0 %"),
    ("an INT8 file of other scores", with_quantized(score_mean=0.1), USUAL, "int8_parity", "is 0.100; at most 0.050"),
    (
        "an INT8 file that gains nothing",
        with_quantized(speed_ratio=0.97),
        USUAL,
        "int8_speed",
        "is 0.97x; at most 0.9x",
    ),
    ("other images", with_champion(problem="other images"), USUAL, "champion_evidence", "tags 1.1.0: other images."),
    (
        "perhaps worse",
        with_champion(map50=Interval(0.0, -0.03, 0.03)),
        USUAL,
        "not_worse",
        "is -0.030; at least -0.020",
    ),
    (
        "a little worse",
        with_champion(map50=Interval(-0.001, -0.01, 0.01)),
        USUAL,
        "difference",
        "is -0.001; at least 0.000",
    ),
    (
        "perhaps not better",
        with_champion(map50=exactly(0.01)),
        Limits(must_improve=True),
        "surely_better",
        "more than 0.000",
    ),
    ("more escapes", with_champion(escapes=exactly(0.002)), USUAL, "more_escapes", "is 0.2 %; at most 0.0 %"),
    ("more cost", with_champion(cost=exactly(0.02)), USUAL, "more_cost", "is 0.020; at most 0.000"),
    ("slower", with_scores(latency_ms=13.0), USUAL, "slower", "is 1.3x; at most 1.25x"),
    ("a class less exact", with_class("dent", ap50=0.8), USUAL, "class_ap50:dent", "is 0.080; at most 0.050"),
    ("a class less found", with_class("dent", part_recall=0.9), USUAL, "class_recall:dent", "is 9.0 %; at most 5.0 %"),
]


@pytest.mark.parametrize(
    ("evidence", "limits", "name", "text"), [each[1:] for each in REFUSALS], ids=[each[0] for each in REFUSALS]
)
def test_each_branch_holds_a_model_back_with_its_reason(
    evidence: Evidence, limits: Limits, name: str, text: str
) -> None:
    judgement = judge(evidence, limits)
    assert failed(judgement) == [name]
    assert text in judgement.failed[0].text
    assert judgement.failed[0].text in judgement.summary
    assert not judgement.document()["passed"]
    advice = page_of(judgement, evidence).decode().partition("</ul>")[0]
    assert advice.count("<li") == 2, "what to do, and that the approved model stays"


def test_a_class_that_the_approved_model_knew_may_not_be_gone() -> None:
    judgement = judge(with_scores(classes={"scratch": SCORES.classes["scratch"]}), USUAL)
    assert failed(judgement) == ["classes"]
    assert "does not know what the approved one finds: dent" in judgement.summary


def test_a_class_with_few_defects_is_not_held_against_a_model_and_that_is_told() -> None:
    few = {"dent": ClassScores(5, 0.2, 0.2)}
    judgement = judge(with_scores(classes={**SCORES.classes, **few}), USUAL)
    assert judgement.passed
    assert judgement.notes == ("Of dent there are fewer than 20 defects: too few to compare alone.",)


def test_all_checks_are_told_also_after_one_that_fails() -> None:
    bad = replace(with_scores(map50=exactly(0.1), latency_ms=1000.0), leaks=Leaks(OTHER, ("p",), 1))
    judgement = judge(bad, USUAL)
    assert failed(judgement) == ["dataset", "leaked_groups", "near_duplicates", "map50", "slower"]
    assert [check.name for check in judgement.checks] == [check.name for check in judge(GOOD, USUAL).checks]
    assert "4 more of" in judgement.summary


def test_a_time_is_held_against_a_limit_only_where_somebody_knows_one() -> None:
    slow = with_scores(latency_ms=900.0)
    assert failed(judge(slow, USUAL)) == ["slower"]
    assert judge(replace(slow, champion=None), USUAL).passed  # the machine of the test is no station
    assert failed(judge(replace(slow, champion=None), Limits(most_latency_ms=500))) == ["latency"]


def test_a_first_model_is_held_against_the_limits_alone_and_the_text_says_so() -> None:
    judgement = judge(FIRST, USUAL)
    assert judgement.passed
    assert "No model was approved yet" in judgement.notes[0]
    assert not {check.name for check in judgement.checks} & {"not_worse", "champion_evidence", "slower", "classes"}


def test_a_champion_without_its_evidence_holds_a_model_back() -> None:
    judgement = judge(
        with_champion(
            problem="no predictions are kept",
            scores=None,
            map50=UNKNOWN_INTERVAL,
            escapes=UNKNOWN_INTERVAL,
            cost=UNKNOWN_INTERVAL,
        ),
        USUAL,
    )
    assert failed(judgement) == ["champion_evidence", "not_worse", "difference", "more_escapes", "more_cost", "slower"]


def test_scores_that_are_missing_are_a_problem_also_where_nobody_names_one() -> None:
    assert "champion_evidence" in failed(judge(with_champion(scores=None), USUAL))


def test_the_same_data_as_before_is_told_and_held_against_nobody() -> None:
    judgement = judge(with_champion(trained_on=VERSION), USUAL)
    assert judgement.passed
    assert "Nothing new was labeled" in judgement.notes[0]


def test_a_package_without_an_int8_file_passes_and_says_why_it_has_none() -> None:
    judgement = judge(with_quantized(is_kept=False, reason="it lost 0.026 mAP50.", map50_loss=0.8), USUAL)
    assert judgement.passed
    assert judgement.notes == ("The package has no small file (INT8): it lost 0.026 mAP50.",)


def test_a_judgement_without_checks_lets_nothing_pass() -> None:
    assert not Judgement("tags 1.2.0", ()).passed


Worse = Callable[[Evidence, float], Evidence]


def _interval(value: float) -> Interval:
    return Interval(value, value - 0.01, value + 0.01)


NUMBERS: dict[str, tuple[int, Worse]] = {  # whether more of it is better (1) or worse (-1), and how to set it
    "map50": (1, lambda of, at: replace(of, scores=replace(of.scores, map50=_interval(at)))),
    "map50_95": (1, lambda of, at: replace(of, scores=replace(of.scores, map50_95=_interval(at)))),
    "escapes": (-1, lambda of, at: replace(of, scores=replace(of.scores, escapes=_interval(at)))),
    "overkill": (-1, lambda of, at: replace(of, scores=replace(of.scores, overkill=_interval(at)))),
    "latency": (-1, lambda of, at: replace(of, scores=replace(of.scores, latency_ms=at * 30), champion=None)),
    "slower": (-1, lambda of, at: replace(of, scores=replace(of.scores, latency_ms=at * 30))),
    "recount": (-1, lambda of, at: replace(of, recount=at)),
    "parity": (-1, lambda of, at: replace(of, parity=Parity(at, at))),
    "int8": (-1, lambda of, at: replace(of, quantized=replace(of.quantized, map50_loss=at, escapes=at))),
    "int8 speed": (-1, lambda of, at: replace(of, quantized=replace(of.quantized, speed_ratio=at))),
    "int8 scores": (-1, lambda of, at: replace(of, quantized=replace(of.quantized, score_mean=at))),
    "difference": (1, lambda of, at: replace(of, champion=replace(CHAMPION, map50=_interval(at)))),
    "escapes beside": (-1, lambda of, at: replace(of, champion=replace(CHAMPION, escapes=_interval(at)))),
    "cost": (-1, lambda of, at: replace(of, champion=replace(CHAMPION, cost=_interval(at)))),
    "ap50": (1, lambda of, at: replace(of, scores=with_class("dent", ap50=at).scores)),
    "recall": (1, lambda of, at: replace(of, scores=with_class("dent", part_recall=at).scores)),
    "groups": (1, lambda of, at: replace(of, tested=replace(of.tested, groups=round(at * 20)))),
    "defective": (1, lambda of, at: replace(of, tested=replace(of.tested, defective=round(at * 40)))),
    "clean": (1, lambda of, at: replace(of, tested=replace(of.tested, clean=round(at * 40)))),
    "duplicates": (-1, lambda of, at: replace(of, leaks=Leaks(VERSION, (), round(at * 3)))),
}
CLOSE = st.floats(-1, 1, allow_subnormal=False)


@given(st.sampled_from(sorted(NUMBERS)), CLOSE, CLOSE, st.booleans(), st.floats(0, 1))
def test_a_worse_number_never_turns_a_refusal_into_a_pass(
    name: str,
    first: float,
    second: float,
    must_improve: bool,  # noqa: FBT001 - hypothesis gives it
    least: float,
) -> None:
    better_if_more, put = NUMBERS[name]
    worse, better = sorted((first, second), key=lambda value: value * better_if_more)
    limits = Limits(must_improve=must_improve, least_map50=least, least_map50_95=least / 2, most_latency_ms=15)
    assert judge(put(GOOD, worse), limits).passed <= judge(put(GOOD, better), limits).passed


@given(st.sampled_from(sorted(NUMBERS.keys() - {"groups", "defective", "clean", "duplicates"})))
def test_what_is_no_number_never_passes_and_gives_json(name: str) -> None:
    judgement = judge(NUMBERS[name][1](GOOD, UNKNOWN), Limits(least_map50_95=0.1, most_latency_ms=15))
    assert not judgement.passed
    assert "could not be measured" in judgement.summary
    written = json.loads(json.dumps(judgement.document(), allow_nan=False))
    assert any(check["measured"] is None and not check["passed"] for check in written["checks"])


def test_a_latency_of_the_champion_that_is_none_is_no_pass() -> None:
    for latency in (0.0, math.nan):
        before = replace(SCORES, latency_ms=latency)
        assert failed(judge(with_champion(scores=before), USUAL)) == ["slower"]
