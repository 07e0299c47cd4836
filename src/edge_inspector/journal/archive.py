"""The archive: what is on disk, to be read by all threads; it may be away at any time."""

import sqlite3
from typing import TYPE_CHECKING, Any

from edge_inspector.journal import schema
from edge_inspector.journal.entry import Entry

if TYPE_CHECKING:
    from edge_inspector.journal.database import Database


class Archive:
    """Reads from the database that is open now.

    Attributes:
        database: The open one; None while there is none. Changed by the thread `journal` alone.
        trouble: Why the last read failed; that thread looks after it.
    """

    def __init__(self) -> None:
        self.database: Database | None = None
        self.trouble: sqlite3.Error | None = None

    def after(self, lane: int, seq: int, limit: int) -> list[Entry] | None:
        """Return the first entries of a lane above `seq`, in order; None when they cannot be read now."""
        rows = self._read(schema.READ_LANE, (lane, seq, limit))
        return None if rows is None else [schema.entry_of(row) for row in rows]

    def newest(self, limit: int) -> list[Entry]:
        """Return the last entries, newest first; none when they cannot be read now."""
        return [schema.entry_of(row) for row in self._read(schema.READ_NEWEST, (limit,)) or ()]

    def probe(self) -> None:
        """Read the oldest entry: pages that nobody has written for long, so that a file of garbage is noticed."""
        self._read(schema.READ_FIRST, ())

    def count(self, lane: int, after: int, through: int) -> tuple[int, int]:
        """Return how many entries of a lane there are above `after` up to `through`, and their size in bytes."""
        rows = self._read(schema.COUNT_LANE, (lane, after, through))
        return (0, 0) if rows is None else rows[0]

    def _read(self, statement: str, values: tuple[int, ...]) -> list[Any] | None:
        if (database := self.database) is None:
            return None
        try:
            with database.reading_lock:
                return database.reading.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self.trouble = error
            return None
