"""What two versions of a dataset differ in: two ordered lists of images, walked side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cloud_side.catalog.labels import label_sha256
from cloud_side.catalog.splits import Split
from cloud_side.catalog.versions import Entry, Header


class Change(StrEnum):
    """What became of an image."""

    ADDED = "added"
    REMOVED = "removed"
    RELABELED = "relabeled"  # other boxes
    REGROUPED = "regrouped"
    MOVED = "moved"  # to another split


@dataclass(frozen=True, slots=True)
class Difference:
    """One image of which two versions say different things.

    Attributes:
        sha256: Of the image.
        changes: One, or several of an image that is in both.
        before: In the first version; None where it is not there.
        after: In the second.
    """

    sha256: str
    changes: tuple[Change, ...]
    before: Entry | None
    after: Entry | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "sha256": self.sha256,
            "changes": [each.value for each in self.changes],
            "before": None if self.before is None else _said(self.before),
            "after": None if self.after is None else _said(self.after),
        }


def differences(before: Iterable[Entry], after: Iterable[Entry]) -> Iterator[Difference]:
    """Yield the images that differ, in the order of their hashes; both lists must have it."""
    olds, news = iter(before), iter(after)
    old, new = next(olds, None), next(news, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.sha256 < new.sha256):
            assert old is not None  # noqa: S101 - for the type checker
            yield Difference(old.sha256, (Change.REMOVED,), old, None)
            old = next(olds, None)
        elif old is None or new.sha256 < old.sha256:
            yield Difference(new.sha256, (Change.ADDED,), None, new)
            new = next(news, None)
        else:
            if changes := tuple(_changes(old, new)):
                yield Difference(old.sha256, changes, old, new)
            old, new = next(olds, None), next(news, None)


def balance(header: Header) -> dict[str, dict[Split, int]]:
    """Return the boxes of each class by split."""
    splits = header.counts["splits"]
    return {
        name: {split: int(splits[split.value]["classes"][name]["boxes"]) for split in Split}
        for name in header.class_names
    }


def balance_changes(before: Header, after: Header) -> dict[str, dict[Split, tuple[int, int]]]:
    """Return the boxes of each class by split, before and after; 0 where a class is not looked for."""
    old, new = balance(before), balance(after)
    return {
        name: {split: (old.get(name, {}).get(split, 0), new.get(name, {}).get(split, 0)) for split in Split}
        for name in sorted({*old, *new})
    }


def _changes(old: Entry, new: Entry) -> Iterator[Change]:
    # Not the labels' own hashes: with one more class to look for all of those differ, and no box does.
    if label_sha256((), old.label.boxes) != label_sha256((), new.label.boxes):
        yield Change.RELABELED
    if old.label.group != new.label.group:
        yield Change.REGROUPED
    if old.split is not new.split:
        yield Change.MOVED


def _said(entry: Entry) -> dict[str, Any]:
    return {
        "image": entry.key,
        "group": entry.label.group,
        "split": entry.split.value,
        "boxes": [box.document() for box in entry.label.boxes],
    }
