"""Figures: what the index counts for the figures of quality of a stretch of time."""

# ruff: noqa: S608 - statements are put together from constants of this room; what is asked for goes in as values

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from edge_inspector.dispositions import Disposition
from edge_inspector.page.index.names import number_if_known
from edge_inspector.page.index.reading import counts_by, minutes
from edge_inspector.page.index.rows import Counts
from edge_inspector.page.index.schema import MINUTE_MS, OUTCOMES, Kind, NameKind
from edge_inspector.page.index.told import cells_in

_REJECT: Final = OUTCOMES.index("reject")
_NOT_ACCEPTED: Final = f"outcome > 0 AND kind < {Kind.UNLISTED.value}"  # as the index has it
_FOUND_GOOD: Final = f"disposition IS '{Disposition.FALSE_REJECT.value}'"
_OF_PARTS: Final = f"cells IS NOT NULL AND result_kind = {Kind.LISTED.value}"
_MISSED: Final = Disposition.MISSED_DEFECT


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what the figures are.

    Attributes:
        since, until: Captured in the whole minutes that hold [since, until), aware UTC.
        bucket_minutes: Minutes of one point in time.
        product: Only of this one; None for all.
        label: Only defects of this class, where that makes a difference; None for all.
    """

    since: datetime
    until: datetime
    bucket_minutes: int
    product: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted.

    Attributes:
        buckets: Counts of each bucket, in order, none left out.
        parts_by_label: Parts by class of what was found or drawn on them, without those that people found good; of all
            classes.
        rejects_by_bucket: Rejected parts, with the class that was asked for.
        places: By class the places in the line of the parts that have it, without those that people found good; none
            of a source without parts.
        seq_at: Numbers of the parts that were not accepted, by their place in the line.
        cells: Of the boxes that count and of those that people drew, without those on parts that were found good.
        rejects, audits: How many there are by what was said of them; None for nothing.
        missed_elsewhere: Missed defects on parts that were not drawn by chance.
    """

    buckets: tuple[Counts, ...]
    parts_by_label: Mapping[str, int]
    rejects_by_bucket: tuple[int, ...]
    places: Mapping[str, Sequence[int]]
    seq_at: Mapping[int, int]
    cells: Sequence[int]
    rejects: Mapping[Disposition | None, int]
    audits: Mapping[Disposition | None, int]
    missed_elsewhere: int


@dataclass(frozen=True, slots=True)
class RecentDefect:
    """A class that speaks against one of the newest parts.

    Attributes:
        label: It.
        inspection_id: Of the part.
    """

    label: str
    inspection_id: str


