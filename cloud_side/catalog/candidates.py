"""Labels of all sources side by side on the disk: one is chosen for each image; what is left out has a reason."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

from cloud_side.catalog.label_rows import label_from, row_of
from cloud_side.catalog.labels import Label, Verification, strict_json
from cloud_side.catalog.versions import DatasetError

_TABLES = """
CREATE TABLE candidates (
    sha256 TEXT, verified INT, at TEXT, label_sha256 TEXT, part_group TEXT, class_names TEXT, source TEXT, label TEXT
);
CREATE INDEX by_image ON candidates (sha256, verified DESC, at DESC, label_sha256);
CREATE TABLE notes (kind TEXT, note TEXT);
"""
_SHOWN = 5


class Reason(StrEnum):
    """Why an image is not in a version."""

    UNLABELED = "unlabeled"
    NAMED = "named"  # a person said so
    SITE = "site"
    LINE = "line"
    PRODUCT = "product"
    SINCE = "since"
    CLASSES = "classes"  # one was not looked for
    MISSING = "missing"
    CHANGED = "changed"  # another content than the one that was labeled
    BROKEN = "broken"
    SIZE = "size"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An image that is not in a version.

    Attributes:
        image: Its address or name.
        sha256: Of its file; None where nobody knows.
        reason: Why.
        detail: What was found.
    """

    image: str
    sha256: str | None
    reason: Reason
    detail: str = ""

    def document(self) -> dict[str, str]:
        """Return it as JSON."""
        known = {"image": self.image, "sha256": self.sha256, "reason": self.reason.value, "detail": self.detail}
        return {name: value for name, value in known.items() if value}


@dataclass(frozen=True)
class Source:
    """Where labels come from.

    Attributes:
        name: As the version tells it.
        found: Its labels, and images that it has without one that could be used.
    """

    name: str
    found: Iterable[Label | Exclusion]


@dataclass(frozen=True)
class Filter:
    """Which labels are wanted.

    Attributes:
        site, line, product: Only of these; None: of all.
        since: Only images taken from that day on, UTC; where nobody knows when, labeled from that day on.
        named: Images that are not wanted, by sha256 or by address, with what is said of them.
    """

    site: str | None = None
    line: str | None = None
    product: str | None = None
    since: date | None = None
    named: Mapping[str, str] = field(default_factory=dict)

    def refuse(self, label: Label) -> Exclusion | None:
        """Return why a label is not wanted, or None."""
        for name in (label.sha256, label.image):
            if name in self.named:
                return Exclusion(label.image, label.sha256, Reason.NAMED, self.named[name])
        for reason in (Reason.SITE, Reason.LINE, Reason.PRODUCT):
            wanted, found = getattr(self, reason.value), getattr(label.origin, reason.value)
            if wanted is not None and found != wanted:
                return Exclusion(label.image, label.sha256, reason, f"expected {wanted}, found {found}")
        if self.since is not None and (day := _day(label)) < self.since:
            return Exclusion(label.image, label.sha256, Reason.SINCE, f"expected {self.since} or later, found {day}")
        return None


