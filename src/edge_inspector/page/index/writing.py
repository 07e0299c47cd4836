"""Writing: what events tell becomes rows. An event that comes twice changes nothing."""

# ruff: noqa: S608 - statements are put together from constants of this room; what is asked for goes in as values

import json
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from edge_inspector.dispositions import Disposition
from edge_inspector.page.index.names import Names, delete_unused, text_of_model
from edge_inspector.page.index.schema import MINUTE_MS, OUTCOMES, SPANS, Kind, NameKind
from edge_inspector.page.index.told import Told, ToldDisposition, ToldResult, cells_of

_log = logging.getLogger(__name__)
_DEFECTS = len(OUTCOMES)  # the column behind those of the outcomes

_INSERT = f"INSERT OR IGNORE INTO results VALUES ({', '.join('?' * 25)})"
_CHANGE_TRACK = (
    "UPDATE results SET newest_seq = max(newest_seq, :seq), outcome = max(outcome, :outcome),"
    " phase = CASE WHEN :seq > newest_seq THEN :phase ELSE phase END, sample_key = coalesce(sample_key, :sample_key),"
    " reasons = CASE WHEN :outcome > outcome OR reasons = '[]' THEN :reasons ELSE reasons END WHERE key = :key"
)
_MARK = (
    "INSERT INTO marks SELECT ?, captured_ms, seq, ?, ?, kind, product, outcome, disposition, is_audit FROM results"
    " WHERE seq = ? ON CONFLICT (label, captured_ms, seq) DO UPDATE SET"
    " cells = coalesce(excluded.cells, cells), drawn = coalesce(excluded.drawn, drawn)"
)
_MARK_AGAIN = (
    "UPDATE marks SET outcome = (SELECT outcome FROM results AS r WHERE r.seq = marks.seq),"
    " disposition = (SELECT disposition FROM results AS r WHERE r.seq = marks.seq) WHERE seq = ?"
)
_COUNT = (
    "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (span, minute, product) DO UPDATE SET"
    " accept = accept + excluded.accept, review = review + excluded.review, reject = reject + excluded.reject,"
    " no_verdict = no_verdict + excluded.no_verdict, defects = defects + excluded.defects"
)
_COUNTED = (  # with whether it counts among the defects
    "SELECT captured_ms, product, kind, outcome,"
    f" kind = {Kind.TRACK.value} OR (part_id IS NOT NULL AND outcome > 0 AND cause IS NOT 'no_model')"
    " FROM results WHERE seq = ?"
)
_OLDEST = "SELECT seq FROM results ORDER BY seq LIMIT ?"
_OLD_RESULTS = "SELECT seq FROM results WHERE seq < ? AND inspection_id IS NULL ORDER BY seq LIMIT ?"
_OLD_TRACKS = (
    "SELECT seq FROM results INDEXED BY tracks WHERE newest_seq < ? AND inspection_id IS NOT NULL"
    " ORDER BY newest_seq LIMIT ?"
)
_LATER_RESULTS = "SELECT seq FROM results WHERE seq > ?"
_CHANGED_TRACKS = (
    "SELECT seq FROM results INDEXED BY tracks WHERE newest_seq > ? AND inspection_id IS NOT NULL AND seq <= ?"
)
_OLD_WORDS = (
    "DELETE FROM dispositions WHERE seq < ? AND NOT EXISTS (SELECT 1 FROM results WHERE results.key = dispositions.key)"
)
_EMPTY_COUNTS = (
    "DELETE FROM counts WHERE span = ? AND minute = ? AND product = ?"
    " AND accept = 0 AND review = 0 AND reject = 0 AND no_verdict = 0 AND defects = 0"
)
_NOTHING = (None, None, "[]", None)
_IS_SAID = "SELECT 1 FROM dispositions WHERE key = ?"
_NEWEST_WORD = "SELECT seq, disposition, boxes, sample_key FROM dispositions WHERE key = ? ORDER BY seq DESC LIMIT 1"


