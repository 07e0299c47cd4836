import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.sources.freshness import SETTLING_NS, ByArrival, ByStreamClock, Freshness

STALENESS_S = 0.5
SETTLED_S = SETTLING_NS / 1e9


@dataclass(frozen=True)
class Passed:
    """One picture: when it was made and came, and how old it may be by the verdict, None where nobody can tell."""

    made_s: float
    came_s: float
    judged_age_s: float | None

    @property
    def true_age_s(self) -> float:
        return self.came_s - self.made_s

    @property
    def is_trusted(self) -> bool:
        return self.judged_age_s is not None and self.judged_age_s <= STALENESS_S


def judge(freshness: Freshness, made_s: Sequence[float], came_s: Sequence[float]) -> list[Passed]:
    passed = []
    for made, came in zip(made_s, came_s, strict=True):
        earliest_ns = freshness.earliest_ns(int(came * 1e9), int(made * 1e9))
        age_s = None if earliest_ns is None else came - earliest_ns / 1e9
        passed.append(Passed(made, came, age_s))
    return passed


def steady(rate_hz: float, seconds: float) -> list[float]:
    return [number / rate_hz for number in range(int(rate_hz * seconds))]


def travel(made_s: Sequence[float], stalls: Sequence[tuple[float, float]], *, line_s: float = 0.001) -> list[float]:
    """Return when pictures come through a line that stalls from a to b, keeps all, and then takes `line_s` each."""
    came_s: list[float] = []
    for made in made_s:
        start = max(made, came_s[-1] if came_s else made)
        for begin, end in stalls:
            if begin <= start < end:
                start = end
        came_s.append(start + line_s)
    return came_s


def trusted_after(passed: Sequence[Passed], since_s: float) -> float:
    later = [picture.is_trusted for picture in passed if picture.came_s >= since_s]
    return sum(later) / len(later)


@pytest.mark.parametrize("rate_hz", [1.0, 5.0, 25.0, 200.0])
def test_a_steady_camera_is_trusted_after_its_first_second_whatever_its_rate(rate_hz: float) -> None:
    made = steady(rate_hz, 20)
    passed = judge(ByArrival(STALENESS_S), made, travel(made, []))
    assert trusted_after(passed, SETTLED_S + 2.1 / rate_hz) == 1.0
    assert not any(picture.is_trusted for picture in passed if picture.came_s < SETTLED_S)


def test_a_camera_slower_than_the_budget_is_trusted_from_its_third_picture() -> None:
    made = steady(0.2, 60)
    trusted = [picture.is_trusted for picture in judge(ByArrival(STALENESS_S), made, made)]
    assert trusted == [False, False, *[True] * 10]


@pytest.mark.parametrize("rate_hz", [1.0, 25.0])
def test_a_jittery_camera_does_not_starve(rate_hz: float) -> None:
    generator = random.Random(1)
    made = [second + generator.uniform(-0.15, 0.15) / rate_hz for second in steady(rate_hz, 120)]
    assert trusted_after(judge(ByArrival(STALENESS_S), made, made), 3 / rate_hz + SETTLED_S) > 0.97


def test_a_camera_that_needs_long_for_its_first_picture_is_trusted_soon_after() -> None:
    made = [8.0 + second for second in steady(25, 5)]
    freshness = ByArrival(STALENESS_S)
    freshness.restart()
    assert trusted_after(judge(freshness, made, made), 8.0 + SETTLED_S + 0.1) == 1.0


def test_what_waits_when_a_connection_begins_is_not_trusted() -> None:
    made = steady(25, 6)
    passed = judge(ByArrival(STALENESS_S), made, travel(made, [(0.0, 3.0)]))
    assert max(picture.true_age_s for picture in passed if picture.is_trusted) < 0.01
    assert trusted_after(passed, 4.1) == 1.0


@pytest.mark.parametrize("rate_hz", [0.3, 0.7, 1.5, 3.0, 6.0, 12.0, 25.0])
@pytest.mark.parametrize("begin_s", [0.0, 0.1, 0.6, 0.9])
@pytest.mark.parametrize("seconds", [1.0, 5.0, 20.0])
def test_what_was_kept_while_a_connection_began_does_not_pass_for_the_rate_of_a_slow_camera(
    rate_hz: float, begin_s: float, seconds: float
) -> None:
    made = steady(rate_hz, 60 + 30 / rate_hz)
    passed = judge(ByArrival(STALENESS_S), made, travel(made, [(begin_s, begin_s + seconds)], line_s=0.0005))
    assert all(picture.true_age_s < STALENESS_S for picture in passed if picture.is_trusted)
    assert trusted_after(passed, begin_s + seconds + SETTLED_S + 4 / rate_hz) == 1.0


def test_a_reader_that_was_held_up_for_less_than_the_budget_loses_nothing() -> None:
    made = steady(25, 10)
    passed = judge(ByArrival(STALENESS_S), made, travel(made, [(5.0, 5.4)]))
    assert trusted_after(passed, SETTLED_S + 0.1) == 1.0


def test_a_backlog_is_not_trusted_and_the_next_live_picture_is() -> None:
    made = steady(25, 15)
    passed = judge(ByArrival(STALENESS_S), made, travel(made, [(5.0, 10.0)]))
    assert all(picture.true_age_s < STALENESS_S for picture in passed if picture.is_trusted)
    assert trusted_after(passed, 10.3) == 1.0


