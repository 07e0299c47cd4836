"""Reading: rows of the tables become results, and what was said of them."""

# ruff: noqa: S608 - statements are put together from constants of this room; what is asked for goes in as values

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from edge_inspector.dispositions import Disposition, DrawnBox
from edge_inspector.page.index.names import model_of, number_if_known
from edge_inspector.page.index.rows import Counts, FoundBox, FoundReason, PartName, ResultRow, Said
from edge_inspector.page.index.schema import HOUR, MINUTE_MS, OUTCOMES, Kind, NameKind
from edge_inspector.page.index.told import milliseconds, moment_of

_ROWS = """
SELECT r.newest_seq, r.key, r.inspection_id, r.kind, r.captured_ms, r.part_id, lots.name, products.name, r.outcome,
    r.cause, r.treated_as, r.reasons, r.boxes, r.boxes_total, r.width, r.height, r.frames, r.phase, r.sample_key,
    models.name, r.latency_ms, r.is_audit, said.disposition, said.by, said.at_ms, said.note, said.boxes, r.seq
FROM ({}) AS chosen JOIN results AS r ON r.seq = chosen.seq
LEFT JOIN names AS lots ON lots.id = r.lot LEFT JOIN names AS products ON products.id = r.product
LEFT JOIN names AS models ON models.id = r.model LEFT JOIN dispositions AS said ON said.seq = r.said
ORDER BY r.captured_ms DESC, r.seq DESC
"""
_FIND = (
    f"SELECT seq FROM results WHERE key = :id AND kind != {Kind.UNLISTED.value}",
    "SELECT min(seq) AS seq FROM results INDEXED BY by_frame WHERE inspection_id = :id AND inspection_id IS NOT NULL",
    "SELECT seq FROM results WHERE key = :id",
)
_LAST = (
    f"SELECT seq FROM results INDEXED BY by_time WHERE kind != {Kind.TRACK.value}"
    " ORDER BY captured_ms DESC, seq DESC LIMIT 1"
)
# Inspection ids begin with the time of capture, in letters that sort as it does.
_LAST_DEFECT = (
    "SELECT seq FROM results INDEXED BY by_frame WHERE inspection_id IS NOT NULL"
    " ORDER BY inspection_id DESC, seq DESC LIMIT 1"
)


def rows_of(connection: sqlite3.Connection, chosen: str, values: Any = ()) -> list[tuple[int, ResultRow]]:  # noqa: ANN401
    """Return results with their first numbers, the newest first.

    Args:
        connection: Read with.
        chosen: Statement that returns their `seq`.
        values: Its parameters.
    """
    return [(row[-1], _row(row)) for row in connection.execute(_ROWS.format(chosen), values)]


def find(connection: sqlite3.Connection, name: str) -> ResultRow | None:
    """Return the result of an inspection id or a track id; of several defects that begin on a frame the first."""
    for statement in _FIND:
        if found := rows_of(connection, statement, {"id": name}):
            return found[0][1]
    return None


def last(connection: sqlite3.Connection) -> ResultRow | None:
    """Return the newest part or published frame, whatever became of it."""
    return _one(rows_of(connection, _LAST))


def last_defect(connection: sqlite3.Connection) -> ResultRow | None:
    """Return the defect of a free-running source that began last."""
    return _one(rows_of(connection, _LAST_DEFECT))


def history(connection: sqlite3.Connection, key: str) -> list[Said]:
    """Return all that was said of the result of a `key`, the newest first."""
    statement = (
        "SELECT disposition, by, at_ms, note, boxes FROM dispositions INDEXED BY dispositions_of_result"
        " WHERE key = ? ORDER BY seq DESC"
    )
    return [_said(said) for said in connection.execute(statement, (key,))]


def minutes(since: datetime, until: datetime) -> tuple[int, int]:
    """Return the whole minutes since 1970 that hold a stretch of time: the first, and the one behind the last."""
    return milliseconds(since) // MINUTE_MS, -(-milliseconds(until) // MINUTE_MS)


