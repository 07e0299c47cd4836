from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Reason, Verdict
from edge_inspector.detections import Detections
from edge_inspector.geometry import as_boxes
from edge_inspector.inspection import FrameFinding, FrameRecord
from edge_inspector.parts import Admission, ClosedPart, Parts, merge_detections, worst

AT = datetime(2026, 1, 2, tzinfo=UTC)
ACCEPT = Decision(Verdict.ACCEPT)
REVIEW = Decision(Verdict.REVIEW, (Reason("dent", 0.5, Verdict.REVIEW, 0.4),))
REJECT = Decision(Verdict.REJECT, (Reason("scratch", 0.9, Verdict.REJECT, 0.7),))
DAMAGED = NoVerdict(NoVerdictCause.FRAME_DAMAGED, "half a frame")
OUTCOMES = (ACCEPT, REVIEW, REJECT, DAMAGED)


def finding(part_frame: int, outcome: Outcome = ACCEPT, *, confidences: Sequence[float] = ()) -> FrameFinding:
    detections = Detections(
        as_boxes([[part_frame, 0, part_frame + 1, 1]] * len(confidences)),
        np.array(confidences, np.float32),
        np.zeros(len(confidences), np.int64),
    )
    record = FrameRecord(part_frame, AT, "host", "fake", (64, 48), outcome, part_frame)
    return FrameFinding(record, detections, {}, 0)


def parts_of_three(*, deadline_ns: int | None = None) -> Parts:
    return Parts(3, deadline_ns=deadline_ns, fail_safe=Verdict.REVIEW)


def bring(parts: Parts, part_id: str, *part_frames: int, at_ns: int = 0) -> list[ClosedPart]:
    """Bring frames as the flow does: each is looked at only if it is wanted."""
    closed: list[ClosedPart] = []
    for part_frame in part_frames:
        admission, before = parts.admit(part_id, part_frame, at_ns, at_ns)
        closed.extend(before)
        if admission in {Admission.OPENS, Admission.WANTED}:
            closed.extend(parts.add(finding(part_frame), at_ns))
    return closed


def test_a_part_closes_with_its_last_frame_whatever_the_order_they_come_in() -> None:
    (part,) = bring(parts_of_three(), "a", 2, 0, 1)
    assert part.part_id == "a"
    assert [found.record.part_frame for found in part.findings] == [0, 1, 2]
    assert part.outcome == ACCEPT


def test_a_frame_of_the_next_part_closes_one_that_waits_and_it_has_no_verdict() -> None:
    parts = parts_of_three()
    assert bring(parts, "a", 0, 1) == []
    (part,) = bring(parts, "b", 0)
    assert part.part_id == "a"
    assert len(part.findings) == 2
    problem = "1 of 3 frames had not come when part b began"
    assert part.outcome == NoVerdict(NoVerdictCause.FRAME_MISSING, problem, Verdict.REVIEW)


def test_the_first_frame_of_a_part_opens_it_and_a_further_one_is_wanted() -> None:
    parts = parts_of_three()
    assert parts.admit("a", 0, 0, 0) == (Admission.OPENS, ())
    assert parts.admit("a", 1, 0, 0) == (Admission.WANTED, ())


def test_a_frame_that_comes_twice_counts_once() -> None:
    parts = parts_of_three()
    assert bring(parts, "a", 0, 0, 0, 1) == []
    assert parts.admit("a", 1, 0, 0) == (Admission.DUPLICATE, ())
    (part,) = bring(parts, "a", 2)
    assert len(part.findings) == 3


def test_a_frame_of_a_part_that_has_its_outcome_changes_nothing() -> None:
    parts = parts_of_three()
    bring(parts, "a", 0, 1)
    bring(parts, "b", 0)
    assert parts.admit("a", 2, 0, 0) == (Admission.LATE, ())
    assert parts.admit("a", 1, 0, 0) == (Admission.DUPLICATE, ())
    assert len(bring(parts, "b", 1, 2)) == 1, "the part that is open was not disturbed"


