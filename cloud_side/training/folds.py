"""Grouped cross-validation: all photographs of one part lie in one fold.

In a random split by image every test image has its own part in the training set, and the score says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud_side.training.dataset import Example
from edge_inspector.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Folds:
    """Which groups are tested together.

    Attributes:
        groups: One set of groups per fold; no group is in two.
    """

    groups: tuple[frozenset[str], ...]

    def __post_init__(self) -> None:
        seen: dict[str, int] = {}
        for fold, members in enumerate(self.groups):
            if not members:
                msg = f"fold {fold}: expected at least one group, found none"
                raise ConfigError(msg)
            for group in sorted(members):
                if group in seen:
                    msg = f"group {group!r}: expected in one fold, found in folds {seen[group]} and {fold}"
                    raise ConfigError(msg)
                seen[group] = fold

    def __len__(self) -> int:
        return len(self.groups)

    def split(self, examples: Sequence[Example], fold: int) -> tuple[list[Example], list[Example]]:
        """Return the examples to train on and to test on in `fold`.

        Raises:
            ConfigError: If an example's group is in no fold.
        """
        unknown = {example.group for example in examples} - frozenset[str]().union(*self.groups)
        if unknown:
            msg = f"groups {sorted(unknown)}: expected in one of the {len(self)} folds, found in none"
            raise ConfigError(msg)
        held_out = self.groups[fold]
        train = [example for example in examples if example.group not in held_out]
        return train, [example for example in examples if example.group in held_out]


def grouped_folds(sizes: Mapping[str, int], k: int) -> Folds:
    """Return `k` folds of about equal size; the same groups and sizes always give the same folds.

    Largest group first, each into the fold that is smallest so far.

    Args:
        sizes: How much each group weighs, for instance its images and boxes.
        k: Number of folds, at least 2.

    Raises:
        ConfigError: If there are fewer groups than folds.
    """
    if k < 2 or len(sizes) < k:
        msg = f"folds: expected 2 to {len(sizes)} (the number of groups), found {k}"
        raise ConfigError(msg)
    members: list[list[str]] = [[] for _ in range(k)]
    totals = [0] * k
    for group in sorted(sizes, key=lambda name: (-sizes[name], name)):
        smallest = min(range(k), key=lambda fold: (totals[fold], len(members[fold]), fold))
        members[smallest].append(group)
        totals[smallest] += sizes[group]
    return Folds(tuple(frozenset(names) for names in members))


def group_sizes(examples: Sequence[Example]) -> dict[str, int]:
    """Return images plus boxes of every group, which is what the folds are balanced by."""
    sizes: dict[str, int] = {}
    for example in examples:
        sizes[example.group] = sizes.get(example.group, 0) + 1 + len(example.boxes)
    return sizes
