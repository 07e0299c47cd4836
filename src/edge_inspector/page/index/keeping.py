"""Keeping: the thread that follows the journal into the database, or into memory where the disk takes nothing."""

import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_inspector.errors import InspectorError
from edge_inspector.journal import Entry, Journal
from edge_inspector.page.index.database import Database, delete, is_damage
from edge_inspector.page.index.following import Following
from edge_inspector.page.index.gaps import filled_up_to, with_gap
from edge_inspector.page.index.rows import IndexState

_log = logging.getLogger(__name__)
_COMMIT_S = 10.0  # what is written is seen at once; seldom spares the disk, and a crash only has that much read again
_IDLE_S = 1.0
_PAUSE_S = 0.01  # between two pieces of the past: the line needs the processor more
_GATHER_S = 0.02  # events come in twos and threes
_TIDY_S, _TIDY_MORE_S = 30.0, 0.5
_TIDIED_AT_ONCE = 500  # rows; nobody else can ask meanwhile
_RETRY_S = 30.0
_PATIENCE_S = 3.0
CLOSE_S = 1.0
_REMEMBERED = 4096
MOST_IN_MEMORY = 20_000


class Keeping:
    """Has the newest of the journal in a database, and lends that to whoever asks."""

    def __init__(self, journal: Journal, path: Path | None, random_share: float, on_news: Callable[[], None]) -> None:
        """Prepare; see `Index`."""
        self._path, self._on_news = path, on_news
        self._wake, self._stop = threading.Event(), threading.Event()
        self._following = Following(journal, self._wake.set, random_share)
        self._opened = threading.Condition()
        self._database: Database | None = None
        self._trouble: sqlite3.Error | None = None  # of who asked; the thread looks after it
        self._was_on_disk = False
        self._problem: str | None = None
        self._news = threading.Condition()
        self._seen: OrderedDict[str, None] = OrderedDict()  # ids of events, the newest last
        self._committed_s = self._tidy_at_s = self._tried_s = 0.0
        self._thread = threading.Thread(target=self._run, name="page-index", daemon=True)

    def start(self) -> None:
        """Begin to follow, and return at once."""
        self._following.begin()
        self._thread.start()

    def stop(self) -> None:
        """End, in at most `CLOSE_S`; a thread that hangs in the disk is left behind."""
        self._stop.set()
        self._wake.set()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            _log.error("%s: left behind while it waits for the disk", self._path)

    def wait_for(self, event_id: str, timeout_s: float) -> bool:
        """Wait until an event that was appended a moment ago can be found; return whether it can."""
        with self._news:
            return self._news.wait_for(lambda: event_id in self._seen, timeout_s)

    def state(self) -> IndexState:
        """Return how it is; also before the start."""
        if (database := self._database) is None:
            return IndexState(0, 0, self._problem)
        return IndexState(database.writing.rows, self._following.behind(database.gaps), self._problem)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for a while.

        Raises:
            InspectorError: If it cannot be read now.
        """
        with self._opened:
            self._opened.wait_for(lambda: self._database is not None, _PATIENCE_S)
            database = self._database
        if database is None:
            msg = f"the index of results is not open after {_PATIENCE_S:g} s"
            raise InspectorError(msg)
        try:
            with database.reading(_PATIENCE_S) as connection:
                if connection is None:
                    msg = f"the index of results is busy for more than {_PATIENCE_S:g} s"
                    raise InspectorError(msg)
                yield connection
        except sqlite3.Error as error:
            if database is self._database and not isinstance(error, sqlite3.ProgrammingError):
                self._trouble = error
                self._wake.set()
            msg = f"the index of results cannot be read: {error}"
            raise InspectorError(msg) from error

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._step()
            except (sqlite3.Error, OSError) as error:
                self._go_on_in_memory(error)
            except Exception as error:  # noqa: BLE001 - thread boundary: a fault of the page must not last
                _log.exception("the thread of the page's index failed")
                self._go_on_in_memory(error)
        self._end()

    def _step(self) -> None:
        database = self._open() if self._database is None else self._database
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble
        if self._problem is not None and time.monotonic() - self._tried_s >= _RETRY_S:
            database = self._return_to_disk(database)
        self._wake.clear()
        if entries := self._following.take():
            self._write(database, entries)
            self._following.settle(entries)
            self._on_news()
            return
        if (through := self._following.taken_through()) is not None:
            database.head = through
        if self._fill(database):
            self._wake.wait(_PAUSE_S)
            return
        self._tidy_when_due(database)
        self._commit_when_due(database)
        if self._wake.wait(_IDLE_S):
            self._stop.wait(_GATHER_S)

    def _open(self) -> Database:
        """Open the file, and have read what it lacks; one of another journal is begun anew."""
        database = Database(self._path)
        try:
            if not self._following.is_of_this_journal(database.known):
                _log.warning("%s: it is of another journal; the index is made anew", self._path)
                database.begin_anew()
            if not self._was_on_disk:
                # What the journal lost with the last session it numbers again: the numbers mean something else now.
                database.cut(self._following.first_seq)
            through = self._following.skip()
            database.gaps, database.head = with_gap(database.gaps, database.head, through), through
            database.commit()
        except BaseException:
            database.close()
            raise
        self._was_on_disk = True
        self._use(database)
        return database

    def _use(self, database: Database) -> None:
        with self._opened:
            self._database = database
            self._opened.notify_all()
        self._committed_s = time.monotonic()

    def _write(self, database: Database, entries: Sequence[Entry]) -> None:
        if entries:
            found = self._following.told(entries)
            with database.alone() as writing:
                writing.write(found)
            with self._news:
                self._seen.update((entry.message.id, None) for entry in entries)
                while len(self._seen) > _REMEMBERED:
                    self._seen.popitem(last=False)
                self._news.notify_all()
        self._commit_when_due(database)

    def _fill(self, database: Database) -> bool:
        """Write a piece of what is still to be read of the past; return whether there was one."""
        if not database.gaps or (stretch := self._following.past(database.gaps[0])) is None:
            return False
        self._write(database, stretch.entries)
        database.gaps = filled_up_to(database.gaps, stretch.through)
        if not database.gaps:
            self._on_news()
        return True

    def _commit_when_due(self, database: Database) -> None:
        if database.is_changed and time.monotonic() - self._committed_s >= _COMMIT_S:
            self._commit(database)
            self._committed_s = time.monotonic()

    def _commit(self, database: Database) -> None:
        database.known = self._following.known(database.known)
        database.commit()

    def _tidy_when_due(self, database: Database) -> None:
        """Delete what the journal has no more, and of what is in memory alone what is too much."""
        now_s = time.monotonic()
        if now_s < self._tidy_at_s:
            return
        oldest, deleted = self._following.oldest(), 0
        with database.alone() as writing:
            if oldest is not None:
                deleted += writing.delete_before(*oldest, limit=_TIDIED_AT_ONCE)
            if database.path is None and writing.rows > MOST_IN_MEMORY:
                deleted += writing.delete_oldest(min(writing.rows - MOST_IN_MEMORY, _TIDIED_AT_ONCE))
        self._tidy_at_s = now_s + (_TIDY_MORE_S if deleted >= _TIDIED_AT_ONCE else _TIDY_S)

    def _go_on_in_memory(self, error: Exception) -> None:
        """Keep the newest results in memory for a while; where the file is damaged, a new one is begun after that."""
        words = f"{self._path}: {error}"
        if words != self._problem:
            _log.error("%s; the page knows the newest results alone", words)
        self._problem, self._tried_s = words, time.monotonic()
        if self._database is not None:
            self._database.close()
        if self._path is not None and is_damage(error):
            with suppress(OSError):
                delete(self._path)
        database, through = Database(None), self._following.skip()
        database.gaps, database.head = with_gap((), max(0, through - MOST_IN_MEMORY), through), through
        self._use(database)

    def _return_to_disk(self, in_memory: Database) -> Database:
        self._tried_s = time.monotonic()
        try:
            database = self._open()
        except (sqlite3.Error, OSError) as error:
            self._problem = f"{self._path}: {error}"
            return in_memory
        in_memory.close()
        _log.warning("%s: works again", self._path)
        self._problem = None
        self._on_news()
        return database

    def _end(self) -> None:
        if (database := self._database) is None:
            return
        try:
            self._commit(database)
        except (sqlite3.Error, OSError) as error:
            _log.warning("%s: %s", self._path, error)
        database.close()
