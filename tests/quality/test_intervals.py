import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.quality.intervals import wilson


def test_the_interval_is_the_one_of_the_books() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for hits, trials, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        share = wilson(hits, trials)
        assert share is not None
        assert (share.low, share.high) == pytest.approx((low, high), abs=5e-5)


def test_nothing_tried_tells_nothing() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("hits", "trials"), [(2, 1), (-1, 1)])
def test_what_cannot_be_counted_is_an_error(hits: int, trials: int) -> None:
    with pytest.raises(ValueError, match=f"found {hits} of {trials}"):
        wilson(hits, trials)


@given(st.integers(1, 10**6).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_interval_holds_the_share_and_lies_between_none_and_all(case: tuple[int, int]) -> None:
    share = wilson(*case)
    assert share is not None
    assert 0 <= share.low <= share.value <= share.high <= 1


@given(st.integers(0, 50), st.integers(1, 50), st.integers(2, 20))
def test_more_trials_with_the_same_share_narrow_it(hits: int, misses: int, times: int) -> None:
    few, many = wilson(hits, hits + misses), wilson(hits * times, (hits + misses) * times)
    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low