def test_a_late_frame_is_known_as_such_for_a_thousand_parts() -> None:
    parts = Parts(1, deadline_ns=None, fail_safe=Verdict.REJECT)
    for number in range(1001):
        bring(parts, str(number), 0)
    assert parts.admit("1", 1, 0, 0)[0] is Admission.LATE
    assert parts.admit("0", 1, 0, 0)[0] is Admission.OPENS


def test_a_part_that_comes_back_after_rework_is_inspected_again() -> None:
    parts = Parts(1, deadline_ns=None, fail_safe=Verdict.REJECT)
    assert len(bring(parts, "a", 0, at_ns=100)) == 1
    assert parts.admit("a", 0, 100, 150)[0] is Admission.DUPLICATE, "the same frame, delivered twice"
    assert len(bring(parts, "a", 0, at_ns=200)) == 1


def test_a_part_of_several_frames_comes_back_when_no_frame_of_it_can_be_late_any_more() -> None:
    parts = parts_of_three(deadline_ns=100)
    bring(parts, "a", 0, 1, 2, at_ns=1000)
    assert parts.admit("a", 0, 1100, 1100)[0] is Admission.DUPLICATE
    assert len(bring(parts, "a", 0, 1, 2, at_ns=1101)) == 1
    assert parts_of_three().admit("a", 0, 10**15, 10**15)[0] is Admission.OPENS


def test_a_part_closes_at_its_deadline_which_counts_from_its_first_frame() -> None:
    parts = parts_of_three(deadline_ns=100)
    assert parts.closes_at_ns is None
    bring(parts, "a", 0, at_ns=1000)
    bring(parts, "a", 1, at_ns=1090)
    assert parts.closes_at_ns == 1100
    assert parts.overdue(1100) == ()
    (part,) = parts.overdue(1101)
    problem = "1 of 3 frames had not been inspected at its deadline"
    assert part.outcome == NoVerdict(NoVerdictCause.DEADLINE_MISSED, problem, Verdict.REVIEW)
    assert parts.closes_at_ns is None
    assert parts.overdue(10**9) == ()


def test_a_verdict_past_the_deadline_is_none() -> None:
    parts = Parts(1, deadline_ns=100, fail_safe=Verdict.REJECT)
    parts.admit("a", 0, 1000, 1000)
    (part,) = parts.add(finding(0, REJECT, confidences=[0.9]), 1101)
    assert (part.opened_ns, part.closed_ns) == (1000, 1101)
    assert part.outcome == NoVerdict(NoVerdictCause.DEADLINE_MISSED, "the verdict came too late", Verdict.REJECT)
    assert len(part.findings[0].detections) == 1
    parts.admit("b", 0, 2000, 2000)
    assert parts.add(finding(0, REJECT), 2100)[0].outcome == REJECT


def test_a_reject_that_was_known_in_time_stands_whether_the_last_frame_is_late_or_never_comes() -> None:
    for comes in (True, False):
        parts = Parts(2, deadline_ns=100, fail_safe=Verdict.ACCEPT)
        parts.admit("a", 0, 1000, 1000)
        assert parts.add(finding(0, REJECT), 1050) == ()
        if comes:
            parts.admit("a", 1, 1060, 1060)
            (part,) = parts.add(finding(1), 1101)
        else:
            (part,) = parts.overdue(1101)
        assert part.outcome == REJECT


def test_what_went_wrong_with_a_late_frame_is_told_rather_than_that_it_was_late() -> None:
    parts = Parts(1, deadline_ns=100, fail_safe=Verdict.REJECT)
    parts.admit("a", 0, 1000, 1000)
    assert parts.add(finding(0, DAMAGED), 1101)[0].outcome == DAMAGED


def test_without_a_deadline_a_part_waits() -> None:
    parts = parts_of_three()
    bring(parts, "a", 0)
    assert not parts.is_overdue(10**18)
    assert parts.overdue(10**18) == ()


def test_what_is_open_at_the_end_is_closed_with_its_cause_once() -> None:
    parts = parts_of_three()
    bring(parts, "a", 0)
    (part,) = parts.close(NoVerdictCause.STOPPED, "the station was stopped", 5)
    assert part.outcome == NoVerdict(NoVerdictCause.STOPPED, "the station was stopped", Verdict.REVIEW)
    assert parts.close(NoVerdictCause.STOPPED, "again", 6) == ()


