"""Grouped cross-validation: all photographs of one part lie in one fold.

In a random split by image every test image has its own part in the training set, and the score says nothing.
"""

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from edge_inspector.errors import ConfigError

USUAL: Final = 4
LEAST_GROUPS: Final = 30  # of a test split: of fewer, an interval over groups says next to nothing
LEAST_IMAGES: Final = 60


class Grouped(Protocol):
    """An image that belongs to a group."""

    @property
    def group(self) -> str:
        """The physical part or lot."""


class Labeled(Grouped, Protocol):
    """An image whose defects are known."""

    @property
    def boxes(self) -> Sized:
        """Its defects."""


_Image = TypeVar("_Image", bound=Grouped)


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

    def split(self, images: Iterable[_Image], fold: int) -> tuple[list[_Image], list[_Image]]:
        """Return the images to train on and to test on in `fold`.

        Raises:
            ConfigError: If an image's group is in no fold.
        """
        images = list(images)
        unknown = {image.group for image in images} - frozenset[str]().union(*self.groups)
        if unknown:
            msg = f"groups {sorted(unknown)}: expected in one of the {len(self)} folds, found in none"
            raise ConfigError(msg)
        held_out = self.groups[fold]
        train = [image for image in images if image.group not in held_out]
        return train, [image for image in images if image.group in held_out]


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
        msg = f"folds: expected 2 or more, each with a group of its own, found {k} folds and {len(sizes)} groups"
        raise ConfigError(msg)
    members: list[list[str]] = [[] for _ in range(k)]
    totals = [0] * k
    for group in sorted(sizes, key=lambda name: (-sizes[name], name)):
        smallest = min(range(k), key=lambda fold: (totals[fold], len(members[fold]), fold))
        members[smallest].append(group)
        totals[smallest] += sizes[group]
    return Folds(tuple(frozenset(names) for names in members))


def group_sizes(images: Iterable[Labeled]) -> dict[str, int]:
    """Return images plus boxes of every group, which is what the folds are balanced by."""
    sizes: dict[str, int] = {}
    for image in images:
        sizes[image.group] = sizes.get(image.group, 0) + 1 + len(image.boxes)
    return sizes


def parse_folds(text: str) -> int | None:
    """Return the number of folds that is asked for: 0 for the split of the version, None for whichever fits.

    Raises:
        ConfigError: If it is neither `auto` nor a number that makes sense.
    """
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit()) or int(text) == 1:
        msg = f"folds: expected auto, 0 (the split of the version) or a number from 2 on, found {text!r}"
        raise ConfigError(msg)
    return int(text)


def folds_needed(
    asked: int | None, *, train_images: int, validation_images: int, test_groups: int, test_images: int
) -> int:
    """Return how many folds there shall be; 0 where the split of the version serves.

    It does where its test says enough: 30 groups and 60 images. Of fewer each image is needed for both, for training
    and, by a model that does not know it, for the test.

    Args:
        asked: None: whichever fits.
        train_images: Of the split.
        validation_images: Of the split, on which thresholds are chosen.
        test_groups: Of the split.
        test_images: Of the split.

    Raises:
        ConfigError: If the split is asked for and has nothing to train, to validate or to test on.
    """
    is_whole = min(train_images, validation_images, test_images) > 0
    if asked == 0 and not is_whole:
        msg = (
            f"folds: expected images for training, validation and test, found {train_images}, {validation_images} and "
            f"{test_images}; choose other shares for the version, or folds"
        )
        raise ConfigError(msg)
    if asked is not None:
        return asked
    is_enough = is_whole and test_groups >= LEAST_GROUPS and test_images >= LEAST_IMAGES
    return 0 if is_enough else USUAL
