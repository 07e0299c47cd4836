"""What becomes of images that are nearly the same and are of two groups: perhaps one part, photographed twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cloud_side.catalog.gathering import Candidates
from cloud_side.catalog.leaks import Units
from cloud_side.catalog.splits import SplitRule
from cloud_side.catalog.versions import DatasetError, Entry

_SHOWN = 5
_LONGEST = 24  # letters of a group: one that nobody declared is called by a hash


class NearDuplicates(StrEnum):
    """What becomes of two groups with images that are nearly the same."""

    FAIL = "fail"  # if they are in two splits
    REPORT = "report"
    JOIN = "join"  # they count as one group


@dataclass(frozen=True, slots=True)
class Twins:
    """Two images of two groups that are nearly the same.

    Attributes:
        images: sha256 of both.
        groups: Of both.
        distance: How far they are apart; 0 for the same pixels.
    """

    images: tuple[str, str]
    groups: tuple[str, str]
    distance: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"images": list(self.images), "groups": list(self.groups), "distance": self.distance}


class NearDuplicateError(DatasetError):
    """Images of two splits that are nearly the same.

    Attributes:
        twins: All of them.
        entries: The images, by sha256.
    """

    def __init__(self, twins: Sequence[Twins], entries: Mapping[str, Entry]) -> None:
        self.twins, self.entries = tuple(twins), entries
        splits = {entry.label.group: entry.split.value for entry in entries.values()}
        pairs = sorted({each.groups for each in twins})
        shown = "; ".join(
            " and ".join(f"{group[:_LONGEST]!r} ({splits[group]})" for group in pair) for pair in pairs[:_SHOWN]
        )
        more = f"; and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        super().__init__(
            f"near duplicates: expected none in two splits, found {len(twins)} pairs of images, in {shown}{more}; "
            "look at them, then --near-duplicates join (these groups count as one) or report (they are different parts)"
        )


def judge(
    found: Iterable[Twins], units: Units, rule: SplitRule, mode: NearDuplicates, candidates: Candidates
) -> list[Twins]:
    """Note near duplicates of two groups, join these groups if that is wished, and return what must not be.

    Returns:
        Those in two splits, where that fails.
    """
    leaks = []
    for twins in found:
        if mode is NearDuplicates.JOIN:
            units.join(*twins.groups)
        is_torn = len({rule.split_of(units.unit_of(group)) for group in twins.groups}) > 1
        if is_torn and mode is NearDuplicates.FAIL:
            leaks.append(twins)
        candidates.note("near_duplicate", twins.document())
    return leaks
