"""What must not lie in two splits: a group, and groups that turned out to show the same part."""

from collections.abc import Iterable, Mapping, Sequence

from cloud_side.catalog.versions import DatasetError, Entry


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
    """Groups that count as one, each set under the name by which it is split.

    The name stays: of groups that an earlier version had, the first in order gives it, so that what comes later moves
    to them and they do not move.

    Args:
        before: Name by group, of the version before; a group under its own name where it was joined with none.
    """

    def __init__(self, before: Mapping[str, str]) -> None:
        self._before = before
        self._parents: dict[str, str] = {}
        for group, unit in before.items():
            self.join(group, unit)

    def join(self, one: str, other: str) -> None:
        """Let two groups, and all that count as one with them, count as one."""
        roots = self._root(one), self._root(other)
        if roots[0] != roots[1]:
            first, second = sorted(roots, key=self._precedence)
            self._parents[second] = first

    def unit_of(self, group: str) -> str:
        """Return the name by which a group is split."""
        return self._root(group)

    def joined(self) -> dict[str, list[str]]:
        """Return the groups that count as one with others, by the name of all."""
        sets: dict[str, list[str]] = {}
        for group in sorted(self._parents):
            sets.setdefault(self._root(group), []).append(group)
        return {unit: sorted({unit, *groups}) for unit, groups in sorted(sets.items())}

    def _root(self, group: str) -> str:
        while (parent := self._parents.get(group, group)) != group:
            self._parents[group] = self._parents.get(parent, parent)
            group = parent
        return group

    def _precedence(self, name: str) -> tuple[bool, bool, str]:
        return name not in self._before, self._before.get(name) != name, name


def units_before(groups: Iterable[str], joined: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the name by which each group of a version is split."""
    names = {group: unit for unit, members in joined.items() for group in members}
    return {**{group: names.get(group, group) for group in groups}, **names}
