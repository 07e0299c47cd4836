from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.decision import ClassPolicy, Decision, Policy, Verdict, decide, in_regions
from edge_inspector.detections import Detections
from edge_inspector.geometry import as_boxes
from edge_inspector.regions import Region

NAMES = ("scratch", "dent")
FRAME_WH = (200, 100)
LEFT_HALF = Region.of([[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]])
GRAVITY = [Verdict.ACCEPT, Verdict.REVIEW, Verdict.REJECT]

Found = list[tuple[str, float, tuple[float, float, float, float]]]

_score = st.floats(0, 1, width=32)
_thresholds = st.tuples(_score, _score).map(lambda pair: ClassPolicy(min(pair), max(pair)))
_policies = st.fixed_dictionaries(dict.fromkeys(NAMES, _thresholds))
_box = st.tuples(st.floats(0, 100), st.floats(0, 50), st.floats(100, 200), st.floats(50, 100))
_found: st.SearchStrategy[Found] = st.lists(st.tuples(st.sampled_from(NAMES), _score, _box), max_size=8)
_regions = st.sampled_from([None, LEFT_HALF])


def detections(found: Found) -> Detections:
    return Detections(
        as_boxes([box for _, _, box in found]),
        np.array([confidence for _, confidence, _ in found], np.float32),
        np.array([NAMES.index(label) for label, _, _ in found], np.int64),
    )


def judge(found: Found, policy: Policy) -> Decision:
    return decide(detections(found), NAMES, policy, image_wh=FRAME_WH)


def policy(*, roi: Region | None = None, ignore: Region | None = None, min_area_px: float = 0.0) -> Policy:
    return Policy({name: ClassPolicy(0.4, 0.7, min_area_px) for name in NAMES}, roi, ignore)


def at(x: float, confidence: float = 0.9, *, side: float = 10, label: str = "scratch") -> Found:
    return [(label, confidence, (x, 10, x + side, 10 + side))]


@pytest.mark.parametrize(
    ("confidence", "verdict"),
    [(0.0, "accept"), (0.39, "accept"), (0.41, "review"), (0.69, "review"), (0.71, "reject"), (1.0, "reject")],
)
def test_a_score_leads_to_the_verdict_of_its_threshold(confidence: float, verdict: str) -> None:
    assert judge(at(10, confidence), policy()).verdict == verdict


def test_a_score_on_the_threshold_counts() -> None:
    exact = Policy({name: ClassPolicy(0.25, 0.5) for name in NAMES})
    assert judge(at(10, 0.25), exact).verdict == "review"
    assert judge(at(10, 0.5), exact).verdict == "reject"


def test_a_part_on_which_nothing_was_found_is_accepted_without_reasons() -> None:
    assert judge([], policy()) == Decision(Verdict.ACCEPT)


def test_each_class_has_thresholds_of_its_own() -> None:
    mild = Policy({"scratch": ClassPolicy(0.2, 0.3), "dent": ClassPolicy(0.8, 0.9)})
    assert judge(at(10, 0.5, label="scratch"), mild).verdict == "reject"
    assert judge(at(10, 0.5, label="dent"), mild).verdict == "accept"


def test_reasons_come_gravest_first_then_most_confident_and_say_their_threshold() -> None:
    strict = Policy({"scratch": ClassPolicy(0.4, 0.95), "dent": ClassPolicy(0.2, 0.5)})
    found = at(10, 0.9) + at(30, 0.6, label="dent") + at(50, 0.3, label="dent") + at(70, 0.75, label="dent")
    reasons = judge(found, strict).reasons
    assert [
        (reason.label, round(reason.confidence, 2), str(reason.verdict), reason.threshold) for reason in reasons
    ] == [
        ("dent", 0.75, "reject", 0.5),
        ("dent", 0.6, "reject", 0.5),
        ("scratch", 0.9, "review", 0.4),
        ("dent", 0.3, "review", 0.2),
    ]


@pytest.mark.parametrize(("x", "verdict"), [(10, "reject"), (94, "reject"), (97, "accept"), (150, "accept")])
def test_a_box_counts_when_half_of_it_lies_in_the_region_of_interest(x: float, verdict: str) -> None:
    assert judge(at(x), policy(roi=LEFT_HALF)).verdict == verdict


