"""Intervals: how far a share may be off that was found on some of many."""

from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959964  # of the standard normal distribution: 95 of 100 lie within


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its interval.

    Attributes:
        value: Hits by trials, in [0, 1].
        low, high: The true share lies between them, 95 times of 100.
    """

    value: float
    low: float
    high: float


def wilson(hits: int, trials: int, *, z: float = Z_95) -> Share | None:
    """Return a share with its score interval; None where nothing was tried.

    It holds for few trials and for shares near 0 or 1, where value +- 2 deviations does not.

    Args:
        hits: How often it was so.
        trials: How often it was looked.
        z: Half the width of the interval, in deviations of a standard normal distribution.

    Raises:
        ValueError: If there are more hits than trials, or fewer than none.

    Source:
        E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not 0 <= hits <= trials:
        msg = f"expected 0 <= hits <= trials, found {hits} of {trials}"
        raise ValueError(msg)
    if not trials:
        return None
    value = hits / trials
    weight = 1 + z * z / trials
    middle = (value + z * z / (2 * trials)) / weight
    half = z * sqrt(value * (1 - value) / trials + z * z / (4 * trials * trials)) / weight
    # Where nothing, or everything, was a hit, one end is exact; what rounding leaves there is none of it.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == trials else min(1.0, middle + half)
    return Share(value, low, high)
