from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.backoff import pause_s


def test_pauses_double_up_to_the_longest_and_half_of_each_is_random() -> None:
    assert [pause_s(attempt, 0.5, 10.0, jitter=1.0) for attempt in (0, 1, 2, 9, 10_000)] == [0.5, 1.0, 2.0, 10.0, 10.0]
    assert pause_s(1, 0.5, 10.0, jitter=0.0) == 0.5


@given(
    attempt=st.integers(0, 10_000),
    jitter=st.floats(0, 1),
    shortest_s=st.floats(0.001, 100),
    factor=st.floats(1, 1000),
)
def test_pauses_grow_up_to_the_longest_and_at_most_half_of_them_is_chance(
    attempt: int, jitter: float, shortest_s: float, factor: float
) -> None:
    longest_s = shortest_s * factor
    now_s = pause_s(attempt, shortest_s, longest_s, jitter=jitter)
    assert shortest_s / 2 <= now_s <= longest_s
    assert pause_s(attempt, shortest_s, longest_s, jitter=1) <= pause_s(attempt + 1, shortest_s, longest_s, jitter=1)
    assert now_s >= pause_s(attempt, shortest_s, longest_s, jitter=1) / 2
    assert pause_s(0, shortest_s, longest_s, jitter=jitter) <= shortest_s