def test_a_frame_that_was_not_admitted_is_a_defect_of_ours() -> None:
    with pytest.raises(ValueError, match="admitted"):
        parts_of_three().add(finding(0), 0)


def test_one_frame_that_rejects_is_enough_even_where_another_could_not_be_judged() -> None:
    assert worst([ACCEPT, DAMAGED, REJECT]) == REJECT


def test_a_part_that_was_not_seen_as_a_whole_is_not_accepted_and_not_only_reviewed() -> None:
    assert worst([ACCEPT, DAMAGED]) == DAMAGED
    assert worst([REVIEW, DAMAGED, ACCEPT]) == DAMAGED


def test_a_part_with_a_frame_of_another_product_gets_no_verdict_whatever_the_others_say() -> None:
    other = NoVerdict(NoVerdictCause.PRODUCT_MISMATCH, "it is another product")
    for outcomes in ([REJECT, other], [other, REJECT, ACCEPT], [DAMAGED, REJECT, other]):
        assert worst(outcomes) == other


def test_a_decision_carries_the_reasons_of_all_frames_the_gravest_first() -> None:
    decision = worst([REVIEW, REJECT, ACCEPT])
    assert isinstance(decision, Decision)
    assert decision.verdict is Verdict.REJECT
    assert [reason.label for reason in decision.reasons] == ["scratch", "dent"]


def severity(outcome: Outcome) -> int:
    if isinstance(outcome, NoVerdict):
        return 2
    return {Verdict.ACCEPT: 0, Verdict.REVIEW: 1, Verdict.REJECT: 3}[outcome.verdict]


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=6))
def test_a_part_is_as_bad_as_its_worst_frame_in_any_order(outcomes: list[Outcome]) -> None:
    assert severity(worst(outcomes)) == max(map(severity, outcomes))
    assert severity(worst(outcomes[::-1])) == severity(worst(outcomes))


def test_detections_of_all_frames_are_merged_the_strongest_first_and_keep_their_frame() -> None:
    findings = [finding(0, confidences=[0.8, 0.2]), finding(1), finding(2, confidences=[0.9, 0.2])]
    detections, frames = merge_detections(findings)
    assert detections.confidence.tolist() == pytest.approx([0.9, 0.8, 0.2, 0.2])
    assert frames == (2, 0, 0, 2)
    assert detections.xyxy[:, 0].tolist() == [2, 0, 0, 2]


def test_the_detections_of_a_single_frame_are_its_own() -> None:
    only = finding(0, confidences=[0.8])
    assert merge_detections([only]) == (only.detections, ())


# A line of parts whose frames come late, twice or never, and out of order within two neighbours.
_traffic = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=60)


@given(_traffic, st.sampled_from([None, 5]))
def test_each_part_gets_one_outcome_and_each_frame_one_fate(
    traffic: list[tuple[int, int]], deadline_ns: int | None
) -> None:
    parts = parts_of_three(deadline_ns=deadline_ns)
    closed: list[ClosedPart] = []
    opened: list[str] = []
    wanted = refused = 0
    for now_ns, (number, part_frame) in enumerate(traffic):
        closed.extend(parts.overdue(now_ns))
        admission, before = parts.admit(str(number), part_frame, now_ns, now_ns)
        closed.extend(before)
        if admission in {Admission.LATE, Admission.DUPLICATE}:
            refused += 1
            continue
        wanted += 1
        opened.extend([str(number)] * (admission is Admission.OPENS))
        closed.extend(parts.add(finding(part_frame), now_ns))
    closed.extend(parts.close(NoVerdictCause.STOPPED, "", len(traffic)))
    assert wanted + refused == len(traffic)
    assert [part.part_id for part in closed] == opened, "in the order in which they began"
    assert len(set(opened)) == len(opened) or deadline_ns is not None, "only a part that came back has two"
    assert sum(len(part.findings) for part in closed) == wanted
    for part in closed:
        complete = len(part.findings) == 3
        assert isinstance(part.outcome, Decision) or not complete or deadline_ns is not None
        assert complete or isinstance(part.outcome, NoVerdict)