class Candidates(AbstractContextManager["Candidates"]):
    """Labels of which a version may be made, in a file: as many as there are, in little memory.

    Args:
        folder: For the file.
    """

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "candidates.sqlite", isolation_level=None)
        self._database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES} BEGIN;")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._database.close()

    def add(self, label: Label, source: str) -> None:
        """Take in what one source says of an image."""
        row = (
            label.sha256,
            label.verification is not Verification.UNVERIFIED,
            label.event_time.astimezone(UTC).isoformat(timespec="milliseconds"),
            label.label_sha256,
            label.group,
            strict_json(sorted(label.class_names)),
            source,
            strict_json(row_of(label)),
        )
        self._database.execute("INSERT INTO candidates VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def exclude(self, exclusion: Exclusion) -> None:
        """Note that an image is left out."""
        self.note("excluded", exclusion.document())

    def note(self, kind: str, note: Mapping[str, Any]) -> None:
        """Keep what a version has to tell beside its images."""
        self._database.execute("INSERT INTO notes VALUES (?, ?)", (kind, strict_json(note)))

    def notes(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the notes of one kind, each once and in an order of their own."""
        rows = self._database.execute("SELECT DISTINCT note FROM notes WHERE kind = ? ORDER BY note", (kind,))
        return (json.loads(note) for (note,) in rows)

    def class_names(self) -> tuple[str, ...]:
        """Return all classes that were looked for."""
        rows = self._database.execute("SELECT DISTINCT class_names FROM candidates")
        return tuple(sorted({name for (names,) in rows for name in json.loads(names)}))

    def forget_answered(self) -> None:
        """Drop what was noted of images without a label, where another source has one."""
        self._database.execute(
            "DELETE FROM notes WHERE kind = 'excluded' AND json_extract(note, '$.reason') = ?"
            " AND json_extract(note, '$.sha256') IN (SELECT sha256 FROM candidates)",
            (Reason.UNLABELED.value,),
        )

    def check_one_group(self) -> None:
        """Let candidates pass of which all sources that know a group say the same one.

        Raises:
            DatasetError: If an image has two; names them.
        """
        rows = self._database.execute(
            "SELECT sha256, group_concat(part_group || ' (' || source || ')', ' and ') FROM"
            " (SELECT sha256, part_group, min(source) AS source FROM candidates WHERE part_group <> sha256"
            " GROUP BY 1, 2 ORDER BY 1, 2) GROUP BY sha256 HAVING count(*) > 1 ORDER BY sha256"
        ).fetchall()
        if rows:
            shown = "; ".join(f"{sha256[:12]}: {groups}" for sha256, groups in rows[:_SHOWN])
            more = f"; and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
            msg = (
                f"expected one group for an image's content, found two or more for {len(rows)}: {shown}{more}; "
                "--exclude leaves an image out by its address, or by its sha256"
            )
            raise DatasetError(msg)

    def chosen(self) -> Iterator[Label]:
        """Yield one label an image, in the order of their hashes: the newest that was verified, else the newest.

        What another source said otherwise is noted as overruled; its group is taken where the label has none but its
        own, which is called by the image's hash.
        """
        rows = self._database.execute(
            "SELECT sha256, label_sha256, at, source, label, part_group FROM candidates"
            " ORDER BY sha256, verified DESC, at DESC, label_sha256, label"
        )
        for sha256, same in groupby(rows, key=lambda row: str(row[0])):
            first, *others = same
            for _, label_sha256, at, source, *_ in others:
                if label_sha256 != first[1]:
                    found = {"sha256": sha256, "label_sha256": label_sha256, "at": at, "source": source}
                    self.note("overruled", {**found, "by": {"label_sha256": first[1], "at": first[2]}})
            label = label_from(json.loads(first[4]))
            group = next((row[5] for row in (first, *others) if row[5] != sha256), sha256)
            yield label if group == label.group else replace(label, group=group)


def take_in(candidates: Candidates, source: Source, wanted: Filter) -> None:
    """Take in the labels of a source that are wanted, and note the others."""
    for each in source.found:
        if isinstance(each, Exclusion):
            candidates.exclude(each)
        elif (refused := wanted.refuse(each)) is not None:
            candidates.exclude(refused)
        else:
            candidates.add(each, source.name)


def counted(notes: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    """Return how often each value of a field is there."""
    return dict(sorted(Counter(note[name] for note in notes).items()))


def told(counts: Mapping[str, int]) -> str:
    """Return counts as a line for people."""
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def parse_named(lines: Iterable[str], origin: str) -> dict[str, str]:
    """Return the images that a file names, with why.

    A line is a sha256, an address, or JSON with `sha256` or `image` and perhaps `reason`.

    Raises:
        DatasetError: If a line names none.
    """
    named = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        document = _named(text) if text.startswith("{") else {"sha256": text}
        name = document.get("sha256") or document.get("image")
        if not isinstance(name, str):
            msg = f"{origin}:{number}: expected a sha256, an address, or JSON with one of them, found {text:.80}"
            raise DatasetError(msg)
        named[name] = str(document.get("reason", f"named in {origin}"))
    return named


def _named(text: str) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return document


def _day(label: Label) -> date:
    try:
        taken = datetime.fromisoformat(label.origin.captured_at or "")
    except ValueError:  # an import may say anything, or nothing
        taken = label.event_time
    return (taken if taken.tzinfo is not None else taken.replace(tzinfo=UTC)).astimezone(UTC).date()
