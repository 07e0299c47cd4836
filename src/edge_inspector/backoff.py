"""How long to wait before something is tried again."""

_MOST_DOUBLINGS = 60  # a float takes no more than about a thousand


def pause_s(attempt: int, shortest_s: float, longest_s: float, *, jitter: float) -> float:
    """Return the pause before the next attempt: doubled each time, half of it random.

    The random half keeps a hall full of stations from knocking at once when what they wait for comes back.

    Args:
        attempt: Attempts that have failed since all was well, without the first, from 0.
        shortest_s: First pause, in seconds.
        longest_s: No pause is longer.
        jitter: Random number in [0, 1]: the pause is between a half and the whole of that.
    """
    return min(longest_s, shortest_s * 2.0 ** min(attempt, _MOST_DOUBLINGS)) * (1 + jitter) / 2
