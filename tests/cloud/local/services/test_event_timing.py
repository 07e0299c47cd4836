"""When a schedule is due: known answers, most of them worked out on a calendar."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.local.services.events.timing import TimingError, parse_timing

FRIDAY_EVENING = "2026-11-27T21:00"


def due(text: str, after: str = FRIDAY_EVENING, *, zone: str = "UTC", count: int = 1) -> list[str]:
    """Return when an expression is due, by its zone's clock; `after` is read by that clock too."""
    timing, moment, found = parse_timing(text, zone), datetime.fromisoformat(after), []
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    for _ in range(count):
        later = timing.next_after(moment, moment)
        if later is None:
            break
        found.append(f"{later.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}")
        moment = later
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("0 2 * * ? *", ["2026-11-28T02:00", "2026-11-29T02:00"]),
        ("0 21 * * ? *", ["2026-11-28T21:00", "2026-11-29T21:00"]),  # now is not after now
        ("0/20 21 * * ? *", ["2026-11-27T21:20", "2026-11-27T21:40"]),
        ("5/25 * * * ? *", ["2026-11-27T21:05", "2026-11-27T21:30", "2026-11-27T21:55", "2026-11-27T22:05"]),
        ("10-14/2 22 * * ? *", ["2026-11-27T22:10", "2026-11-27T22:12", "2026-11-27T22:14"]),
        ("0 8,17 ? * MON-FRI *", ["2026-11-30T08:00", "2026-11-30T17:00", "2026-12-01T08:00"]),
        ("0 8 ? * 2-6 *", ["2026-11-30T08:00"]),
        ("0 8 ? * SUN *", ["2026-11-29T08:00"]),
        ("0 8 ? * 1,7 *", ["2026-11-28T08:00", "2026-11-29T08:00"]),
        ("0 8 ? * L *", ["2026-11-28T08:00", "2026-12-05T08:00"]),
        ("15 10 ? * 6L 2027-2028", ["2027-01-29T10:15", "2027-02-26T10:15"]),
        ("15 10 ? * FRIL *", ["2026-12-25T10:15"]),
        ("0 0 ? * 3#2 *", ["2026-12-08T00:00", "2027-01-12T00:00"]),
        ("0 0 ? * TUE#5 *", ["2026-12-29T00:00", "2027-03-30T00:00"]),
        ("0 0 L * ? *", ["2026-11-30T00:00", "2026-12-31T00:00", "2027-01-31T00:00", "2027-02-28T00:00"]),
        ("0 0 31 * ? *", ["2026-12-31T00:00", "2027-01-31T00:00", "2027-03-31T00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 15W * ? *", ["2026-12-15T00:00", "2027-01-15T00:00", "2027-02-15T00:00", "2027-03-15T00:00"]),
        ("0 0 1W 5,8 ? *", ["2027-05-03T00:00", "2027-08-02T00:00"]),  # a Saturday and a Sunday, never in another month
        ("0 0 31W JAN,OCT ? *", ["2027-01-29T00:00", "2027-10-29T00:00"]),
        ("0 0 27W JUN,NOV ? *", ["2027-06-28T00:00", "2027-11-26T00:00"]),
        ("0 0 LW FEB ? *", ["2027-02-26T00:00", "2028-02-29T00:00"]),
        ("0 0 1 1/4 ? 2027/2", ["2027-01-01T00:00", "2027-05-01T00:00", "2027-09-01T00:00", "2029-01-01T00:00"]),
        ("0 0 1 JAN ? 2026", []),
        ("0 0 31 2 ? *", []),
        ("59 23 31 12 ? 2199", ["2199-12-31T23:59"]),
    ],
)
def test_cron_is_due_when_the_calendar_says(fields: str, expected: list[str]) -> None:
    assert due(f"cron({fields})", count=len(expected) or 1) == expected