def whole_minutes(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Return the stretch of whole minutes that holds [since, until), aware UTC."""
    first, end = minutes(since, until)
    return moment_of(first * MINUTE_MS), moment_of(end * MINUTE_MS)


def names_of(connection: sqlite3.Connection, seqs: Iterable[int]) -> dict[int, PartName]:
    """Return by which name parts are known, by their first numbers; those that are gone are missing."""
    statement = f"SELECT seq, key, captured_ms FROM results WHERE seq IN ({', '.join(str(int(seq)) for seq in seqs)})"
    return {seq: PartName(key, moment_of(at_ms)) for seq, key, at_ms in connection.execute(statement)}


def counts(connection: sqlite3.Connection, since: datetime, until: datetime, product: str | None) -> Counts:
    """Return how many had which outcome in the whole minutes that hold [since, until)."""
    found = counts_by(connection, minutes(since, until), None, product)
    return found.get(0, Counts())


def counts_by(
    connection: sqlite3.Connection, within: tuple[int, int], bucket: int | None, product: str | None
) -> dict[int, Counts]:
    """Return counts by bucket, from 0; buckets with nothing are missing.

    Args:
        connection: Read with.
        within: Minutes since 1970, the last one left out.
        bucket: Minutes of a bucket; one bucket when None.
        product: Only of this one, where it is not None.
    """
    first, end = within
    is_even = bucket is None or (first % HOUR == 0 and bucket % HOUR == 0)
    hours = (-(-first // HOUR) * HOUR, end // HOUR * HOUR) if is_even else (end, end)
    ranges = [(1, first, min(hours[0], end)), (HOUR, *hours), (1, max(hours), end)]
    condition = ""
    values: tuple[int, ...] = ()
    if product is not None:
        condition, values = "AND product = ?", (number_if_known(connection, NameKind.PRODUCT, product) or -1,)
    statement = (
        "SELECT (minute - ?) / ?, sum(accept), sum(review), sum(reject), sum(no_verdict), sum(defects)"
        f" FROM counts WHERE span = ? AND minute >= ? AND minute < ? {condition} GROUP BY 1"
    )
    buckets: dict[int, Counts] = {}
    for span in ranges:
        for number, *counts in connection.execute(statement, (first, bucket or max(1, end - first), *span, *values)):
            buckets[number] = buckets.get(number, Counts()) + Counts(*counts)
    return buckets


def _one(found: Sequence[tuple[int, ResultRow]]) -> ResultRow | None:
    return found[0][1] if found else None


def _row(row: Sequence[Any]) -> ResultRow:
    (
        seq, key, inspection_id, kind, captured_ms, part_id, lot, product, outcome, cause, treated_as, reasons, boxes,
        boxes_total, width, height, frames, phase, sample_key, model, latency_ms, is_audit, *said, _,
    ) = row  # fmt: skip
    return ResultRow(
        seq=seq,
        inspection_id=inspection_id or key,
        captured_at=moment_of(captured_ms),
        part_id=part_id,
        lot=lot,
        product=product,
        outcome=OUTCOMES[outcome],
        cause=cause,
        treated_as=treated_as,
        reasons=tuple(FoundReason(*reason) for reason in json.loads(reasons or "[]")),
        boxes=tuple(FoundBox(box[0], box[1], _corners(box[2:6]), box[6]) for box in json.loads(boxes or "[]")),
        boxes_total=boxes_total,
        image_wh=None if width is None else (width, height),
        frames=frames,
        track_id=key if kind == Kind.TRACK else None,
        phase=phase,
        sample_key=sample_key,
        model=model_of(model),
        latency_ms=latency_ms,
        is_audit=bool(is_audit),
        said=None if said[0] is None else _said(said),
    )


def _said(row: Sequence[Any]) -> Said:
    disposition, by, at_ms, note, boxes = row
    drawn = tuple(DrawnBox(box[0], _corners(box[1:5]), box[5]) for box in json.loads(boxes))
    return Said(Disposition(disposition), by, moment_of(at_ms), note, drawn)


def _corners(sides: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = sides
    return x1, y1, x2, y2
