import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.pipeline.latency import LatencyWindow


def test_nothing_remembered_is_nothing_told() -> None:
    assert LatencyWindow().percentiles() == {}


def test_each_stage_has_its_own_percentiles() -> None:
    window = LatencyWindow()
    for value in range(101):
        window.add({"inference": float(value), "total": 2.0 * value})
    assert window.percentiles() == {
        "inference": {"p50": 50.0, "p95": 95.0, "p99": 99.0},
        "total": {"p50": 100.0, "p95": 190.0, "p99": 198.0},
    }


def test_only_the_last_thousand_count() -> None:
    window = LatencyWindow()
    for value in [1e9] * 5 + [1.0] * 1000:
        window.add({"total": value})
    assert window.percentiles()["total"] == {"p50": 1.0, "p95": 1.0, "p99": 1.0}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_percentiles_rise_and_lie_between_the_extremes(values: list[float]) -> None:
    window = LatencyWindow()
    for value in values:
        window.add({"total": value})
    p50, p95, p99 = window.percentiles()["total"].values()
    assert p50 <= p95 <= p99
    assert p50 == pytest.approx(np.median(values), abs=1e-3)
    assert min(values) - 1e-3 <= p50
    assert p99 <= max(values) + 1e-3


def test_percentiles_can_be_asked_while_another_thread_adds() -> None:
    window = LatencyWindow()
    ended = threading.Event()

    def add() -> None:
        for value in range(3000):
            window.add({"total": float(value), f"stage-{value % 50}": 1.0})
        ended.set()

    thread = threading.Thread(target=add)
    thread.start()
    while not ended.is_set():
        window.percentiles()
    thread.join()
    assert len(window.percentiles()) == 51