@pytest.mark.parametrize(
    ("zone", "fields", "after", "expected"),
    [
        # Berlin's clock leaps from 02:00 to 03:00 on 28 March 2027, and is put back from 03:00 to 02:00 on 31 October.
        ("Europe/Berlin", "30 2 * * ? *", "2027-03-27T12:00", ["2027-03-29T02:30"]),
        ("Europe/Berlin", "0 3 * * ? *", "2027-03-27T12:00", ["2027-03-28T03:00"]),
        ("Europe/Berlin", "0/30 1-3 * * ? *", "2027-03-28T01:15", ["2027-03-28T01:30", "2027-03-28T03:00"]),
        ("Europe/Berlin", "30 2 * * ? *", "2027-10-30T12:00", ["2027-10-31T02:30", "2027-11-01T02:30"]),
        ("Europe/Berlin", "0 2 * * ? *", "2027-10-31T01:45+01:00", ["2027-11-01T02:00"]),  # shown as 02:45 again
        ("America/New_York", "0 12 * * ? *", "2027-01-01T11:00", ["2027-01-01T12:00"]),
        ("Australia/Lord_Howe", "45 1 * * ? *", "2027-04-03T12:00", ["2027-04-04T01:45", "2027-04-05T01:45"]),
    ],
)
def test_cron_goes_by_the_clock_of_its_zone(zone: str, fields: str, after: str, expected: list[str]) -> None:
    assert due(f"cron({fields})", after, zone=zone, count=len(expected)) == expected


@settings(max_examples=30)
@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - the zone is drawn
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from(["*/7 * * * ? *", "0 2 * * ? *", "30 2 L * ? *", "0/30 0-3 ? * 1L *", "15 1 1W * ? *"]),
)
def test_times_grow_and_are_what_the_fields_say(moment: datetime, zone: str, fields: str) -> None:
    timing = parse_timing(f"cron({fields})", zone)
    times = [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)]
    for _ in range(4):
        later = timing.next_after(times[-1], times[0])
        assert later is not None
        times.append(later)
    assert all(before < after for before, after in pairwise(times))
    minutes = {f"{time.astimezone(ZoneInfo(zone)):%M}" for time in times[1:]}
    assert all(fields.startswith("*/7") or minute in {"00", "30", "15"} for minute in minutes)


def test_a_rate_keeps_its_phase() -> None:
    timing = parse_timing("rate(5 minutes)")
    anchor = datetime(2026, 11, 27, 21, 2, tzinfo=UTC)
    assert timing.next_after(anchor - timedelta(days=1), anchor) == anchor
    assert timing.next_after(anchor, anchor) == anchor + timedelta(minutes=5)
    assert timing.next_after(anchor + timedelta(hours=10, seconds=1), anchor) == anchor + timedelta(minutes=605)
    assert parse_timing("rate(1 day)").next_after(anchor, anchor) == anchor + timedelta(days=1)


def test_a_moment_is_due_once_by_its_zones_clock() -> None:
    text = "at(2026-12-24T18:00:00)"
    assert due(text, zone="Europe/Berlin", count=2) == ["2026-12-24T18:00"]
    berlin, before = parse_timing(text, "Europe/Berlin"), datetime(2026, 1, 1, tzinfo=UTC)
    assert berlin.next_after(before, before) == datetime(2026, 12, 24, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("every day", "expected rate"),
        ("rate(0 minutes)", "expected a positive number"),
        ("rate(1 minutes)", "expected a positive number and a unit"),
        ("rate(5 minute)", "expected a positive number and a unit"),
        ("rate(5 seconds)", "expected rate"),
        ("at(2026-13-01T00:00:00)", "at(2026-13-01T00:00:00)"),
        ("at(tomorrow)", "at(tomorrow)"),
        ("cron(0 2 * * *)", "found 5 fields"),
        ("cron(0 2 * * * *)", "expected ? for one of them"),
        ("cron(0 2 ? * ? *)", "expected ? for one of them"),
        ("cron(60 2 * * ? *)", "found '60', expected numbers from 0 to 59"),
        ("cron(a 2 * * ? *)", "found 'A'"),
        ("cron(5-1 2 * * ? *)", "found '5-1'"),
        ("cron(0/0 2 * * ? *)", "found '0/0'"),
        ("cron(0 2 32 * ? *)", "found '32'"),
        ("cron(0 2 32W * ? *)", "found '32'"),
        ("cron(0 2 ? * 8 *)", "found '8'"),
        ("cron(0 2 ? * 2#6 *)", "found '6'"),
        ("cron(0 2 ? * 0L *)", "found '0'"),
        ("cron(0 2 * ABC ? *)", "found 'ABC'"),
        ("cron(0 2 * * ? 1969)", "found '1969'"),
        ("cron(0 2 * * ? 20#6)", "found '20#6'"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(TimingError) as caught:
        parse_timing(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", ""])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(TimingError, match="in time zone"):
        parse_timing("cron(0 2 * * ? *)", zone)
