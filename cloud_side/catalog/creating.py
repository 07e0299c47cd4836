"""Makes a version: one label an image, images settled, groups split, no leak, and a manifest that says it all.

Cut at any point and begun anew it makes the same version: images lie by content, the manifest by what is in it.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cloud_side import __version__
from cloud_side.catalog.candidates import Candidates, Exclusion, Filter, Reason, Source, counted, take_in, told
from cloud_side.catalog.label_rows import label_from, row_of
from cloud_side.catalog.labels import Label, strict_json
from cloud_side.catalog.leaks import LeakCheck, NearDuplicateError, Treatment, Units, join_look_alikes, judge, look_of
from cloud_side.catalog.near_duplicates import find_near_duplicates, fingerprint
from cloud_side.catalog.settling import Settled, settle
from cloud_side.catalog.shelf import Manifest, Shelf
from cloud_side.catalog.splits import Shares, SplitRule, check_groups
from cloud_side.catalog.versions import NOTES, SCHEMA, DatasetError, Entry, Header, Identity, Tally
from cloud_side.objects import Bucket


@dataclass(frozen=True)
class Wish:
    """What a version is to be.

    Attributes:
        name: Of the dataset.
        created_at: Aware UTC.
        created_by: Who makes it.
        git_commit: Of what makes it, where it is known.
        salt: Of the split; None: as the version before, else the dataset's name.
        shares: Of the splits; None: as the version before, else 70/15/15.
        least_groups: That a split must have.
        class_names: Classes that training is to know; empty: all that were looked for.
        wanted: Which labels are.
        near_duplicates: What becomes of images of two groups that are nearly the same.
    """

    name: str
    created_at: datetime
    created_by: str
    git_commit: str | None = None
    salt: str | None = None
    shares: Shares | None = None
    least_groups: int = 1
    class_names: tuple[str, ...] = ()
    wanted: Filter = field(default_factory=Filter)
    near_duplicates: Treatment = Treatment.FAIL


@dataclass(frozen=True)
class Created:
    """What came of it.

    Attributes:
        header: The version, as it is kept.
        is_new: False where the same content was a version already.
        before: The version before, None for the first one.
    """

    header: Header
    is_new: bool
    before: Header | None


def create(shelf: Shelf, sources: Iterable[Source], wish: Wish) -> Created:
    """Make a version of a dataset, or find that its content is one already.

    Raises:
        ConfigError: If a split would have too few groups.
        DatasetError: If something leaks, or there is nothing to make a version of.
        NearDuplicateError: If images of two splits are nearly the same, and that was not allowed.
    """
    parent = next(iter(shelf.versions(wish.name)), None)
    rule = _rule(wish, parent)
    with (
        tempfile.TemporaryDirectory(prefix="dataset-") as folder,
        Candidates(Path(folder)) as candidates,
        _open(shelf, parent) as before,
    ):
        named = []
        for source in sources:
            take_in(candidates, source, wish.wanted)
            named.append(source.name)
        class_names = wish.class_names or candidates.class_names()
        candidates.forget_answered()
        candidates.check_one_group()
        work = _Work(shelf.bucket, candidates, Path(folder) / "settled.jsonl", class_names)
        work.settle(before)
        work.check_any(named)
        units = _units(before)
        work.check(units, rule, wish)
        stated = {**_stated(wish, parent, named), "split": {**rule.document(), "joined": units.joined()}}
        header, path = work.write(Path(folder), stated, units, rule)
        kept, is_new = shelf.write(path, header)
    return Created(kept, is_new, parent)


def _rule(wish: Wish, parent: Header | None) -> SplitRule:
    before = SplitRule(wish.name) if parent is None else SplitRule.parse(parent.document["split"])
    return SplitRule(wish.salt or before.salt, wish.shares or before.shares)


def _stated(wish: Wish, parent: Header | None, sources: list[str]) -> dict[str, Any]:
    known = {
        "schema": SCHEMA,
        "name": wish.name,
        "parent": None if parent is None else parent.version,
        "sources": sources,
        "created_at": _after(wish.created_at, parent).isoformat(),
        "created_by": wish.created_by,
        "tool_version": __version__,
        "git_commit": wish.git_commit,
        "least_groups": wish.least_groups,
        "near_duplicates": wish.near_duplicates.value,
    }
    return {name: value for name, value in known.items() if value is not None}


def _after(now: datetime, parent: Header | None) -> datetime:
    """Return when a version is made: after the one before, whose maker's clock may have been ahead."""
    return now if parent is None else max(now, datetime.fromisoformat(parent.age[0]) + timedelta(microseconds=1))


@contextmanager
def _open(shelf: Shelf, parent: Header | None) -> Iterator[Manifest | None]:
    if parent is None:
        yield None
    else:
        with shelf.open(parent) as manifest:
            yield manifest


