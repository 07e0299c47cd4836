"""When a part is at the gate, by time and by an encoder, without a clock."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.gate.timing import GONE, NOT_IN_SIGHT, ByEncoder, ByTime, Window

MS = 1_000_000


def encoder_at(*readings: tuple[int, int], counts: int = 100, late_counts: int = 10, bits: int = 16) -> ByEncoder:
    """Return an encoder that was read: (milliseconds, count)."""
    encoder = ByEncoder(counts=counts, late_counts=late_counts, bits=bits)
    for at_ms, count in readings:
        encoder.read(count, at_ms * MS)
    return encoder


def test_by_time_the_window_is_from_the_delay_to_the_deadline() -> None:
    timing = ByTime(delay_ns=80 * MS, deadline_ns=100 * MS)
    place = timing.place(5 * MS)
    assert place is not None
    assert timing.window(place) == Window(85 * MS, 105 * MS)


def test_the_count_at_an_exposure_lies_between_those_of_two_readings() -> None:
    encoder = encoder_at((0, 1000), (10, 1020), (20, 1060))
    assert encoder.place(5 * MS) == 1010
    assert encoder.place(10 * MS) == 1020
    assert encoder.place(15 * MS) == 1040
    assert encoder.place(0) == 1000


def test_an_exposure_after_the_last_reading_waits_for_the_next_one() -> None:
    encoder = encoder_at((0, 1000), (10, 1020))
    assert encoder.place(12 * MS) is None
    encoder.read(1040, 20 * MS)
    assert encoder.place(12 * MS) == 1024


def test_of_an_exposure_before_the_first_reading_nobody_knows_where_the_part_is() -> None:
    encoder = encoder_at((10, 1000), (20, 1020))
    place = encoder.place(9 * MS)
    assert place == -inf
    assert encoder.window(place) == GONE


def test_between_two_readings_the_line_goes_on_at_its_speed() -> None:
    encoder = encoder_at((0, 1000), (10, 1020))
    assert encoder.window(940) == Window(20 * MS, 25 * MS)  # 20 counts to go at 2 a millisecond, then 10 to be late


def test_a_part_that_has_gone_by_is_not_thrown_out() -> None:
    encoder = encoder_at((0, 1000), (10, 1020))
    assert encoder.window(910) == Window(-inf, 10 * MS)
    assert encoder.window(909) == GONE


def test_a_line_that_stands_keeps_its_parts() -> None:
    encoder = encoder_at(*((at_ms, 1000) for at_ms in range(0, 100_000, 50)))
    assert encoder.window(950) == NOT_IN_SIGHT
    assert encoder.window(900) == Window(-inf, inf)  # it stands right at the gate


def test_an_encoder_that_is_not_read_any_more_is_not_trusted_for_long() -> None:
    encoder = encoder_at((0, 1000), (10, 1001))
    assert encoder.window(1001 + 15 - 100).due_ns == pytest.approx(160 * MS)
    assert encoder.window(1001 + 25 - 100) == NOT_IN_SIGHT


def test_a_line_that_runs_back_a_little_is_followed() -> None:
    encoder = encoder_at((0, 3), (10, 65_534), (20, 8))
    assert encoder.place(10 * MS) == -2
    assert encoder.place(20 * MS) == 8


def test_what_was_read_before_an_outage_says_nothing() -> None:
    encoder = encoder_at((0, 1000), (10, 1020))
    encoder.forget()
    assert encoder.place(5 * MS) is None
    encoder.read(7, 50 * MS)
    assert encoder.place(5 * MS) == -inf


def test_a_count_that_may_have_wrapped_unseen_is_not_believed() -> None:
    encoder = encoder_at((0, 0), (10, 5000))
    assert encoder.read(2000, 20 * MS)
    encoder = encoder_at((0, 0), (10, 5000))
    assert not encoder.read(15_000, 60 * MS)  # 25000 counts on at its speed, and little more would be half of all
    assert encoder.place(5 * MS) == -inf


@pytest.mark.parametrize("bits", [16, 32])
@given(
    steps=st.lists(st.integers(-50, 5000), min_size=2, max_size=60),
    first=st.integers(0, 2**32 - 1),
    where=st.floats(0, 1),
)
def test_a_count_that_wraps_is_as_good_as_one_that_does_not(
    bits: int, steps: list[int], first: int, where: float
) -> None:
    counts = [first % 2**bits]
    for step in steps:
        counts.append(counts[-1] + step)
    plain = encoder_at(*((at, count) for at, count in enumerate(counts)), bits=62, counts=1000)
    wrapped = encoder_at(*((at, count % 2**bits) for at, count in enumerate(counts)), bits=bits, counts=1000)
    captured_ns = int(where * (len(counts) - 1) * MS)
    place = plain.place(captured_ns)
    assert place is not None
    assert wrapped.place(captured_ns) == place
    assert wrapped.window(place) == plain.window(place)


@given(
    speeds=st.lists(st.integers(0, 40), min_size=5, max_size=200),
    captured=st.integers(0, 4),
)
def test_whatever_the_line_does_a_part_is_due_when_it_has_gone_its_counts(speeds: list[int], captured: int) -> None:
    encoder, count, due_at = encoder_at(counts=100, late_counts=10_000), 65_000, None
    counts = []
    for at_ms, speed in enumerate(speeds):
        counts.append(count)
        encoder.read(count % 65_536, at_ms * MS)
        place = encoder.place(captured * MS) if at_ms >= captured else None
        if due_at is None and place is not None and encoder.window(place).due_ns <= at_ms * MS:
            due_at = at_ms
        count += speed
    expected = next((at for at, c in enumerate(counts) if at >= captured and c >= counts[captured] + 100), None)
    assert due_at == expected


def test_a_station_that_runs_for_years_remembers_only_the_latest_readings() -> None:
    encoder = ByEncoder(counts=1, late_counts=1, bits=16)
    for number in range(40_000):
        encoder.read(number % 65_536, number * MS)
    assert len(encoder._times) < 20_000
    assert encoder.place(39_000 * MS) == 39_000