@pytest.mark.parametrize(("x", "verdict"), [(10, "accept"), (94, "accept"), (97, "reject"), (150, "reject")])
def test_a_box_does_not_count_when_half_of_it_is_to_be_ignored(x: float, verdict: str) -> None:
    assert judge(at(x), policy(ignore=LEFT_HALF)).verdict == verdict


@pytest.mark.parametrize(("inside", "counts"), [(0.25, [True, True, True, False]), (0.75, [True, False, False, False])])
def test_how_much_of_a_box_must_lie_where_the_policy_looks_can_be_asked_for(inside: float, counts: list[bool]) -> None:
    boxes = detections([*at(10), *at(94), *at(97), *at(99)])  # 100, 60, 30 and 10 % in the left half
    right_half = Region.of([[(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]])
    for rules in (policy(roi=LEFT_HALF), policy(ignore=right_half)):
        assert in_regions(boxes, rules, image_wh=FRAME_WH, inside=inside).tolist() == counts


def test_what_is_both_of_interest_and_ignored_does_not_count() -> None:
    both = policy(roi=LEFT_HALF, ignore=LEFT_HALF)
    assert judge(at(10) + at(150), both).verdict == "accept"


@pytest.mark.parametrize(("side", "verdict"), [(9.9, "accept"), (10, "reject"), (11, "reject")])
def test_smaller_boxes_than_the_least_area_do_not_count(side: float, verdict: str) -> None:
    assert judge(at(10, side=side), policy(min_area_px=100)).verdict == verdict


def test_a_box_that_does_not_count_hides_none_that_does() -> None:
    found = at(150, 1.0) + at(10, 0.5)
    judged = judge(found, policy(roi=LEFT_HALF))
    assert judged.verdict == "review"
    assert [reason.confidence for reason in judged.reasons] == [0.5]


@given(_found, _policies, _policies, _regions, _regions)
def test_raising_a_threshold_never_makes_a_verdict_graver(
    found: Found,
    first: dict[str, ClassPolicy],
    second: dict[str, ClassPolicy],
    roi: Region | None,
    ignore: Region | None,
) -> None:
    low, high = {}, {}
    for name in NAMES:
        pair = first[name], second[name]
        low[name] = ClassPolicy(min(p.review_at for p in pair), min(p.reject_at for p in pair))
        high[name] = ClassPolicy(max(p.review_at for p in pair), max(p.reject_at for p in pair))
    mild, strict = judge(found, Policy(high, roi, ignore)), judge(found, Policy(low, roi, ignore))
    assert GRAVITY.index(mild.verdict) <= GRAVITY.index(strict.verdict)
    assert len(mild.reasons) <= len(strict.reasons)


@given(_found, _policies)
def test_one_more_detection_never_makes_a_verdict_milder(found: Found, classes: dict[str, ClassPolicy]) -> None:
    rules = Policy(classes)
    for count in range(len(found)):
        fewer, more = judge(found[:count], rules).verdict, judge(found[: count + 1], rules).verdict
        assert GRAVITY.index(fewer) <= GRAVITY.index(more)


@given(_found, _policies, st.randoms(use_true_random=False))
def test_the_order_of_detections_does_not_matter(found: Found, classes: dict[str, ClassPolicy], random: Random) -> None:
    shuffled = random.sample(found, len(found))
    assert judge(shuffled, Policy(classes)).verdict == judge(found, Policy(classes)).verdict


@given(_found, _policies)
def test_the_verdict_is_that_of_the_gravest_reason(found: Found, classes: dict[str, ClassPolicy]) -> None:
    judged = judge(found, Policy(classes))
    gravest = max((reason.verdict for reason in judged.reasons), key=GRAVITY.index, default=Verdict.ACCEPT)
    assert judged.verdict == gravest


@pytest.mark.parametrize(
    ("review_at", "reject_at", "area_px"),
    [(0.7, 0.4, 0), (-0.1, 0.4, 0), (0.4, 1.1, 0), (0.4, 0.7, -1), (float("nan"), 0.7, 0), (0.4, float("nan"), 0)],
)
def test_limits_that_make_no_sense_are_refused(review_at: float, reject_at: float, area_px: float) -> None:
    with pytest.raises(ValueError, match="expected 0 <= review_at <= reject_at <= 1 and min_area_px >= 0, found"):
        ClassPolicy(review_at, reject_at, area_px)


def test_a_part_without_a_verdict_is_rejected_unless_the_policy_says_otherwise() -> None:
    assert policy().fail_safe is Verdict.REJECT
