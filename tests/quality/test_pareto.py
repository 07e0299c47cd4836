import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.quality.pareto import Bar, pareto


def test_the_most_frequent_class_comes_first_and_equal_ones_by_name() -> None:
    bars = pareto({"dent": 2, "stain": 0, "scratch": 6, "burr": 2})
    assert bars == (Bar("scratch", 6, 0.6, 0.6), Bar("burr", 2, 0.2, 0.8), Bar("dent", 2, 0.2, 1.0))


def test_nothing_has_no_bars() -> None:
    assert pareto({}) == ()


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 1000), max_size=8))
def test_shares_sum_to_one_and_the_last_bar_stands_for_all(counts: dict[str, int]) -> None:
    bars = pareto(counts)
    assert sum(bar.parts for bar in bars) == sum(counts.values())
    if bars:
        assert sum(bar.share for bar in bars) == pytest.approx(1)
        assert bars[-1].cumulative == 1
        assert [bar.share for bar in bars] == sorted((bar.share for bar in bars), reverse=True)
