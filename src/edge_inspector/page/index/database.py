"""The index's database: made anew where it cannot be used, and shared by all threads, one at a time."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_inspector.durable import PRIVATE_FILE
from edge_inspector.journal import faults
from edge_inspector.page.index import schema
from edge_inspector.page.index.gaps import Gap, with_gap
from edge_inspector.page.index.writing import Writing

_log = logging.getLogger(__name__)
_BUSY_S = 1.0  # some other program reads or copies the file
_CACHE_KB = 4096
_LOG_BYTES = 1 << 20
# What is lost when the power goes is read from the journal again: only the copying of the log into the file is synced.
_PRAGMAS = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA journal_size_limit = {_LOG_BYTES};
PRAGMA cache_size = -{_CACHE_KB};
PRAGMA temp_store = MEMORY;
"""


class UnusableIndexError(sqlite3.DatabaseError):
    """The file is damaged or of another version."""


def is_damage(error: Exception) -> bool:
    """Return whether an error says that the file is damaged, and not that the disk is full, busy or away."""
    return isinstance(error, UnusableIndexError) or faults.is_damage(error)


class Database:
    """One connection for all threads: what is written is seen at once, and on the disk with the next `commit`.

    Attributes:
        path: The file; None in memory.
        head: Everything in the journal up to this number is here, but for the gaps.
        known: Number and id of an event that is on the disk of that journal, by which it is known again.
        gaps: What is still to be read.
        writing: Writes rows; used inside `alone`.
    """

    def __init__(self, path: Path | None) -> None:
        """Open the file, or a database in memory; one that cannot be used is deleted and begun anew.

        Raises:
            sqlite3.Error: If the disk does not take it now.
            OSError: The same.
        """
        self.path = path
        self._lock = threading.Lock()
        try:
            self._load()
        except sqlite3.Error as error:
            if path is None or not is_damage(error):
                raise
            _log.warning("%s: %s; the index is made anew", path, error)
            delete(path)
            self._load()

    def begin_anew(self) -> None:
        """Forget everything; before others have it.

        Raises:
            sqlite3.Error, OSError: As when it was opened; it is closed then.
        """
        self._connection.close()
        if self.path is not None:
            delete(self.path)
        self._load()

    def _load(self) -> None:
        with contextlib.ExitStack() as stack:
            self._connection = _open(self.path)
            stack.callback(self._connection.close)
            place = self._connection.execute("SELECT head, known_seq, known_id FROM place").fetchone()
            if place is None:
                msg = "its place is missing"
                raise UnusableIndexError(msg)
            self.head: int = place[0]
            self.known: tuple[int, str] = (place[1], place[2])
            self.gaps = [
                Gap(*row) for row in self._connection.execute("SELECT after, through FROM gaps ORDER BY after")
            ]
            self.writing = Writing(self._connection)
            stack.pop_all()

    @property
    def is_changed(self) -> bool:
        """Whether something waits for the next commit."""
        return self._connection.in_transaction

    @contextmanager
    def reading(self, timeout_s: float) -> Iterator[sqlite3.Connection | None]:
        """Give the connection for a while, None where others do not leave it in time."""
        if not self._lock.acquire(timeout=timeout_s):
            yield None
            return
        try:
            yield self._connection
        finally:
            self._lock.release()

    @contextmanager
    def alone(self) -> Iterator[Writing]:
        """Write for a while, in the transaction that `commit` ends.

        Raises:
            sqlite3.Error: If the disk does not take it; this database is of no use then, and has to be closed.
        """
        with self._lock:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            yield self.writing

    def commit(self) -> None:
        """Bring what was written to the disk, with the place in the journal up to which that is.

        Raises:
            sqlite3.Error: As `alone`.
        """
        with self.alone():
            connection = self._connection
            connection.execute("UPDATE place SET head = ?, known_seq = ?, known_id = ?", (self.head, *self.known))
            connection.execute("DELETE FROM gaps")
            connection.executemany("INSERT INTO gaps VALUES (?, ?)", [(gap.after, gap.through) for gap in self.gaps])
            connection.execute("COMMIT")

    def cut(self, seq: int) -> None:
        """Delete what is made of events above a number, and have read again what they changed.

        There may be such though `head` is lower: it follows what is written.

        Raises:
            sqlite3.Error: As `alone`.
        """
        with self.alone() as writing:
            begins = writing.delete_after(seq)
        self.head = min(self.head, seq)
        gaps = [Gap(gap.after, min(gap.through, seq)) for gap in self.gaps if gap.after < seq]
        self.gaps = gaps if begins is None else with_gap(gaps, begins - 1, self.head)

    def close(self) -> None:
        """Close it; what is not committed is gone."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._connection.close()


def delete(path: Path) -> None:
    """Delete a database with its log.

    Raises:
        OSError: If the disk does not take it.
    """
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=PRIVATE_FILE)
    connection = sqlite3.connect(
        ":memory:" if path is None else path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    is_new = version == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not is_new and version != schema.VERSION:
        msg = f"it has version {version}, expected {schema.VERSION}"
        raise UnusableIndexError(msg)
    connection.executescript(_PRAGMAS)
    if is_new:
        connection.executescript(schema.TABLES)
    elif (answer := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise UnusableIndexError(str(answer).replace("\n", " "))