class Writing:
    """Writes into one connection, in whatever transaction is open; used by one thread at a time.

    Attributes:
        rows: Results in the index.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Count what is there.

        Raises:
            sqlite3.Error: If it cannot be read.
        """
        self._connection, self._names = connection, Names()
        self._counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * (_DEFECTS + 1))
        self.rows: int = connection.execute("SELECT count(*) FROM results INDEXED BY by_time").fetchone()[0]

    def write(self, found: Iterable[Told]) -> None:
        """Write what events tell.

        Raises:
            sqlite3.Error: If the disk does not take it; roll back then.
        """
        for told in found:
            try:
                if isinstance(told, ToldDisposition):
                    self._disposition(told)
                else:
                    self._result(told)
            except (ValueError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:
                # A value that no column takes; nothing of it is written, and it must not hold up what follows.
                _log.warning("page: event %d is not in the index: %s", told.seq, error)
        self._write_counts()

    def delete_before(self, results_seq: int, alerts_seq: int, limit: int) -> int:
        """Delete the oldest rows that the journal has no more, and return how many.

        Args:
            results_seq: The lowest number of a result that it still has.
            alerts_seq: The lowest of an alert.
            limit: So many of each kind at most.

        Raises:
            sqlite3.Error: If the disk does not take it; roll back then.
        """
        connection = self._connection
        doomed = [
            *connection.execute(_OLD_RESULTS, (results_seq, limit)),
            *connection.execute(_OLD_TRACKS, (alerts_seq, limit)),
        ]
        self._delete([row[0] for row in doomed])
        connection.execute(_OLD_WORDS, (alerts_seq,))
        if doomed:
            self._tidy()
        return len(doomed)

    def delete_oldest(self, count: int) -> int:
        """Delete so many of the oldest rows, and return how many there were.

        Raises:
            sqlite3.Error: If the disk does not take it; roll back then.
        """
        doomed = [row[0] for row in self._connection.execute(_OLDEST, (count,))]
        self._delete(doomed)
        self._tidy()
        return len(doomed)

    def delete_after(self, seq: int) -> int | None:
        """Delete what is made of events above a number, also in part.

        Returns:
            The lowest number of an event of a row that later ones had changed; None where there was no such row.

        Raises:
            sqlite3.Error: If the disk does not take it; roll back then.
        """
        connection = self._connection
        changed = [row[0] for row in connection.execute(_CHANGED_TRACKS, (seq, seq))]
        self._delete([*changed, *(row[0] for row in connection.execute(_LATER_RESULTS, (seq,)))])
        keys = [row[0] for row in connection.execute("SELECT DISTINCT key FROM dispositions WHERE seq > ?", (seq,))]
        connection.execute("DELETE FROM dispositions WHERE seq > ?", (seq,))
        for key in keys:
            self._join_words(key)
        self._tidy()
        return min(changed, default=None)

    def _result(self, told: ToldResult) -> None:
        connection, at_ms = self._connection, told.captured_ms
        product = 0 if told.product is None else self._name(NameKind.PRODUCT, told.product, at_ms)
        width, height = told.image_wh or (None, None)
        is_inserted = connection.execute(
            _INSERT,
            (
                told.seq, told.seq, told.key, told.inspection_id if told.kind is Kind.TRACK else None,
                told.kind.value, at_ms, told.part_id,
                None if told.lot is None else self._name(NameKind.LOT, told.lot, at_ms), product, told.outcome,
                told.cause, told.treated_as, self._name(NameKind.MODEL, text_of_model(told.model), at_ms), told.frames,
                width, height, told.boxes_total, told.phase, told.sample_key, told.latency_ms, told.is_audit, None,
                None, _compact(told.reasons) if told.reasons or told.kind is Kind.TRACK else None,
                _compact(told.boxes) if told.boxes else None,
            ),
        ).rowcount  # fmt: skip
        if not is_inserted:
            if told.kind is Kind.TRACK:
                self._change(told)
            return
        self.rows += 1
        self._count(told.seq, 1)
        self._mark(told)
        if connection.execute(_IS_SAID, (told.key,)).fetchone():
            self._join_words(told.key)

    def _change(self, told: ToldResult) -> None:
        """Let a row of a defect know one more event of it."""
        known = self._connection.execute("SELECT seq, kind FROM results WHERE key = ?", (told.key,)).fetchone()
        if known is None or known[1] != Kind.TRACK or told.seq == known[0]:
            return
        change = {"seq": told.seq, "outcome": told.outcome, "phase": told.phase, "sample_key": told.sample_key}
        change["reasons"] = _compact(told.reasons)
        if told.seq < known[0]:  # the journal's past is read while new events come: this is the true first one
            change = self._take_out(known[0])
            self._result(told)
        self._connection.execute(_CHANGE_TRACK, {**change, "key": told.key})
        self._connection.execute(_MARK_AGAIN, (min(told.seq, known[0]),))

    def _take_out(self, seq: int) -> dict[str, int | str | None]:
        statement = "SELECT newest_seq, outcome, phase, sample_key, reasons FROM results WHERE seq = ?"
        found = self._connection.execute(statement, (seq,)).fetchone()
        self._delete([seq])
        return dict(zip(("seq", "outcome", "phase", "sample_key", "reasons"), found, strict=True))

    def _disposition(self, told: ToldDisposition) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO dispositions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(told.seq, told.key, told.at_ms, told.disposition.value, told.by, told.note),
                *(_compact(told.boxes), told.sample_key),
            ),
        )
        self._join_words(told.key)

    def _join_words(self, key: str) -> None:
        """Let a row know what was said of it last."""
        connection = self._connection
        found = connection.execute("SELECT seq, captured_ms FROM results WHERE key = ?", (key,)).fetchone()
        if found is None:  # what is said of it is known before it is
            return
        seq, captured_ms = found
        said, word, boxes, sample_key = connection.execute(_NEWEST_WORD, (key,)).fetchone() or _NOTHING
        disposition = None if word == Disposition.WITHDRAWN else word
        connection.execute(
            "UPDATE results SET disposition = ?, said = ?, sample_key = coalesce(?, sample_key) WHERE seq = ?",
            (disposition, None if disposition is None else said, sample_key, seq),
        )
        connection.execute("UPDATE marks SET drawn = NULL WHERE seq = ?", (seq,))
        connection.execute(_MARK_AGAIN, (seq,))
        if disposition is not None:
            self._mark_drawn(seq, captured_ms, json.loads(boxes))
        connection.execute("DELETE FROM marks WHERE seq = ? AND cells IS NULL AND drawn IS NULL", (seq,))

    def _mark(self, told: ToldResult) -> None:
        for label, cells in told.marks.items():
            number = self._name(NameKind.LABEL, label, told.captured_ms)
            self._connection.execute(_MARK, (number, cells, None, told.seq))

    def _mark_drawn(
        self, seq: int, captured_ms: int, boxes: Sequence[tuple[str, float, float, float, float, int]]
    ) -> None:
        statement = "SELECT width, height FROM results WHERE seq = ?"
        width, height = self._connection.execute(statement, (seq,)).fetchone()
        image_wh = None if width is None else (width, height)
        for label in dict.fromkeys(box[0] for box in boxes):
            cells = cells_of([(box[1], box[2], box[3], box[4]) for box in boxes if box[0] == label], image_wh)
            number = self._name(NameKind.LABEL, label, captured_ms)
            self._connection.execute(_MARK, (number, None, cells, seq))

    def _count(self, seq: int, sign: int) -> None:
        """Add a row to the counts, or take it out of them."""
        captured_ms, product, kind, outcome, is_alert = self._connection.execute(_COUNTED, (seq,)).fetchone()
        counts = self._counts[captured_ms // MINUTE_MS, product]
        if kind != Kind.TRACK:
            counts[outcome] += sign
        counts[_DEFECTS] += sign * is_alert

    def _delete(self, seqs: Sequence[int]) -> None:
        """Delete rows with all that belongs to them, and take them out of the counts."""
        for seq in seqs:
            self._count(seq, -1)
            self._connection.execute("DELETE FROM marks WHERE seq = ?", (seq,))
            self._connection.execute("DELETE FROM results WHERE seq = ?", (seq,))
        self.rows -= len(seqs)

    def _write_counts(self) -> None:
        for (minute, product), counts in self._counts.items():
            for span in SPANS:
                place = (span, minute // span * span, product)
                self._connection.execute(_COUNT, (*place, *counts))
                if min(counts) < 0:
                    self._connection.execute(_EMPTY_COUNTS, place)
        self._counts.clear()

    def _tidy(self) -> None:
        """Delete what belonged to rows that are gone."""
        self._write_counts()
        delete_unused(self._connection)
        self._names.forget()

    def _name(self, kind: NameKind, name: str, at_ms: int) -> int:
        return self._names.number_of(self._connection, kind, name, at_ms)


def _compact(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
