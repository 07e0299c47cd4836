import pytest

from cloud_side.monitoring.figures import EVERY_MS, FEWEST_PARTS, figures
from cloud_side.monitoring.metrics import Metric
from cloud_side.monitoring.stations import Counted, Counts, Stats
from tests.cloud.monitoring.stationed import NOW_MS

COUNTED = {Metric.PARTS, Metric.REJECTED, Metric.REVIEWED, Metric.NO_VERDICT}
RATES = {Metric.REJECT_RATE, Metric.NO_VERDICT_RATE}


def stats(at_ms: int, *counts: int, **gauges: float) -> Stats:
    return Stats("session", at_ms, Counts(*counts), gauges, "online")


def counted(*counts: int) -> Counted:
    return Counted(NOW_MS, Counts(*counts), Counts(*counts))


def test_parts_are_counted_since_they_were_last_taken() -> None:
    values, after = figures(stats(NOW_MS + EVERY_MS, 180, 13, 25, 2), counted(100, 10, 10, 0))
    assert {metric: values[metric] for metric in COUNTED | RATES} == {
        Metric.PARTS: 100,
        Metric.REVIEWED: 3,
        Metric.REJECTED: 15,
        Metric.NO_VERDICT: 2,
        Metric.REJECT_RATE: 15,
        Metric.NO_VERDICT_RATE: 2,
    }
    assert after == Counted(NOW_MS + EVERY_MS, Counts(180, 13, 25, 2), Counts(180, 13, 25, 2))


def test_every_part_is_in_the_sums_once() -> None:
    before, total = counted(), 0.0
    for number in range(1, 40):
        values, before = figures(stats(NOW_MS + number * 70_000, number * 7), before)
        total += values.get(Metric.PARTS, 0)
    assert total + figures(stats(NOW_MS + 10**9, 39 * 7), before)[0][Metric.PARTS] == 39 * 7


def test_nothing_is_written_more_often_than_every_five_minutes() -> None:
    before = counted(1)
    assert figures(stats(NOW_MS + EVERY_MS - 1, 90), before) == ({}, before)


def test_a_slow_line_has_a_rate_once_there_are_parts_enough() -> None:
    before, rates = counted(), []
    for number in range(1, 6):
        values, before = figures(stats(NOW_MS + number * EVERY_MS, number * 4, 0, number), before)
        rates.append(values.get(Metric.REJECT_RATE))
        assert values[Metric.PARTS] == 5
    assert FEWEST_PARTS == 20
    assert rates == [None, None, None, 20, None]


def test_what_a_session_did_before_it_was_first_heard_is_not_counted() -> None:
    values, after = figures(stats(NOW_MS, 10**6, 0, 10**5, latency_p95_ms=17.25), None)
    assert values.keys().isdisjoint(COUNTED | RATES)
    assert values[Metric.LATENCY_P95] == 17.25
    assert figures(stats(NOW_MS + EVERY_MS, 10**6 + 30, 0, 10**5), after)[0][Metric.PARTS] == 30


def test_statistics_that_were_written_in_another_order_change_nothing() -> None:
    before = counted(100)
    assert figures(stats(NOW_MS + EVERY_MS, 90), before) == ({}, before)


@pytest.mark.parametrize(
    ("gauges", "metric", "value"),
    [
        ({"latency_p95_ms": 17.25}, Metric.LATENCY_P95, 17.25),
        ({"deadline_missed_share": 0.02}, Metric.DEADLINE_MISSED, 2),
        ({"waiting_mqtt": 5.0, "waiting_iot_core": 7.0}, Metric.BACKLOG, 7),
        ({"samples_waiting": 3.0}, Metric.SAMPLES_WAITING, 3),
    ],
)
def test_what_a_station_measures_is_a_metric(gauges: dict[str, float], metric: Metric, value: float) -> None:
    values, _ = figures(stats(NOW_MS, **gauges), None)
    assert values == {metric: value, Metric.CAMERA_AWAY: 0}


@pytest.mark.parametrize(("status", "away"), [("online", 0), ("degraded", 0), ("offline", 1)])
def test_a_camera_is_away_when_it_is_offline(status: str, away: float) -> None:
    values, _ = figures(Stats("session", NOW_MS, Counts(), camera=status), None)
    assert values == {Metric.CAMERA_AWAY: away}
