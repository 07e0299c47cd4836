"""Runs one query from its statement to its result in S3, in whichever process comes to it first."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs.places import Address, PlanError
from cloud_side.local.services.athena import ingesting, results, rows, selecting
from cloud_side.local.services.athena.failures import CutOffError, QueryError
from cloud_side.local.services.athena.objects import Objects
from cloud_side.local.services.athena.rows import Query, QueryState
from cloud_side.local.services.athena.selecting import Shelf
from cloud_side.local.services.athena.sources import sources_of
from cloud_side.local.services.athena.statements import values_of, words_of
from cloud_side.local.services.glue import tables_in
from cloud_side.local.wiring import RefusedRequest
from edge_inspector.durable import PRIVATE_FILE, make_folders

LIMIT_S = 1800.0  # of a DML query: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
FEATURE_STORE = "sagemaker_featurestore"
_WAIT_S = 0.02
_LOOK_S = 0.1
_MOST_REASON = 4096


@dataclass
class Running:
    """What is asked while a query runs: whether it is to go on.

    Attributes:
        is_ending: Whether the process ends.
        until: `time.monotonic()` at which its time is over.
    """

    database: Database
    identity: str
    is_ending: Callable[[], bool]
    until: float
    looked: float = 0.0

    def check(self) -> None:
        """Let it go on.

        Raises:
            CutOffError: If it was cancelled, or the process ends.
            QueryError: If its time is over.
        """
        now = time.monotonic()
        if now - self.looked < _LOOK_S:
            return
        self.looked = now
        if self.is_ending() or rows.find(self.database.connection(), self.identity).is_over:
            raise CutOffError
        if now > self.until:
            msg = "Query exhausted resources at this scale factor: Query timeout"
            raise QueryError(msg)


def run(
    home: Home,
    database: Database,
    identity: str,
    *,
    is_ending: Callable[[], bool] = lambda: False,
    limit_s: float = LIMIT_S,
) -> None:
    """Run a query, unless it is over or somebody runs it; one that somebody was killed in is run again.

    Args:
        home: Where it is.
        database: Where it is.
        identity: Its id.
        is_ending: Asked now and then: whether the process ends. The next one runs it again.
        limit_s: How long it may take, in seconds.
    """
    path = _folder(home) / f"{identity}.lock"
    with _only_one(path) as is_mine:
        if not is_mine:
            return
        query = rows.find(database.connection(), identity)
        if not query.is_over:
            _run(home, query, Running(database, identity, is_ending, time.monotonic() + limit_s))
        if rows.find(database.connection(), identity).is_over:  # whoever has it open asks the database next
            path.unlink(missing_ok=True)


def _run(home: Home, query: Query, running: Running) -> None:
    with running.database.transaction() as connection:
        rows.begin(connection, query.id, time.time())
    state, reason = _outcome(home, query, running)
    if state is not None:
        with running.database.transaction() as connection:
            rows.end(connection, query.id, state, time.time(), reason)


def _outcome(home: Home, query: Query, running: Running) -> tuple[QueryState | None, str | None]:
    try:
        _carry_out(home, query, running)
    except CutOffError:
        return None, None
    except QueryError as error:
        return QueryState.FAILED, str(error)[:_MOST_REASON]
    except (RefusedRequest, PlanError) as error:
        return QueryState.FAILED, f"{error}"[:_MOST_REASON]
    except (sqlite3.Error, OSError) as error:
        return QueryState.FAILED, f"GENERIC_INTERNAL_ERROR: {error}"[:_MOST_REASON]
    return QueryState.SUCCEEDED, None


def _carry_out(home: Home, query: Query, running: Running) -> None:
    with _opened(home, query, running) as (connection, shelf, scanned), TemporaryFile(dir=_folder(home)) as file:
        columns = _write(file, connection, query, shelf, running)
        file.seek(0)
        Objects(home, running.database).put(Address.parse(query.output), file)
    with running.database.transaction() as writing:
        rows.keep_result(writing, query.id, columns, scanned)


def _write(
    file: IO[bytes], connection: sqlite3.Connection, query: Query, shelf: Shelf, running: Running
) -> list[tuple[str, str]]:
    values = values_of(query.request.get("ExecutionParameters", ()))
    with selecting.selected(connection, query.text, values, shelf, running.check) as cursor:
        return results.write(file, results.names_of(cursor.description), cursor)


@contextmanager
def _opened(home: Home, query: Query, running: Running) -> Iterator[tuple[sqlite3.Connection, Shelf, int]]:
    """Open what a query reads, as it is now; others wait only while it is brought in."""
    if query.database == FEATURE_STORE:
        views = running.database.connection().execute("SELECT name FROM sqlite_master WHERE type = 'view'")
        names = frozenset(row["name"] for row in views)
        shelf = Shelf(FEATURE_STORE, home.database, names, frozenset({"feature_offline"}))
        with selecting.opened(shelf) as connection:
            yield connection, shelf, 0
        return
    tables = tables_in(running.database.connection(), query.database)
    if tables is None:
        msg = f"SCHEMA_NOT_FOUND: Schema '{query.database}' does not exist"
        raise QueryError(msg)
    with ExitStack() as stack:
        with _alone(_folder(home) / f"{query.database}.lock", running.check):
            shelf, scanned = _brought_in(home, query, tables, running)
            connection = stack.enter_context(selecting.opened(shelf))
        yield connection, shelf, scanned


def _brought_in(
    home: Home, query: Query, tables: Mapping[str, Mapping[str, Any]], running: Running
) -> tuple[Shelf, int]:
    sources, scanned = sources_of(tables, words_of(query.text)), 0
    file, objects = _folder(home) / f"{query.database}.sqlite", Objects(home, running.database)
    with ingesting.ingested(file) as connection:
        ingesting.drop_others(connection, list(tables))
        for source in sources:
            scanned += ingesting.bring_in(connection, source, objects, running.check)
    names = [source.name for source in sources]
    return Shelf(query.database, file, frozenset(names), frozenset(map(ingesting.rows_of, names))), scanned


def _folder(home: Home) -> Path:
    folder = home.folder / "athena"
    make_folders(folder)
    return folder


@contextmanager
def _only_one(path: Path) -> Iterator[bool]:
    """Tell whether nobody else is in such a block; however its process ends, it is out."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        yield _is_taken(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(path: Path, check: Callable[[], None]) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        while not _is_taken(descriptor):
            check()
            time.sleep(_WAIT_S)
        yield
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
