from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.decision import Outcome
from edge_inspector.sampling import BY_VALUE, DAY_S, HOUR_S, Budget, SampleReason, draw, reason_to_keep
from tests.samples.made import ACCEPT, NO_VERDICT, REJECT, REVIEW, identity_of, result


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (REJECT, SampleReason.DEFECT),
        (REVIEW, SampleReason.UNCERTAIN),
        (NO_VERDICT, SampleReason.UNCERTAIN),
        (ACCEPT, None),
    ],
)
def test_the_reason_follows_from_the_outcome(outcome: Outcome, reason: SampleReason | None) -> None:
    assert reason_to_keep(result(1, outcome), collect=False, random_share=0) == reason


def test_accepted_parts_are_kept_for_the_audit_by_their_share() -> None:
    assert reason_to_keep(result(1, ACCEPT), collect=False, random_share=1) is SampleReason.RANDOM
    drawn = [draw(identity_of(number)) < 0.1 for number in range(4000)]
    assert 320 < sum(drawn) < 480


@pytest.mark.parametrize("outcome", [REJECT, ACCEPT, NO_VERDICT])
def test_while_frames_are_gathered_every_one_is_wanted(outcome: Outcome) -> None:
    assert reason_to_keep(result(1, outcome), collect=True, random_share=0) is SampleReason.COLLECT


@given(st.text())
def test_the_draw_is_the_same_in_a_replay(identity: str) -> None:
    assert 0 <= draw(identity) < 1
    assert draw(identity) == draw(identity)


def test_the_order_of_value() -> None:
    assert [reason.value for reason in BY_VALUE] == ["operator", "defect", "uncertain", "drift", "collect", "random"]


_steps = st.lists(
    st.tuples(st.sampled_from([0, 1, 59, 61, 600, 3599, 3601, 7200, 30_000]) | st.floats(0, 5000), st.integers(1, 4)),
    max_size=200,
)


@given(_steps, st.integers(0, 12), st.integers(0, 30), st.floats(0, 1e7))
@settings(max_examples=300)
def test_no_hour_and_no_day_ever_sees_more_than_its_budget(
    steps: list[tuple[float, int]], per_hour: int, per_day: int, begin_s: float
) -> None:
    budget, now_s = Budget(per_hour=per_hour, per_day=per_day), begin_s
    taken: list[tuple[float, int]] = []
    for pause_s, count in steps:
        now_s += pause_s
        if budget.take(count, now_s):
            taken.append((now_s, count))
    for since_s, _ in taken:
        for length_s, limit in ((HOUR_S, per_hour), (DAY_S, per_day)):
            assert sum(count for at_s, count in taken if since_s <= at_s <= since_s + length_s) <= limit


@given(st.integers(1, 10), st.floats(0, 1e7))
def test_what_was_taken_is_given_back_at_most_a_sixtieth_late(per_hour: int, begin_s: float) -> None:
    budget = Budget(per_hour=per_hour, per_day=1000)
    assert budget.take(per_hour, begin_s)
    assert not budget.take(1, begin_s + HOUR_S)
    assert budget.take(per_hour, begin_s + HOUR_S * (1 + 2 / 60))


def test_a_part_takes_all_its_frames_or_none() -> None:
    budget = Budget(per_hour=5, per_day=5)
    assert [budget.take(count, 0.0) for count in (3, 3, 2, 1)] == [True, False, True, False]


def test_a_budget_of_zero_takes_nothing() -> None:
    assert not Budget(per_hour=0, per_day=10).take(1, 0.0)


def test_a_day_is_bounded_though_every_hour_has_room() -> None:
    budget = Budget(per_hour=10, per_day=25)
    taken = [sum(budget.take(1, hour * 2 * HOUR_S) for _ in range(10)) for hour in range(12)]
    assert sum(taken) == 25
    assert all(before >= after for before, after in pairwise(taken))