def figures(connection: sqlite3.Connection, asked: Asked) -> Figures:
    """Return what was counted."""
    within = minutes(asked.since, asked.until)
    found = counts_by(connection, within, asked.bucket_minutes, asked.product)
    buckets = tuple(
        found.get(bucket, Counts()) for bucket in range(-(-(within[1] - within[0]) // asked.bucket_minutes))
    )
    results = _Results(connection, within, asked.product)
    marks = _Marks(connection, within, asked.product, asked.label)
    place_of = results.places()
    audits, is_of_all = results.audits(), asked.label is None
    rejected = {} if is_of_all else marks.rejects_by_bucket(within[0], asked.bucket_minutes)
    return Figures(
        buckets=buckets,
        parts_by_label=_Marks(connection, within, asked.product, None).parts(),
        rejects_by_bucket=tuple(
            counts.reject if is_of_all else rejected.get(number, 0) for number, counts in enumerate(buckets)
        ),
        places=marks.places(place_of),
        seq_at={place: seq for seq, place in place_of.items()},
        cells=marks.cells(),
        rejects=results.rejects() if is_of_all else marks.rejects(),
        audits=audits if is_of_all else _of_class(audits, missed=marks.missed(is_audit=True)),
        missed_elsewhere=results.missed_elsewhere() if is_of_all else marks.missed(is_audit=False),
    )


def recent_defects(connection: sqlite3.Connection, parts: int) -> tuple[RecentDefect, ...]:
    """Return the classes that speak against the newest parts, the newest first, but for parts found good."""
    newest = (
        f"SELECT seq FROM results INDEXED BY by_time WHERE kind = {Kind.LISTED.value}"
        " ORDER BY captured_ms DESC, seq DESC LIMIT ?"
    )
    statement = (
        f"SELECT n.name, r.key FROM ({newest}) AS p CROSS JOIN marks AS m ON m.seq = p.seq"
        " CROSS JOIN results AS r ON r.seq = p.seq CROSS JOIN names AS n ON n.id = m.label"
        f" WHERE m.cells IS NOT NULL AND NOT m.{_FOUND_GOOD} ORDER BY r.captured_ms DESC, r.seq DESC"
    )
    return tuple(RecentDefect(*row) for row in connection.execute(statement, (parts,)))


class _Results:
    """The results of a stretch of time."""

    def __init__(self, connection: sqlite3.Connection, within: tuple[int, int], product: str | None) -> None:
        self._connection = connection
        self._condition, self._values = _stretch(connection, within, product)

    def places(self) -> dict[int, int]:
        """Return the places of the parts that were not accepted among all parts of the line, by their seq."""
        parts = f"kind = {Kind.LISTED.value} AND {self._condition} ORDER BY captured_ms, seq"
        line = f"SELECT outcome FROM results INDEXED BY by_time WHERE {parts}"
        text = self._rows(f"SELECT group_concat(outcome, '') FROM ({line})")[0][0] or ""
        places = np.flatnonzero(np.frombuffer(text.encode(), np.uint8) != ord("0")).tolist() if text else []
        seqs = self._rows(f"SELECT seq FROM results INDEXED BY not_accepted WHERE {_NOT_ACCEPTED} AND {parts}")
        return {seq: place for (seq,), place in zip(seqs, places, strict=True)}

    def rejects(self) -> dict[Disposition | None, int]:
        return self._words("not_accepted", f"{_NOT_ACCEPTED} AND outcome = {_REJECT}")

    def audits(self) -> dict[Disposition | None, int]:
        return self._words("audits", "is_audit = 1")

    def missed_elsewhere(self) -> int:
        return self._words("judged", "disposition IS NOT NULL AND is_audit = 0").get(_MISSED, 0)

    def _words(self, index: str, condition: str) -> dict[Disposition | None, int]:
        return _by_word(
            self._rows(
                f"SELECT disposition, count(*) FROM results INDEXED BY {index} WHERE {condition} AND {self._condition}"
                " GROUP BY disposition"
            )
        )

    def _rows(self, statement: str) -> list[Any]:
        return self._connection.execute(statement, self._values).fetchall()


class _Marks:
    """The classes of defects on the results of a stretch of time."""

    def __init__(
        self, connection: sqlite3.Connection, within: tuple[int, int], product: str | None, label: str | None
    ) -> None:
        self._connection = connection
        self._condition, self._values = _stretch(connection, within, product)
        self._condition += f" AND kind = {NameKind.LABEL.value}"
        if label is not None:
            self._condition += " AND name = ?"
            self._values += (label,)

    def parts(self) -> dict[str, int]:
        return dict(self._rows("name, count(*)", f"NOT {_FOUND_GOOD}", "GROUP BY name"))

    def places(self, place_of: Mapping[int, int]) -> dict[str, list[int]]:
        places: dict[str, list[int]] = defaultdict(list)
        for name, seq in self._rows(
            "name, seq", f"{_OF_PARTS} AND NOT {_FOUND_GOOD}", "ORDER BY label, captured_ms, seq"
        ):
            places[name].append(place_of[seq])
        return places

    def cells(self) -> tuple[int, ...]:
        column = "group_concat(coalesce(hex(cells), '') || coalesce(hex(drawn), ''), '')"
        return cells_in(bytes.fromhex(self._rows(column, f"NOT {_FOUND_GOOD}")[0][0] or ""))

    def rejects_by_bucket(self, first: int, minutes: int) -> dict[int, int]:
        bucket = f"(captured_ms - {first * MINUTE_MS}) / {minutes * MINUTE_MS}"
        return dict(self._rows(f"{bucket}, count(*)", f"{_OF_PARTS} AND outcome = {_REJECT}", "GROUP BY 1"))

    def rejects(self) -> dict[Disposition | None, int]:
        columns = "disposition, count(*)"
        return _by_word(self._rows(columns, f"cells IS NOT NULL AND outcome = {_REJECT}", "GROUP BY disposition"))

    def missed(self, *, is_audit: bool) -> int:
        return int(self._rows("count(*)", f"drawn IS NOT NULL AND is_audit = {int(is_audit)}")[0][0])

    def _rows(self, columns: str, condition: str, rest: str = "") -> list[Any]:
        source = "names CROSS JOIN marks ON label = id"
        statement = f"SELECT {columns} FROM {source} WHERE {condition} AND {self._condition} {rest}"
        return self._connection.execute(statement, self._values).fetchall()


def _of_class(audits: Mapping[Disposition | None, int], *, missed: int) -> dict[Disposition | None, int]:
    """Return what was said of audits where only missed defects of one class are some."""
    of_others = audits.get(_MISSED, 0) - missed
    good = audits.get(Disposition.TRUE_ACCEPT, 0) + of_others
    return {**audits, Disposition.TRUE_ACCEPT: good, _MISSED: missed}


def _stretch(
    connection: sqlite3.Connection, within: tuple[int, int], product: str | None
) -> tuple[str, tuple[int | str, ...]]:
    """Return the condition that something is of a stretch of time, with its values."""
    since_ms, until_ms = (minute * MINUTE_MS for minute in within)
    if product is None:
        return "captured_ms >= ? AND captured_ms < ?", (since_ms, until_ms)
    number = number_if_known(connection, NameKind.PRODUCT, product) or -1
    return "captured_ms >= ? AND captured_ms < ? AND product = ?", (since_ms, until_ms, number)


def _by_word(found: Sequence[tuple[str | None, int]]) -> dict[Disposition | None, int]:
    return {None if word is None else Disposition(word): count for word, count in found}
