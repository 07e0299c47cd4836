"""The database on disk: opened and checked, written by the thread `journal` alone."""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from edge_inspector.durable import PRIVATE_FILE, sync_folder
from edge_inspector.events import Json
from edge_inspector.journal import schema
from edge_inspector.journal.batch import Batch, Facts
from edge_inspector.journal.faults import DamagedJournalError, is_damage
from edge_inspector.journal.place import Standing

_BUSY_S = 1.0  # some other program reads or copies the file
CHECKED_AT_OPEN_BYTES = 32 << 20  # 0.05 s; a larger file is checked beside the work
_LOG_PAGES = 1000  # the log is copied into the database after so many pages
_LOG_BYTES = 1 << 20  # what the log keeps on disk once it has been copied
_FREE_PAGES = 1024
_VACUUMED_AT_ONCE = 512

_PRAGMAS = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = {_LOG_PAGES};
PRAGMA journal_size_limit = {_LOG_BYTES};
PRAGMA cache_size = -1024;
PRAGMA temp_store = MEMORY;
"""


@dataclass(frozen=True, slots=True)
class OldRow:
    """What retention needs to know of a row.

    Attributes:
        seq, lane: Which one.
        bytes: Its size.
        operated_s: Operating seconds when it was written.
    """

    seq: int
    lane: int
    bytes: int
    operated_s: float


class Database:
    """An open journal file, or one in memory.

    Attributes:
        facts: What it knew when it was opened.
        reading: A connection for all other threads, used under `reading_lock`.
    """

    def __init__(self, path: Path | None) -> None:
        """Open the file and check it; make it if there is none.

        Raises:
            DamagedJournalError: If the file cannot be used any more.
            sqlite3.Error: If the disk does not take it now.
            OSError: The same.
        """
        self._path = path
        self.reading_lock = threading.Lock()
        with contextlib.ExitStack() as stack:
            try:
                self._writing = self.reading = _connect(path)
                stack.callback(self._writing.close)
                self.facts = self._prepare()
                if path is not None:
                    self.reading = _connect(path, more="&mode=ro")
                    stack.callback(self.reading.close)
            except sqlite3.Error as error:
                if is_damage(error):
                    raise DamagedJournalError(str(error), facts=self._readable_facts()) from error
                raise
            except DamagedJournalError as damage:
                if not damage.is_newer:
                    damage.facts = self._readable_facts()
                raise
            self._identity = None if path is None else path.stat().st_ino
            stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; what is committed is in the file or in its log."""
        with self.reading_lock:
            self.reading.close()
            self._writing.close()

    def _prepare(self) -> Facts:
        connection = self._writing
        version = self._pragma("user_version")
        is_new = version == 0 and not _has_tables(connection)
        if not is_new and version != schema.VERSION:
            msg = f"it has schema version {version}, expected {schema.VERSION}"
            raise DamagedJournalError(msg, is_newer=version > schema.VERSION)
        if is_new:
            # New rows go into the pages of deleted ones, which costs no writes. This is for what page reuse cannot
            # do: give space back after a backlog has drained or the bounds were lowered.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.executescript(_PRAGMAS)
        if is_new:
            connection.executescript(schema.TABLES)
            if self._path is not None:
                sync_folder(self._path.parent)
        if self._path is not None and self._path.stat().st_size <= CHECKED_AT_OPEN_BYTES:
            check(connection)
        return _read_facts(connection)

    def _readable_facts(self) -> Facts | None:
        with contextlib.suppress(sqlite3.Error, DamagedJournalError, AttributeError, TypeError, ValueError):
            return _read_facts(self._writing)
        return None

    def write(self, batch: Batch, operated_s: float) -> None:
        """Commit a batch; when this returns it survives a power loss.

        Raises:
            sqlite3.Error: If it is not committed.
        """
        accounts = None if batch.accounts is None else json.dumps(batch.accounts, separators=(",", ":"))
        rows = [schema.row_of(lane, entry, operated_s) for lane, entry in batch.entries]
        standings = [(each.sink, each.lane, each.cursor, each.evicted, each.refused) for each in batch.standings]
        letters = [(each.sink, each.seq, each.id, schema.writable(each.reason), each.at) for each in batch.dead_letters]
        with self._transaction() as connection:
            connection.executemany(schema.WRITE_EVENT, rows)
            connection.executemany(schema.WRITE_PLACE, standings)
            if letters:
                connection.executemany(schema.WRITE_DEAD_LETTER, letters)
                connection.execute(schema.TRIM_DEAD_LETTERS, (schema.MOST_DEAD_LETTERS,))
            connection.execute(schema.WRITE_FACTS, (batch.through, operated_s, accounts))

    def oldest(self, lane: int, through: int, limit: int) -> list[OldRow]:
        """Return the oldest rows of a lane up to a number."""
        with self._alone():
            return [OldRow(*row) for row in self._writing.execute(schema.READ_OLDEST, (lane, through, limit))]

    def delete(self, rows: Sequence[OldRow]) -> None:
        """Delete rows."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM events WHERE seq = ?", [(row.seq,) for row in rows])

    def count(self) -> int:
        """Return how many rows there are; reads the whole index."""
        with self._alone():
            return int(self._writing.execute("SELECT count(*) FROM events").fetchone()[0])

    def used_bytes(self) -> int:
        """Return the bytes of the file that are in use."""
        with self._alone():
            return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def give_space_back(self) -> None:
        """Shorten the file by some pages where a quarter of it or more is not in use."""
        with self._alone():
            free, pages = self._pragma("freelist_count"), self._pragma("page_count")
            if free > max(_FREE_PAGES, pages // 4):
                # Not `execute`, which takes one step, of one page, for a statement without columns.
                self._writing.executescript(f"PRAGMA incremental_vacuum({_VACUUMED_AT_ONCE})")

    def shorten_log(self) -> None:
        """Copy the log into the database and empty it, if no reader is in the way."""
        with self._alone():
            self._writing.execute("PRAGMA busy_timeout = 0")  # a long check may be in the way for many seconds
            try:
                self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                self._writing.execute(f"PRAGMA busy_timeout = {int(_BUSY_S * 1000)}")

    def is_still_there(self) -> bool:
        """Return whether the file that is open is the one that the path names.

        Raises:
            OSError: If that cannot be found out.
        """
        try:
            return self._path is None or self._path.stat().st_ino == self._identity
        except FileNotFoundError:
            return False

    def _pragma(self, name: str) -> int:
        return int(self._writing.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.reading_lock if self.reading is self._writing else contextlib.nullcontext():
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._alone():
            self._writing.execute("BEGIN IMMEDIATE")
            try:
                yield self._writing
                self._writing.execute("COMMIT")
            except BaseException:
                if self._writing.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._writing.execute("ROLLBACK")
                raise


def check(connection: sqlite3.Connection) -> None:
    """Read the whole database.

    Raises:
        DamagedJournalError: If it is damaged.
        sqlite3.Error: If it cannot be read.
    """
    if (answer := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise DamagedJournalError(str(answer).replace("\n", " "))


def connect_to_check(path: Path) -> sqlite3.Connection:
    """Return a connection of its own for a long check."""
    return _connect(path, more="&mode=ro")


def _connect(path: Path | None, *, more: str = "") -> sqlite3.Connection:
    """Open a connection; a file on a disk that is read-only can at least be read, where it has no log."""
    if path is None:
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    address = f"file:{quote(str(path))}?"
    try:
        if not (more or path.exists()):
            path.touch(mode=PRIVATE_FILE)  # SQLite gives its other files the same rights
        return _open(address + more.removeprefix("&"))
    except sqlite3.OperationalError as error:
        log = path.with_name(path.name + "-wal")
        if is_damage(error) or not path.is_file() or (log.exists() and log.stat().st_size):
            raise
        return _open(f"{address}mode=ro&immutable=1")


def _open(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, uri=True)
    connection.text_factory = _text
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")  # a damaged text must not stand in the way of all that follow


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _read_facts(connection: sqlite3.Connection) -> Facts:
    row = connection.execute(schema.READ_FACTS).fetchone()
    if row is None:
        msg = "its facts are missing"
        raise DamagedJournalError(msg)
    last_seq, operated_s, accounts, last_row = row
    standings = tuple(Standing(*place) for place in connection.execute(schema.READ_PLACES))
    return Facts(max(last_seq, last_row or 0), operated_s, _document(accounts), standings)


def _document(text: str | None) -> Mapping[str, Json] | None:
    if text is None:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        msg = f"its accounts are no JSON: {error}"
        raise DamagedJournalError(msg) from error
    return document if isinstance(document, dict) else None
