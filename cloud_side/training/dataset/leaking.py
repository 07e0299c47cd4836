"""What lies in two splits or folds and must not: groups, and images that show the same thing."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from cloud_side.catalog.leaks import Units, look_of
from cloud_side.catalog.near_duplicates import NearDuplicates, find_near_duplicates
from cloud_side.catalog.versions import Entry
from cloud_side.training.dataset.sources import Pair
from cloud_side.training.dataset.training_data import Leaks, NearPair


def look_alikes(entries: Iterable[Entry]) -> tuple[NearDuplicates, ...]:
    """Return images of two groups that show the same thing, as far as they have fingerprints."""
    known = (look_of(entry.label, entry.fingerprint) for entry in entries if entry.fingerprint is not None)
    return tuple(find_near_duplicates(known))


def units_of(pairs: Iterable[NearDuplicates], told_apart: Collection[Pair]) -> Units:
    """Return which groups count as one when folds are made: those of images that show the same thing.

    Args:
        pairs: Of images that look the same.
        told_apart: Those that show different things, as somebody said.
    """
    units = Units()
    for pair in pairs:
        if _named(pair) not in told_apart:
            units.join(*pair.groups)
    return units


def leaks(
    images: Iterable[tuple[str, str]], pairs: Sequence[NearDuplicates], told_apart: Collection[Pair] = ()
) -> Leaks:
    """Return what is in two splits or folds.

    Args:
        images: Group of each, and its split or fold.
        pairs: Of images that look the same.
        told_apart: Those that show different things, as somebody said.
    """
    where: dict[str, str] = {}
    torn = {group for group, place in images if where.setdefault(group, place) != place}
    apart = [pair for pair in sorted(pairs, key=_named) if len({where[group] for group in pair.groups}) > 1]
    return Leaks(
        groups=tuple(sorted(torn)),
        near_duplicates=tuple(_near(pair, where) for pair in apart if _named(pair) not in told_apart),
        accepted=tuple(_near(pair, where) for pair in apart if _named(pair) in told_apart),
    )


def _named(pair: NearDuplicates) -> Pair:
    first, second = sorted(pair.images)
    return first, second


def _near(pair: NearDuplicates, where: Mapping[str, str]) -> NearPair:
    first, second = (where[group] for group in pair.groups)
    return NearPair(images=pair.images, groups=pair.groups, where=(first, second), distance=pair.distance)
