"""Which stretches of a roll nobody looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.linescan.coverage import Coverage
from edge_inspector.web import WebPlace


def place(first: int, lines: int = 30, *, roll: str = "a", ends: bool = False) -> WebPlace:
    return WebPlace(roll, first, lines, first * 0.5, 0.5, ends_roll=ends)


def test_frames_that_overlap_leave_nothing_out() -> None:
    coverage = Coverage()
    assert [coverage.inspected(place(first)) for first in (0, 20, 40)] == [[], [], []]
    assert coverage.end() == []


def test_the_neighbors_of_a_lost_frame_have_seen_its_overlaps() -> None:
    coverage = Coverage()
    coverage.inspected(place(0))
    assert coverage.missed(place(20)) == []
    (unseen,) = coverage.inspected(place(40))
    assert str(unseen) == "lines 30 to 40 (15.0 to 20.0 mm) of roll a"


def test_lost_frames_at_the_end_of_a_roll_are_told_with_it() -> None:
    coverage = Coverage()
    coverage.inspected(place(0))
    coverage.missed(place(20))
    (unseen,) = coverage.missed(place(25, ends=True))
    assert unseen.lines == (30, 55)
    assert coverage.inspected(place(0, roll="b")) == []


def test_a_roll_that_ended_unheard_is_told_when_the_next_one_begins() -> None:
    coverage = Coverage()
    coverage.inspected(place(0))
    coverage.missed(place(20))
    first, second = coverage.inspected(place(5, roll="b"))
    assert (first.roll, first.lines) == ("a", (30, 50))
    assert (second.roll, second.lines) == ("b", (0, 5))


def test_what_is_left_at_the_stop_is_told_once() -> None:
    coverage = Coverage()
    coverage.missed(place(0))
    (unseen,) = coverage.end()
    assert unseen.lines == (0, 30)
    assert coverage.end() == []
    assert coverage.inspected(place(20)) == []


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, 15))
def test_seen_and_unseen_lines_are_all_lines(looked_at: list[bool], overlap: int) -> None:
    coverage, step = Coverage(), 30 - overlap
    seen: set[int] = set()
    unseen: list[int] = []
    for number, is_seen in enumerate(looked_at):
        where = place(number * step, ends=number == len(looked_at) - 1)
        stretches = coverage.inspected(where) if is_seen else coverage.missed(where)
        seen |= set(range(where.first_line, where.end_line)) if is_seen else set()
        unseen += [line for stretch in stretches for line in range(int(stretch.lines[0]), int(stretch.lines[1]))]
    total = (len(looked_at) - 1) * step + 30
    assert len(unseen) == len(set(unseen))
    assert set(unseen) == set(range(total)) - seen


@pytest.mark.parametrize("wrong", [(-1, 3, None, None), (0, -1, None, None), (0, 3, 1.0, None), (0, 3, None, 1.0)])
def test_a_place_before_the_roll_or_with_half_a_position_is_refused(
    wrong: tuple[int, int, float | None, float | None],
) -> None:
    with pytest.raises(ValueError, match="web: expected"):
        WebPlace("a", *wrong)
