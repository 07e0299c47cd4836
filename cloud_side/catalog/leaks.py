"""What must not lie in two splits: a group, and groups whose images are nearly the same, which may be one part."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from cloud_side.catalog.candidates import Candidates
from cloud_side.catalog.labels import Label
from cloud_side.catalog.near_duplicates import Look, NearDuplicates, find_near_duplicates
from cloud_side.catalog.splits import SplitRule
from cloud_side.catalog.versions import DatasetError, Entry

_SHOWN = 5
_LONGEST = 24  # letters of a group: one that nobody declared is called by a hash


class Treatment(StrEnum):
    """What becomes of two groups with images that are nearly the same."""

    FAIL = "fail"  # if they are in two splits
    REPORT = "report"
    JOIN = "join"  # they count as one group


class NearDuplicateError(DatasetError):
    """Images of two splits that are nearly the same.

    Attributes:
        pairs: All of them.
        entries: The images, by sha256.
    """

    def __init__(self, pairs: Sequence[NearDuplicates], entries: Mapping[str, Entry]) -> None:
        self.pairs, self.entries = tuple(pairs), entries
        named = sorted({tuple(map(self._named, each.groups, each.images)) for each in pairs})
        more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        super().__init__(
            f"near duplicates: expected none in two splits, found {len(pairs)} pairs of images, in "
            f"{'; '.join(map(' and '.join, named[:_SHOWN]))}{more}; "
            "look at them, then --near-duplicates join (these groups count as one) or report (they are different parts)"
        )

    def _named(self, group: str, image: str) -> str:
        return f"{group[:_LONGEST]!r} ({self.entries[image].split.value})"


class LeakCheck:
    """Looks at the images of a version one by one: each content once, each group in one split."""

    def __init__(self) -> None:
        self._splits: dict[str, str] = {}
        self._seen: Entry | None = None

    def add(self, entry: Entry) -> None:
        """Look at the next image; the same content twice comes one after the other.

        Raises:
            DatasetError: If it leaks; names it.
        """
        group, split, before = entry.label.group, entry.split.value, self._seen
        if before is not None and before.sha256 == entry.sha256:
            found = f"{before.label.group!r} in {before.split.value} and {group!r} in {split}"
            msg = f"leak: expected the image {entry.sha256} once, found it as {found}"
            raise DatasetError(msg)
        if (first := self._splits.setdefault(group, split)) != split:
            found = f"{first} and {split} ({entry.key})"
            msg = f"leak: expected the group {group!r} in one split, found it in {found}"
            raise DatasetError(msg)
        self._seen = entry


class Units:
    """Groups that count as one, each set under the name that is its group in a version.

    The name stays: of groups that an earlier version had, the first in order gives it, so that what comes later moves
    to them and they do not move.

    Args:
        groups: Those of the version before.
        joined: Those that count as one there, by the name of all.
    """

    def __init__(self, groups: Iterable[str] = (), joined: Mapping[str, Sequence[str]] | None = None) -> None:
        self._before = {group: group for group in groups}
        self._before |= {group: unit for unit, members in (joined or {}).items() for group in members}
        self._parents: dict[str, str] = {}
        for group, unit in self._before.items():
            self.join(group, unit)

    def join(self, one: str, other: str) -> None:
        """Let two groups, and all that count as one with them, count as one."""
        roots = self.unit_of(one), self.unit_of(other)
        if roots[0] != roots[1]:
            first, second = sorted(roots, key=self._precedence)
            self._parents[second] = first

    def unit_of(self, group: str) -> str:
        """Return the name under which a group counts."""
        while (parent := self._parents.get(group, group)) != group:
            self._parents[group] = self._parents.get(parent, parent)
            group = parent
        return group

    def joined(self) -> dict[str, list[str]]:
        """Return the groups that count as one with others, by the name of all."""
        sets: dict[str, list[str]] = {}
        for group in sorted(self._parents):
            sets.setdefault(self.unit_of(group), []).append(group)
        return {unit: sorted({unit, *groups}) for unit, groups in sorted(sets.items())}

    def _precedence(self, name: str) -> tuple[bool, bool, str]:
        return name not in self._before, self._before.get(name) != name, name


def look_of(label: Label, fingerprint: str) -> Look:
    """Return what is known of an image's looks: what is around the parts is the same at one place."""
    origin = label.origin
    place = "/".join(each or "" for each in (origin.site, origin.line, origin.station, origin.camera))
    return Look(label.sha256, label.group, fingerprint, place)


def join_look_alikes(
    looks: Iterable[Look], units: Units, counts: Callable[[NearDuplicates], bool] = lambda _: True
) -> list[NearDuplicates]:
    """Let groups with images that are nearly the same count as one, and return these images.

    Of an image with many partners only the likeliest are found, so it is looked for more until there are no others.

    Args:
        looks: Of all images, each once.
        units: Which groups count as one; is changed.
        counts: Whether two images are a reason to join their groups.
    """
    found, known = [], list(looks)
    now = known
    group_of = {look.image: look.group for look in known}
    while pairs := [pair for pair in find_near_duplicates(now) if counts(pair)]:
        for pair in pairs:
            units.join(*pair.groups)
            first, second = pair.images
            found.append(replace(pair, groups=(group_of[first], group_of[second])))
        now = [replace(look, group=units.unit_of(look.group)) for look in known]
    return found


def judge(
    found: Iterable[NearDuplicates], units: Units, rule: SplitRule, treatment: Treatment, candidates: Candidates
) -> list[NearDuplicates]:
    """Note near duplicates of two groups, and return what must not be.

    Returns:
        Those in two splits, where that fails.
    """
    leaks = []
    for pair in found:
        is_torn = len({rule.split_of(units.unit_of(group)) for group in pair.groups}) > 1
        if is_torn and treatment is Treatment.FAIL:
            leaks.append(pair)
        note = {"images": list(pair.images), "groups": list(pair.groups), "distance": pair.distance}
        candidates.note("near_duplicate", note)
    return leaks
