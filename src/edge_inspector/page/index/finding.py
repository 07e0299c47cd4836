"""Finding: a filter becomes a statement that reads few rows, whatever is asked for."""

# ruff: noqa: S608 - statements are put together from constants of this room; what is asked for goes in as values

import re
import sqlite3
from dataclasses import dataclass, field

from edge_inspector.errors import RefusedError
from edge_inspector.page.index.names import number_if_known
from edge_inspector.page.index.reading import rows_of
from edge_inspector.page.index.rows import ResultFilter, ResultPage
from edge_inspector.page.index.schema import OUTCOMES, Kind, NameKind
from edge_inspector.page.index.told import milliseconds

_FEW = 2000  # so many can be sorted by time faster than they are met among all
_PLACE = re.compile(r"(-?[0-9a-f]{1,15})\.([0-9a-f]{1,15})")
_LAST_CHARACTER = "\U0010ffff"


@dataclass(slots=True)
class _Where:
    """Conditions that all hold."""

    terms: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def add(self, term: str, *values: object) -> None:
        self.terms.append(term)
        self.values += values


def results(connection: sqlite3.Connection, wanted: ResultFilter, limit: int, before: str | None) -> ResultPage:
    """Return results of a filter, the newest first.

    Args:
        connection: Read with.
        wanted: The filter.
        limit: So many at most, from 1.
        before: `next` of the page before; None for the first one.

    Raises:
        RefusedError: If `before` is no such place.
    """
    where = _Where([f"r.kind < {Kind.UNLISTED.value}"])
    names = ((NameKind.LOT, wanted.lot), (NameKind.PRODUCT, wanted.product), (NameKind.LABEL, wanted.label))
    numbers = {kind: number_if_known(connection, kind, name) for kind, name in names if name is not None}
    if None in numbers.values():
        return ResultPage((), None)
    for kind, column in ((NameKind.LOT, "r.lot"), (NameKind.PRODUCT, "r.product")):
        if kind in numbers:
            where.add(f"{column} = ?", numbers[kind])
    _add_outcome(where, wanted)
    if wanted.part:
        where.add("r.part_id >= ? AND r.part_id < ?", wanted.part, wanted.part + _LAST_CHARACTER)
    source = _source(connection, wanted)
    of = "m" if source == "marks" else "r"
    _add_times(where, of, wanted, before)
    if source == "marks":
        where.add("m.label = ?", numbers[NameKind.LABEL])
        tables = "marks AS m CROSS JOIN results AS r ON r.seq = m.seq"
    else:
        tables = f"results AS r INDEXED BY {source}"
    order = f"{of}.captured_ms DESC, {of}.seq DESC"
    statement = f"SELECT r.seq FROM {tables} WHERE {' AND '.join(where.terms)} ORDER BY {order} LIMIT ?"
    found = rows_of(connection, statement, (*where.values, limit + 1))
    rows = tuple(row for _, row in found[:limit])
    if len(found) <= limit:
        return ResultPage(rows, None)
    seq, row = found[limit - 1]
    return ResultPage(rows, f"{milliseconds(row.captured_at):x}.{seq:x}")


def _add_outcome(where: _Where, wanted: ResultFilter) -> None:
    if wanted.outcomes:
        numbers = sorted({OUTCOMES.index(name) for name in wanted.outcomes})
        where.add(f"r.outcome IN ({', '.join(map(str, numbers))})")
        if 0 not in numbers:
            where.add("r.outcome > 0")  # as the index has it
    if wanted.is_audit is not None:
        where.add(f"r.is_audit = {int(wanted.is_audit)}")
    if wanted.disposition is not None:
        where.add("r.disposition = ?", wanted.disposition.value)
    if wanted.is_judged is not None or wanted.disposition is not None:
        where.add(f"r.disposition IS {'NULL' if wanted.is_judged is False else 'NOT NULL'}")


def _add_times(where: _Where, of: str, wanted: ResultFilter, before: str | None) -> None:
    if wanted.since is not None:
        where.add(f"{of}.captured_ms >= ?", milliseconds(wanted.since))
    if wanted.until is not None:
        where.add(f"{of}.captured_ms < ?", milliseconds(wanted.until))
    if before is not None:
        captured_ms, seq = _place(before)
        term = f"{of}.captured_ms <= ? AND ({of}.captured_ms < ? OR {of}.seq < ?)"
        where.add(term, captured_ms, captured_ms, seq)


def _place(before: str) -> tuple[int, int]:
    if (found := _PLACE.fullmatch(before)) is None:
        msg = f"before: expected `next` of an answer, found {before!r}"
        raise RefusedError(msg)
    return int(found[1], 16), int(found[2], 16)


def _source(connection: sqlite3.Connection, wanted: ResultFilter) -> str:
    """Return from which index rows are read: the one that leads to few others."""
    sources = {
        "marks": wanted.label is not None,
        "judged": wanted.disposition is not None or wanted.is_judged,
        "audits": wanted.is_audit,
        "by_part": wanted.part and _are_few(connection, wanted.part),
        "by_lot": wanted.lot is not None,
        "not_accepted": wanted.outcomes and "accept" not in wanted.outcomes,
        "by_product": wanted.product is not None,
    }
    return next((source for source, is_wanted in sources.items() if is_wanted), "by_time")


def _are_few(connection: sqlite3.Connection, part: str) -> bool:
    statement = (
        "SELECT count(*) FROM (SELECT 1 FROM results INDEXED BY by_part WHERE part_id >= ? AND part_id < ? LIMIT ?)"
    )
    found = connection.execute(statement, (part, part + _LAST_CHARACTER, _FEW)).fetchone()
    return int(found[0]) < _FEW
