from fractions import Fraction
from math import comb, isclose

from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.rates import Window, chance_of


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 60), st.integers(1, 60))
def test_the_chance_is_that_of_the_exact_test(latest_hits: int, latest: int, earlier_hits: int, earlier: int) -> None:
    latest_hits, earlier_hits = min(latest_hits, latest), min(earlier_hits, earlier)
    hits, total = latest_hits + earlier_hits, latest + earlier
    chance = chance_of(latest_hits, latest, earlier_hits, earlier)
    if Fraction(latest_hits, latest) <= Fraction(earlier_hits, earlier):
        assert chance == 1
        return
    ways = sum(comb(latest, k) * comb(earlier, hits - k) for k in range(latest_hits, min(latest, hits) + 1))
    assert isclose(chance, ways / comb(total, hits), rel_tol=1e-6)


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=40))
def test_a_window_loses_no_part(steps: list[tuple[int, int]]) -> None:
    window = Window(50)
    window.advance(0, 0)
    parts = hits = left_parts = left_hits = largest = 0
    for step_parts, step_hits in steps:
        parts, hits = parts + step_parts, hits + min(step_parts, step_hits)
        largest = max(largest, step_parts)
        gone = window.advance(parts, hits)
        left_parts, left_hits = left_parts + gone[0], left_hits + gone[1]
        assert (window.parts + left_parts, window.hits + left_hits) == (parts, hits)
        assert window.parts < 50 + largest or not left_parts
        assert window.parts >= min(50, parts)
