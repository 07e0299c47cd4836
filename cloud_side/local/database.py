"""The one SQLite file of a local engine: a connection for each thread, short transactions, several processes."""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_inspector.errors import ConfigError

SCHEMA_VERSION = 1
_BUSY_S = 30.0
_RETRY_S = 0.01


class Database:
    """Opened by the engine, by each job and function that calls a service, and by the command line, all at once."""

    def __init__(self, path: Path, tables: Iterable[str]) -> None:
        """Open or create it.

        Args:
            path: The file; its folder is there.
            tables: `CREATE … IF NOT EXISTS` statements of all rooms.

        Raises:
            ConfigError: If the file is none of ours, or of another version.
        """
        self._path = path
        self._own = threading.local()
        self._all: dict[threading.Thread, sqlite3.Connection] = {}
        self._opening = threading.Lock()
        try:
            self._create(tables)
        except sqlite3.DatabaseError as error:
            self.close()
            msg = f"{path}: cannot be used as the engine's database: {error}; expected one that this version made"
            raise ConfigError(msg) from error

    def _create(self, tables: Iterable[str]) -> None:
        connection = self.connection()
        _switch_to_wal(connection)
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found not in (0, SCHEMA_VERSION):
            self.close()
            msg = f"{self._path}: has version {found}, expected {SCHEMA_VERSION}; give this engine a folder of its own"
            raise ConfigError(msg)
        statements = [each for script in tables for each in script.split(";") if each.strip()]
        if found == 0:  # all at once: SQLite gives up where several change a schema beside each other
            with self.transaction():
                _run(connection, [*statements, f"PRAGMA user_version = {SCHEMA_VERSION}"])
        else:
            _run(connection, statements)  # a later version may bring tables that this file lacks

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection, for reading: each statement sees what is committed."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            with self._opening:
                self._close_of_ended_threads()
                self._all[threading.current_thread()] = connection
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = NORMAL")
            self._own.connection = connection
        return connection

    def _close_of_ended_threads(self) -> None:
        """Close what nobody will use: each transfer of boto3 has threads of its own."""
        for thread in [thread for thread in self._all if not thread.is_alive()]:
            self._all.pop(thread).close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all of the block, or nothing of it; other writers wait meanwhile, so it is kept short."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk has taken it back already
                connection.execute("ROLLBACK")
            raise

    def has_changed(self) -> bool:
        """Return whether anybody else, in this process or another, wrote since this thread asked last."""
        (version,) = self.connection().execute("PRAGMA data_version").fetchone()
        before, self._own.version = getattr(self._own, "version", None), version
        return bool(version != before)

    def __del__(self) -> None:
        """Close with the last session that used it."""
        self.close()

    def close(self) -> None:
        """Close the connections of all threads; none of them may be in use."""
        with self._opening:
            for connection in self._all.values():
                connection.close()
            self._all.clear()
        self._own = threading.local()


def _run(connection: sqlite3.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Make readers and writers not wait for each other; SQLite itself does not wait when several switch at once."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_RETRY_S)
        else:
            return
