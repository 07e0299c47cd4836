from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.quality.run_rule import Run, runs


def test_three_equal_defects_within_twenty_parts_are_a_run() -> None:
    assert runs({"dent": [4, 10, 23]}, defects=3, parts=20) == (Run("dent", 4, 23, 23, 3),)


def test_three_in_twenty_one_are_none() -> None:
    assert runs({"dent": [4, 10, 24]}, defects=3, parts=20) == ()


def test_different_defects_are_none() -> None:
    assert runs({"dent": [1, 3], "scratch": [2, 4]}, defects=3, parts=20) == ()


def test_a_tool_that_broke_is_told_once_however_long_it_lasts() -> None:
    assert runs({"dent": list(range(100, 160))}, defects=3, parts=20) == (Run("dent", 100, 159, 102, 60),)


def test_windows_that_share_a_part_are_one_run() -> None:
    # 0, 1 and 2 meet the rule, and so do 2, 20 and 21.
    assert runs({"dent": [0, 1, 2, 20, 21]}, defects=3, parts=20) == (Run("dent", 0, 21, 2, 5),)
    assert runs({"dent": [0, 5, 10, 25, 29]}, defects=3, parts=20) == (Run("dent", 0, 29, 10, 5),)


def test_what_comes_back_much_later_is_another_run() -> None:
    found = runs({"dent": [0, 1, 2, 500, 501, 502]}, defects=3, parts=20)
    assert [(run.first, run.last) for run in found] == [(0, 2), (500, 502)]


def test_runs_come_in_the_order_in_which_the_rule_was_met() -> None:
    found = runs({"dent": [5, 6, 30], "burr": [0, 9], "stain": [2, 3]}, defects=2, parts=10)
    assert [(run.label, run.met_at) for run in found] == [("stain", 3), ("dent", 6), ("burr", 9)]


@given(
    st.sets(st.integers(0, 200), max_size=40).map(sorted),
    st.integers(2, 5),
    st.integers(5, 30),
)
def test_every_window_that_meets_the_rule_lies_in_one_run_and_runs_share_no_part(
    places: list[int], defects: int, parts: int
) -> None:
    found = runs({"dent": places}, defects=defects, parts=parts)
    windows = [places[begin : begin + defects] for begin in range(len(places) - defects + 1)]
    meeting = [window for window in windows if window[-1] - window[0] < parts]
    for window in meeting:
        assert len([run for run in found if run.first <= window[0] and window[-1] <= run.last]) == 1
    in_a_run = {place for place in places for run in found if run.first <= place <= run.last}
    assert in_a_run == {place for window in meeting for place in window}
    for before, after in pairwise(found):
        assert before.last < after.first
    for run in found:
        assert run.count == sum(run.first <= place <= run.last for place in places) >= defects
        assert run.met_at - run.first < parts