def _units(before: Manifest | None) -> Units:
    if before is None:
        return Units()
    return Units({entry.label.group for entry in before.entries()}, before.header.document["split"]["joined"])


class _Work:
    """One creation: images that were settled, in a file, until it is known where each belongs."""

    def __init__(self, bucket: Bucket, candidates: Candidates, path: Path, class_names: tuple[str, ...]) -> None:
        self._bucket = bucket
        self._candidates, self._path, self._class_names = candidates, path, tuple(sorted(set(class_names)))
        self.groups: set[str] = set()

    def settle(self, before: Manifest | None) -> None:
        """Settle the image of each label that looked for all classes."""
        entries = iter(()) if before is None else before.entries()
        found = settle(self._bucket, self._complete(), entries, fingerprint)
        with self._path.open("w", encoding="utf-8") as file:
            for each in found:
                if isinstance(each, Exclusion):
                    self._candidates.exclude(each)
                else:
                    self.groups.add(each.label.group)
                    line = {"key": each.key, "fingerprint": each.fingerprint, "label": row_of(each.label)}
                    file.write(f"{strict_json(line)}\n")

    def check_any(self, sources: list[str]) -> None:
        """Let it pass that there is an image.

        Raises:
            DatasetError: If there is none; says what else was found.
        """
        if self.groups:
            return
        reasons = counted(self._candidates.notes("excluded"), "reason")
        what = f"excluded: {told(reasons)}" if reasons else "nothing was labeled yet, or nobody has verified it"
        msg = f"expected at least one labeled image, found none in {' and '.join(sources)} ({what})"
        raise DatasetError(msg)

    def check(self, units: Units, rule: SplitRule, wish: Wish) -> None:
        """Join the groups of near duplicates where that is wished, and let the split pass if it may be.

        Raises:
            ConfigError: If a split has too few groups.
            NearDuplicateError: If images of two splits are nearly the same, and that was not allowed.
        """
        looks = (look_of(each.label, each.fingerprint) for each in self._settled())
        is_joined = wish.near_duplicates is Treatment.JOIN
        found = join_look_alikes(looks, units) if is_joined else find_near_duplicates(looks)
        if torn := judge(found, units, rule, wish.near_duplicates, self._candidates):
            images = {sha256 for each in torn for sha256 in each.images}
            entries = {each.sha256: each for each in self.entries(units, rule) if each.sha256 in images}
            raise NearDuplicateError(torn, entries)
        check_groups({units.unit_of(group) for group in self.groups}, rule, wish.least_groups)

    def entries(self, units: Units, rule: SplitRule) -> Iterator[Entry]:
        """Yield the images, each where it belongs; groups that count as one are one in a version."""
        for each in self._settled():
            unit = units.unit_of(each.label.group)
            yield Entry(each.key, rule.split_of(unit), replace(each.label, group=unit), each.fingerprint)

    def write(self, folder: Path, stated: Mapping[str, Any], units: Units, rule: SplitRule) -> tuple[Header, Path]:
        """Write the manifest, and return its header and its file."""
        identity, tally, leaks = Identity(self._class_names), Tally(self._class_names), LeakCheck()
        body, whole = folder / "body.jsonl", folder / "manifest.jsonl"
        with body.open("w", encoding="utf-8") as file:
            for entry in self.entries(units, rule):
                for take in (leaks.add, identity.add, tally.add):
                    take(entry)
                file.write(f"{strict_json(entry.document())}\n")
            notes = self._write_notes(file.write)
        document = {
            **stated,
            "version": identity.version(),
            "class_names": list(self._class_names),
            "counts": tally.document(),
            "notes": notes,
            "excluded": counted(self._candidates.notes("excluded"), "reason"),
        }
        with whole.open("w", encoding="utf-8") as file, body.open(encoding="utf-8") as lines:
            file.write(f"{strict_json(document)}\n")
            file.writelines(lines)
        return Header(document), whole

    def _write_notes(self, write: Callable[[str], Any]) -> dict[str, int]:
        counts = dict.fromkeys(NOTES, 0)
        for kind in NOTES:
            for note in self._candidates.notes(kind):
                write(f"{strict_json({kind: note})}\n")
                counts[kind] += 1
        return counts

    def _complete(self) -> Iterator[Label]:
        for label in self._candidates.chosen():
            if missing := sorted(set(self._class_names) - set(label.class_names)):
                found = f"nobody looked for {', '.join(missing)}"
                self._candidates.exclude(Exclusion(label.image, label.sha256, Reason.CLASSES, found))
            else:
                boxes = tuple(box for box in label.boxes if box.label in self._class_names)
                yield replace(label, boxes=boxes, class_names=self._class_names)

    def _settled(self) -> Iterator[Settled]:
        with self._path.open(encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                yield Settled(label_from(line["label"]), line["key"], line["fingerprint"])
