from datetime import UTC, datetime, timedelta
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.quality.p_chart import FEWEST_EXPECTED, Group, p_chart

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)


def groups(*counts: tuple[int, int]) -> list[Group]:
    """Return groups of parts and rejects, an hour each."""
    return [Group(AT + number * timedelta(hours=1), parts, rejects) for number, (parts, rejects) in enumerate(counts)]


def test_a_share_within_three_deviations_of_the_center_is_in_and_one_beyond_is_out() -> None:
    chart = p_chart(groups((100, 10), (100, 8), (100, 12), (100, 30), (100, 10)))
    assert chart.center == pytest.approx(0.14)
    reach = 3 * sqrt(0.14 * 0.86 / 100)
    assert [point.is_out for point in chart.points] == [False, False, False, True, False]
    assert all(point.upper == pytest.approx(0.14 + reach) for point in chart.points)
    assert all(point.lower == pytest.approx(0.14 - reach) for point in chart.points)


def test_a_share_that_is_too_good_to_be_chance_is_out_too() -> None:
    chart = p_chart(groups((200, 100), (200, 100), (200, 40)))
    assert chart.points[-1].is_out


def test_limits_are_wider_for_fewer_parts() -> None:
    chart = p_chart(groups((100, 20), (400, 80)))
    assert chart.points[0].upper > chart.points[1].upper
    assert chart.points[0].lower < chart.points[1].lower


def test_groups_with_too_few_parts_are_put_together_and_the_rest_goes_to_the_last_one() -> None:
    chart = p_chart(groups((30, 3), (30, 3), (60, 6), (10, 1)))  # five of a tenth are expected from 50 on
    assert [(point.at, point.parts, point.rejects) for point in chart.points] == [
        (AT, 60, 6),
        (AT + timedelta(hours=2), 70, 7),
    ]


def test_one_reject_among_the_first_parts_is_no_alarm() -> None:
    chart = p_chart(groups((2, 1)))
    assert [point.is_out for point in chart.points] == [False]


def test_hours_without_parts_have_no_point() -> None:
    chart = p_chart(groups((100, 50), (0, 0), (100, 50)))
    assert [point.at for point in chart.points] == [AT, AT + timedelta(hours=2)]


def test_without_parts_there_is_no_center() -> None:
    chart = p_chart(groups((0, 0)))
    assert chart.center is None
    assert chart.points == ()


def test_a_line_without_rejects_keeps_every_point() -> None:
    chart = p_chart(groups((3, 0), (4, 0)))
    assert chart.center == 0
    assert [(point.share, point.upper, point.is_out) for point in chart.points] == [(0, 0, False)] * 2


counted = st.integers(0, 500).flatmap(lambda parts: st.tuples(st.just(parts), st.integers(0, parts)))


@given(st.lists(counted, max_size=20))
def test_no_part_is_lost_and_limits_hold_the_center(counts: list[tuple[int, int]]) -> None:
    chart = p_chart(groups(*counts))
    assert sum(point.parts for point in chart.points) == sum(parts for parts, _ in counts)
    assert sum(point.rejects for point in chart.points) == sum(rejects for _, rejects in counts)
    for point in chart.points:
        assert chart.center is not None
        assert 0 <= point.lower <= chart.center <= point.upper <= 1
        rarer = min(chart.center, 1 - chart.center)
        assert len(chart.points) == 1 or not rarer or point.parts * rarer >= FEWEST_EXPECTED - 1e-9
