"""Runs a statement over the tables of one database, which it can read and nothing else."""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloud_side.local.services.athena.failures import failure_of

_STEPS = 20_000  # of SQLite's machine between two looks at whether to go on: some milliseconds
_LONGEST_VALUE = 32 << 20
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE}
_UNSAFE = {"fts3_tokenizer", "load_extension"}  # addresses of this process, and code from files


@dataclass(frozen=True)
class Shelf:
    """What a statement can read.

    Attributes:
        database: Its name in statements.
        file: In which it is.
        tables: Names of views in the file.
        below: Names of the tables that these views read.
    """

    database: str
    file: Path
    tables: frozenset[str]
    below: frozenset[str]


@contextmanager
def opened(shelf: Shelf) -> Iterator[sqlite3.Connection]:
    """Open a database for one statement, as it is at this moment.

    Raises:
        sqlite3.Error: If it cannot be read.
    """
    sqlite3.register_converter("BOOLEAN", lambda text: text == b"1")
    connection = sqlite3.connect(
        "file::memory:",
        uri=True,
        isolation_level=None,
        detect_types=sqlite3.PARSE_DECLTYPES,
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        if sys.version_info >= (3, 12):
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DML, False)  # noqa: FBT003 - its only way
        connection.execute("PRAGMA case_sensitive_like = ON")  # as in Trino
        connection.execute(f'ATTACH ? AS "{shelf.database}"', (f"{shelf.file.as_uri()}?mode=ro",))
        connection.execute("BEGIN")
        there = connection.execute(f'SELECT name FROM "{shelf.database}".sqlite_master')  # noqa: S608 - checked
        connection.set_authorizer(_authorizer(shelf, frozenset(name for (name,) in there)))
        yield connection
    finally:
        connection.close()


def _authorizer(shelf: Shelf, there: frozenset[str]) -> Callable[..., int]:
    hidden = there - shelf.tables - shelf.below

    def is_readable(name: str, column: str, via: str) -> bool:
        if not column:  # rows that are counted only: of a view that was resolved away, or of a subquery
            return name not in hidden and not name.startswith("sqlite_")
        return name in shelf.tables or (name in shelf.below and via.lower() in shelf.tables)

    def judge(action: int, name: str | None, column: str | None, _database: str | None, via: str | None) -> int:
        match action:
            case sqlite3.SQLITE_READ:
                is_allowed = is_readable(name or "", column or "", via or "")
            case sqlite3.SQLITE_FUNCTION:
                is_allowed = column not in _UNSAFE
            case _:
                is_allowed = action in _ALLOWED
        return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY

    return judge


@contextmanager
def selected(
    connection: sqlite3.Connection, text: str, values: Sequence[object], shelf: Shelf, check: Callable[[], None]
) -> Iterator[sqlite3.Cursor]:
    """Run a statement; its rows are read within the block.

    Args:
        connection: Of `opened`.
        text: One statement.
        values: Of its question marks.
        shelf: What was opened.
        check: Called now and then; raises where the query is not to go on.

    Raises:
        QueryError: If it cannot be run, or fails on the way.
    """
    raised: list[Exception] = []

    def is_to_end() -> bool:
        try:
            check()
        except Exception as error:  # noqa: BLE001 - it goes on below: SQLite has no way for it
            raised.append(error)
        return bool(raised)

    connection.set_progress_handler(is_to_end, _STEPS)
    try:
        yield connection.execute(text, values)
    except (sqlite3.Error, sqlite3.Warning) as error:
        if raised:
            raise raised[0] from error
        raise failure_of(error, shelf.database) from error
