from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.quality.shifts import shift_at, shifts_before

BERLIN = ZoneInfo("Europe/Berlin")
TIMES = ("06:00", "14:00", "22:00")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("at", "name", "since"),
    [
        ("2026-03-10T06:00:00", "06:00", "2026-03-10T06:00"),
        ("2026-03-10T05:59:59", "22:00", "2026-03-09T22:00"),
        ("2026-03-10T13:59:59", "06:00", "2026-03-10T06:00"),
        ("2026-03-10T23:30:00", "22:00", "2026-03-10T22:00"),
        ("2026-03-11T00:30:00", "22:00", "2026-03-10T22:00"),
    ],
)
def test_the_shift_is_the_one_that_began_last(at: str, name: str, since: str) -> None:
    shift = shift_at(local(at), TIMES, BERLIN)
    assert (shift.name, shift.since) == (name, local(since))
    assert shift.since.tzinfo is UTC


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 7), ("2026-10-25", 9), ("2026-03-30", 8)])
def test_the_night_in_which_clocks_change_is_an_hour_shorter_or_longer(day: str, hours: int) -> None:
    shift = shift_at(local(f"{day}T04:00"), TIMES, BERLIN)
    assert shift.name == "22:00"
    assert shift.until - shift.since == timedelta(hours=hours)


def test_a_time_that_the_day_leaves_out_begins_when_it_would_have() -> None:
    shift = shift_at(local("2026-03-29T04:00"), ("02:30", "14:00"), BERLIN)
    assert shift.name == "02:30"
    assert shift.since == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_time_that_the_day_has_twice_begins_the_first_time() -> None:
    shift = shift_at(local("2026-10-25T12:00"), ("02:30", "14:00"), BERLIN)
    assert shift.since == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_one_shift_a_day_lasts_a_day() -> None:
    shift = shift_at(local("2026-03-10T03:00"), ("05:00",), BERLIN)
    assert (shift.since, shift.until) == (local("2026-03-09T05:00"), local("2026-03-10T05:00"))


def test_without_a_zone_the_times_are_those_of_this_machine() -> None:
    shift = shift_at(datetime(2026, 3, 10, 12, tzinfo=UTC), ("00:00",))
    midnight = shift.since.astimezone()
    assert (midnight.hour, midnight.minute) == (0, 0)


minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.sets(minutes, min_size=1, max_size=6).map(sorted), st.integers(1, 15))
def test_shifts_tile_time_and_the_newest_holds_the_moment(moment: datetime, times: list[str], count: int) -> None:
    shifts = shifts_before(moment, times, count, BERLIN)
    assert len(shifts) == count
    assert shifts[0].since <= moment < shifts[0].until
    for newer, older in pairwise(shifts):
        assert older.since < older.until == newer.since
    assert {shift.name for shift in shifts} <= set(times)
