"""How sure a number is: it is taken again and again over groups drawn with replacement.

Photographs of one part say the same thing over and over: whole groups are drawn, never single images.

Source:
    Percentile bootstrap: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; groups as units. Where
    nothing, or everything, was hit: the one-sided 95 % bound of Clopper and Pearson, Biometrika 26, 1934, over groups.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.predictions import Predictions
from edge_inspector.errors import ConfigError

ROUNDS: Final = 2000
_MIDDLE: Final = (2.5, 97.5)
_WEIGHTS_AT_ONCE: Final = 4_000_000

Values: TypeAlias = NDArray[np.float64]
Weighted: TypeAlias = Callable[[Values], Values]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with the range that 95 % of the resampled sets fall into.

    What could not be measured has the value 0 and the widest range.
    """

    value: float
    low: float
    high: float


UNKNOWN: Final = Interval(0.0, 0.0, 1.0)


class Statistic(Protocol):
    """A number about predictions that can be taken over groups of which each counts several times."""

    def __call__(self, predictions: Predictions, groups: Sequence[str]) -> Weighted:
        """Return what turns (rounds, groups) weights into (rounds,) values; no number where nothing was counted."""


def interval(predictions: Predictions, statistic: Statistic, *, seed: int = 0, rounds: int = ROUNDS) -> Interval:
    """Return a statistic over all images with its 95 % interval; the same seed gives the same interval."""
    groups = predictions.groups
    return resampled(statistic(predictions, groups), len(groups), seed=seed, rounds=rounds)


def paired_difference(  # noqa: PLR0913 - what two models are compared by
    first: Predictions,
    second: Predictions,
    statistic: Statistic,
    *,
    of_second: Statistic | None = None,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> Interval:
    """Return by how much a statistic of the first is above that of the second, with its 95 % interval.

    Both are taken over the same draws, so that what is hard for both does not widen the interval.

    Args:
        first: One model's predictions.
        second: Another's, on the same images.
        statistic: Of both.
        of_second: Of the second, where it is not the same: its own thresholds, for instance.
        seed: Of the draws.
        rounds: Number of draws.

    Raises:
        ConfigError: If these are not the same images in the same groups.
    """
    _check_pair(first, second)
    groups = first.groups
    of_first, of_other = statistic(first, groups), (of_second or statistic)(second, groups)

    def both(weights: Values) -> Values:
        return of_first(weights) - of_other(weights)

    return resampled(both, len(groups), seed=seed, rounds=rounds, unknown=Interval(0.0, -1.0, 1.0))


def resampled(
    statistic: Weighted, count: int, *, seed: int, rounds: int = ROUNDS, unknown: Interval = UNKNOWN
) -> Interval:
    """Return a statistic of all `count` groups, and the middle 95 % of its values over draws.

    Args:
        statistic: Of draws.
        count: Number of groups.
        seed: Of the draws.
        rounds: Number of draws.
        unknown: Returned where nothing was counted.
    """
    (value,) = statistic(np.ones((1, count))) if count else (np.nan,)
    if np.isnan(value):
        return unknown
    values = np.concatenate([statistic(weights) for weights in draws(count, seed=seed, rounds=rounds)])
    drawn = values[~np.isnan(values)]
    low, high = np.percentile(drawn, _MIDDLE) if drawn.size else (value, value)
    return Interval(float(value), float(low), float(high))


def draws(count: int, *, seed: int, rounds: int = ROUNDS) -> Iterator[Values]:
    """Yield (some rounds, count) how often each group was drawn, until there were `rounds`."""
    rng = np.random.default_rng(seed)
    at_once = max(1, _WEIGHTS_AT_ONCE // count)
    for first in range(0, rounds, at_once):
        yield rng.multinomial(count, np.full(count, 1 / count), min(at_once, rounds - first)).astype(np.float64)


def share(hit: NDArray[np.bool_], counted: NDArray[np.bool_], places: NDArray[np.int64], count: int) -> Weighted:
    """Return the statistic of what share of the counted is hit.

    Args:
        hit: (n,) what happened.
        counted: (n,) what counts.
        places: (n,) which group each belongs to.
        count: Number of groups.
    """
    hits = np.bincount(places, weights=hit & counted, minlength=count)
    totals = np.bincount(places, weights=counted, minlength=count)

    def of(weights: Values) -> Values:
        return quotient(weights @ hits, weights @ totals)

    return of


def quotient(part: Values, whole: Values) -> Values:
    """Return (n,) quotients; no number where the whole is 0."""
    result: Values = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return result


def grouped_share(
    hit: NDArray[np.bool_], counted: NDArray[np.bool_], groups: Sequence[str], *, seed: int, rounds: int = ROUNDS
) -> Interval:
    """Return the share of the counted that is hit, with a 95 % interval over groups.

    Args:
        hit: (n,) what happened.
        counted: (n,) what counts.
        groups: n groups.
        seed: Of the draws.
        rounds: Number of draws.
    """
    names = sorted(set(groups))
    places = places_of(groups, names)
    found = resampled(share(hit, counted, places, len(names)), len(names), seed=seed, rounds=rounds)
    # Drawing again cannot show what has never happened; the exact bound can: 1 - 0.05^(1/n) for 0 of n.
    groups_counted = len(set(places[counted].tolist()))
    unseen = 1 - 0.05 ** (1 / groups_counted) if groups_counted else 1.0
    if not (hit & counted).any():
        return replace(found, high=unseen)
    return replace(found, low=1 - unseen) if hit[counted].all() else found


def places_of(groups: Sequence[str], names: Sequence[str]) -> NDArray[np.int64]:
    """Return (n,) the index of each group among the names."""
    index = {name: number for number, name in enumerate(names)}
    return np.array([index[group] for group in groups], dtype=np.int64)


def _check_pair(first: Predictions, second: Predictions) -> None:
    pair = [{image.name: (image.sha256, image.group) for image in each.images} for each in (first, second)]
    if pair[0] != pair[1]:
        odd = sorted(name for name in pair[0].keys() | pair[1].keys() if pair[0].get(name) != pair[1].get(name))
        msg = f"predictions: expected two models on the same images in the same groups, found {odd[0]!r} to differ"
        raise ConfigError(msg)
