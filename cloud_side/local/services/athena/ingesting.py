"""Brings the JSON lines of tables into SQLite, object by object; what has not changed since is not read again.

Each database of Glue has a file of its own. In it a table is a view over the rows, which know their object.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from cloud_side.local.jobs.places import Address
from cloud_side.local.services.athena.objects import Objects
from cloud_side.local.services.athena.sources import Source

_TABLES = (
    'CREATE TABLE IF NOT EXISTS "known tables" (name TEXT PRIMARY KEY, form TEXT NOT NULL) WITHOUT ROWID',
    """CREATE TABLE IF NOT EXISTS "known objects" (
        id INTEGER PRIMARY KEY, source TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
        UNIQUE (source, key))""",
    'CREATE TEMP TABLE "listed objects" (key TEXT PRIMARY KEY, etag TEXT NOT NULL) WITHOUT ROWID',
)
_BUSY_S = 30.0


def rows_of(table: str) -> str:
    """Return the name of the table in which the rows of a table are: one that no table of Glue can have."""
    return f"rows of {table}"


@contextmanager
def ingested(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file of a database for bringing rows in; nobody else does so meanwhile."""
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        for setting in ("journal_mode = WAL", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {setting}")
        for statement in _TABLES:
            connection.execute(statement)
        yield connection


def drop_others(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Forget the tables that are not there any more."""
    for (name,) in connection.execute('SELECT name FROM "known tables"').fetchall():
        if name not in names:
            with _transaction(connection):
                _drop(connection, name)


def bring_in(connection: sqlite3.Connection, source: Source, objects: Objects, check: Callable[[], None]) -> int:
    """Make a table's rows those of its objects, as they are now; return the bytes of these.

    Args:
        connection: Of `ingested`.
        source: The table.
        objects: Where they are.
        check: Called now and then; raises where the query is not to go on. What was brought in by then stays.

    Raises:
        QueryError: If a line is broken.
        RefusedRequest: If there is no such bucket.
    """
    _make(connection, source)
    _list(connection, source, objects)
    gone = 'SELECT id FROM "known objects" WHERE source = ? AND key NOT IN (SELECT key FROM "listed objects")'
    for (identity,) in connection.execute(gone, (source.name,)).fetchall():
        with _transaction(connection):
            _forget(connection, source.name, identity)
    changed = (
        'SELECT key FROM "listed objects" AS listed WHERE NOT EXISTS (SELECT 1 FROM "known objects" AS known'
        " WHERE known.source = ? AND known.key = listed.key AND known.etag = listed.etag) ORDER BY key"
    )
    for (key,) in connection.execute(changed, (source.name,)).fetchall():
        check()
        _replace(connection, source, Address(source.location.bucket, key), objects, check)
    sizes = 'SELECT coalesce(sum(size), 0) FROM "known objects" WHERE source = ?'
    return int(connection.execute(sizes, (source.name,)).fetchone()[0])


def _make(connection: sqlite3.Connection, source: Source) -> None:
    row = connection.execute('SELECT form FROM "known tables" WHERE name = ?', (source.name,)).fetchone()
    if row is not None and row[0] == source.form:
        return
    rows = rows_of(source.name)
    names = ", ".join(f'"{name}"' for name, _ in source.columns)
    with _transaction(connection):
        _drop(connection, source.name)
        connection.execute(f'CREATE TABLE "{rows}" ("of object" INTEGER NOT NULL, {source.definitions()})')
        connection.execute(f'CREATE INDEX "objects of {source.name}" ON "{rows}" ("of object")')
        connection.execute(f'CREATE VIEW "{source.name}" AS SELECT {names} FROM "{rows}"')  # noqa: S608 - checked names
        connection.execute('INSERT INTO "known tables" VALUES (?, ?)', (source.name, source.form))


def _drop(connection: sqlite3.Connection, name: str) -> None:
    connection.execute(f'DROP VIEW IF EXISTS "{name}"')
    connection.execute(f'DROP TABLE IF EXISTS "{rows_of(name)}"')
    connection.execute('DELETE FROM "known objects" WHERE source = ?', (name,))
    connection.execute('DELETE FROM "known tables" WHERE name = ?', (name,))


def _list(connection: sqlite3.Connection, source: Source, objects: Objects) -> None:
    with _transaction(connection):
        connection.execute('DELETE FROM "listed objects"')
        found = ((each.key, each.etag) for each in objects.below(source.location))
        connection.executemany('INSERT INTO "listed objects" VALUES (?, ?)', found)


def _replace(
    connection: sqlite3.Connection, source: Source, address: Address, objects: Objects, check: Callable[[], None]
) -> None:
    found = objects.open(address)
    with _transaction(connection):
        known = 'SELECT id FROM "known objects" WHERE (source, key) = (?, ?)'
        for (identity,) in connection.execute(known, (source.name, address.key)).fetchall():
            _forget(connection, source.name, identity)
        if found is None:  # it went since it was listed
            return
        listed, pieces = found
        identity = connection.execute(
            'INSERT INTO "known objects" (source, key, etag, size) VALUES (?, ?, ?, ?)',
            (source.name, listed.key, listed.etag, listed.size),
        ).lastrowid
        marks = ", ".join("?" * (1 + len(source.columns)))
        rows = ((identity, *row) for row in source.rows(address, pieces, check))
        connection.executemany(f'INSERT INTO "{rows_of(source.name)}" VALUES ({marks})', rows)  # noqa: S608 - ours


def _forget(connection: sqlite3.Connection, source: str, identity: int) -> None:
    connection.execute(f'DELETE FROM "{rows_of(source)}" WHERE "of object" = ?', (identity,))  # noqa: S608 - ours
    connection.execute('DELETE FROM "known objects" WHERE id = ?', (identity,))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has taken it back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