def test_a_picture_that_was_stuck_behind_a_long_gap_is_not_trusted() -> None:
    made = [*steady(25, 5), 5.0, *(10.0 + second for second in steady(25, 2))]
    came = [*steady(25, 5), 9.96, *(10.0 + second for second in steady(25, 2))]
    assert not judge(ByArrival(STALENESS_S), made, came)[125].is_trusted


@given(
    rate_hz=st.sampled_from([5.0, 12.5, 25.0, 60.0]),
    stalls=st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.05, 6.0)), max_size=3),
    speed=st.floats(2.0, 50.0),
    jitter=st.floats(0.0, 0.1),
    seed=st.integers(0, 1000),
)
def test_no_picture_passes_that_is_older_than_the_budget_and_calm_brings_trust_back(
    rate_hz: float, stalls: list[tuple[float, float]], speed: float, jitter: float, seed: int
) -> None:
    generator = random.Random(seed)
    made = [second + generator.uniform(0, jitter) / rate_hz for second in steady(rate_hz, 60)]
    begins = [2.0 + 12.0 * number + later for number, (later, _) in enumerate(stalls)]
    ends = [(begin, begin + seconds) for begin, (_, seconds) in zip(begins, stalls, strict=True)]
    came = travel(made, ends, line_s=1 / rate_hz / speed)
    passed = judge(ByArrival(STALENESS_S), made, came)
    tolerance_s = 2 / rate_hz
    assert all(picture.true_age_s <= STALENESS_S + tolerance_s for picture in passed if picture.is_trusted)
    calm_s = max(
        (came_s for made_s, came_s in zip(made, came, strict=True) if came_s - made_s > 1.5 / rate_hz), default=0
    )
    assert trusted_after(passed, max(calm_s, SETTLED_S) + 1.0) == 1.0


def test_a_camera_that_doubles_its_rate_loses_nothing() -> None:
    made = [*steady(12.5, 5), *(5.0 + second for second in steady(25, 5))]
    assert trusted_after(judge(ByArrival(STALENESS_S), made, made), SETTLED_S + 0.1) == 1.0


def test_a_camera_that_became_much_slower_is_trusted_once_its_interval_is_forgotten() -> None:
    freshness = ByArrival(STALENESS_S)
    judge(freshness, steady(25, 5), steady(25, 5))
    made = [5.0 + second for second in steady(1, 10)]
    assert not any(picture.is_trusted for picture in judge(freshness, made, made)[1:])
    freshness.forget()
    made = [15.0 + second for second in steady(1, 10)]
    assert [picture.is_trusted for picture in judge(freshness, made, made)][2:] == [True] * 8


def test_a_new_connection_is_trusted_at_its_first_picture_that_was_waited_for() -> None:
    freshness = ByArrival(STALENESS_S)
    judge(freshness, steady(25, 5), steady(25, 5))
    freshness.restart()
    made = [7.0 + second for second in steady(25, 2)]
    passed = judge(freshness, made, travel(made, [(6.9, 7.5)]))
    assert all(picture.true_age_s < 0.05 for picture in passed if picture.is_trusted)
    assert trusted_after(passed, 7.6) == 1.0


def test_a_stream_clock_is_trusted_when_the_backlog_of_the_beginning_is_through() -> None:
    made = steady(25, 5)
    passed = judge(ByStreamClock(), made, travel(made, [(0.0, 1.2)]))
    assert max(picture.true_age_s for picture in passed if picture.is_trusted) < 0.05
    assert trusted_after(passed, 1.35) == 1.0


def test_a_stream_clock_finds_a_line_that_is_a_little_too_slow() -> None:
    made = steady(25, 60)
    came = [second if second < 10 else 10 + (second - 10) * 1.05 for second in made]
    passed = judge(ByStreamClock(), made, came)
    assert trusted_after(passed, 2.0) > 0.2
    assert all(picture.true_age_s < STALENESS_S * 1.1 for picture in passed if picture.is_trusted)


def test_a_stream_clock_finds_pictures_that_a_decoder_held_back() -> None:
    made = steady(25, 10)
    # Three pictures stay in the decoder: each comes out when the third one after it goes in.
    stalled = [second if second < 5 else second + 3.0 for second in made]
    came = [*stalled[3:], *(stalled[-1] + second for second in (0.04, 0.08, 0.12))]
    passed = judge(ByStreamClock(), made, came)
    old = [picture for picture in passed if picture.true_age_s > 1.0 and picture.made_s < 5]
    assert len(old) == 3
    assert not any(picture.is_trusted for picture in old)


def test_a_stream_clock_that_runs_a_little_slow_costs_no_picture() -> None:
    real = steady(10, 1800)
    shown = [second * 0.999 for second in real]
    freshness = ByStreamClock()
    ages = [
        None if (earliest := freshness.earliest_ns(int(now * 1e9), int(stream * 1e9))) is None else now - earliest / 1e9
        for now, stream in zip(real, shown, strict=True)
    ]
    assert max(age for age in ages[2:] if age is not None) < 0.01
    assert None not in ages[2:]


def test_a_stream_clock_that_is_set_back_is_learned_again() -> None:
    freshness = ByStreamClock()
    judge(freshness, steady(25, 4), steady(25, 4))
    shown, real = steady(25, 2), [4.0 + second for second in steady(25, 2)]
    verdicts = [
        freshness.earliest_ns(int(now * 1e9), int(stream * 1e9)) for now, stream in zip(real, shown, strict=True)
    ]
    assert verdicts[0] is None
    assert all(verdict is not None for verdict in verdicts[2:])


def test_a_picture_without_its_time_on_the_stream_cannot_be_judged() -> None:
    assert ByStreamClock().earliest_ns(1, None) is None
