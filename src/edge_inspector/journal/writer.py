"""The thread `journal`: it commits what is due, keeps the bounds, and heals what is wrong with the file."""

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edge_inspector import backoff
from edge_inspector.events import Json
from edge_inspector.journal import retention
from edge_inspector.journal.archive import Archive
from edge_inspector.journal.batch import Batch, Facts
from edge_inspector.journal.faults import DamagedJournalError, is_damage
from edge_inspector.journal.memory import Memory
from edge_inspector.journal.options import JournalOptions
from edge_inspector.journal.pulse import Pulse
from edge_inspector.journal.store import Store

if TYPE_CHECKING:
    from edge_inspector.journal.reader import Reader

_log = logging.getLogger(__name__)
_IDLE_S = 1.0  # places are written down and bounds looked at this often when nothing else is to be done
_HOUSE_ROWS = 500  # the same after so many rows
_CLOCK_S = 600.0  # operating time is written down this often when nothing else is
_SETTLE_IN_S = 60.0  # a sink that was here before may take so long to come back before its rows may go
_GIVE_UP_AT_ONCE = 1000
_RETRY_MIN_S, _RETRY_MAX_S = 0.2, 5.0
_LONG_LOG_BYTES = 16 << 20
_CLOSE_S = 1.5  # what is committed by then is safe; the rest of a hanging disk is left behind
_NEEDS_NO_REOPENING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)


class Writer:
    """The only one that waits for the disk.

    Attributes:
        store: The file.
        pulse: How often it commits.
        problem: Why it cannot now, in words.
        rows: How many rows are on disk.
        readers: Of the sinks.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - made by the journal alone
        self,
        path: Path | None,
        options: JournalOptions,
        memory: Memory,
        archive: Archive,
        operating_clock: Callable[[], float],
        on_joined: Callable[[Mapping[str, Json]], None],
    ) -> None:
        self._path, self._options, self._memory, self._archive = path, options, memory, archive
        self._clock, self._clock_began_s = operating_clock, operating_clock()
        self._on_joined = on_joined
        self.store = Store(path, memory, archive)
        self.pulse = Pulse(time.monotonic())
        self.problem: str | None = None
        self.rows = 0
        self.readers: list[Reader] = []
        self._failures = self._last_code = 0
        self._operated_before_s = 0.0
        self._began_s = self._house_kept_s = time.monotonic()
        self._rows_since_house = 0
        self._is_counted = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> Facts | None:
        """Open the file and start the thread; return what the file knew, None where it cannot be opened now."""
        facts = None
        try:
            facts = self.store.begin()
            self._operated_before_s = facts.operated_s
            self._count_rows()
        except (sqlite3.Error, OSError, DamagedJournalError) as error:
            self._fail(error)
        self._thread.start()
        return facts

    def close(self) -> None:
        """Commit what waits, if the disk takes it, and end the thread."""
        self._memory.close()
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            _log.error("%s: left behind while it waits for the disk; %d events wait", self._path, self._memory.pending)

    @property
    def operated_s(self) -> float:
        """Operating seconds since the journal was begun."""
        return self._operated_before_s + self._clock() - self._clock_began_s

    def _run(self) -> None:
        is_closing = False
        while not is_closing or (self._memory.has_groups and not self._failures):
            if self._failures:
                is_closing = self._memory.wait_for_closing(self._pause_s())
            else:
                is_closing = self._memory.wait_until_due(_IDLE_S)
            try:
                self._step()
            except (sqlite3.Error, OSError, DamagedJournalError) as error:
                self._heal(error)
            except Exception as error:  # noqa: BLE001 - thread boundary: it must not end while the line runs
                _log.exception("the journal's thread failed")
                self._fail(error)
        if left := self._memory.pending:
            _log.error("%s: closed with %d events that are not on disk: %s", self._path, left, self.problem)
        try:
            self.store.close()
        except sqlite3.Error as error:
            _log.warning("%s: %s", self._path, error)

    def _step(self) -> None:
        for reader in self.readers:
            reader.give_up(self._options, at_most=_GIVE_UP_AT_ONCE)
        if self._archive.database is None or self._failures:
            self._open_again()
        now_s = time.monotonic()
        is_house_due = now_s - self._house_kept_s >= _IDLE_S or self._rows_since_house >= _HOUSE_ROWS
        if is_house_due and self.store.look_after():
            self._wake_all()
        self._commit(self._memory.next_batch())
        if is_house_due or not self._is_counted:
            self._keep_house()
            self._house_kept_s, self._rows_since_house = now_s, 0

    def _open_again(self) -> None:
        was_away = self._archive.database is None
        if not was_away and self._last_code in _NEEDS_NO_REOPENING:
            return
        facts = self.store.open_again()
        self._operated_before_s += facts.operated_s
        if facts.accounts is not None:
            self._on_joined(facts.accounts)
        self._is_counted = False
        if was_away:
            for reader in self.readers:
                reader.count_again()

    def _commit(self, batch: Batch) -> None:
        database, now_s = self._archive.database, time.monotonic()
        if database is None:
            return
        is_stale = now_s - (self.pulse.last_s or self._began_s) > _CLOCK_S
        if not (batch.is_empty and not self._failures) or is_stale:
            try:
                database.write(batch, self.operated_s)
            except BaseException:
                self._memory.failed(batch)
                raise
            self._memory.committed(batch)
            self.pulse.beat(len(batch.entries), time.monotonic())
            self.rows += len(batch.entries)
            self._rows_since_house += len(batch.entries)
        if self._failures:
            _log.warning("%s: works again", self._path)
            self._failures, self.problem = 0, None
            self._wake_all()

    def _keep_house(self) -> None:
        database = self._archive.database
        if database is None:
            return
        if not self._is_counted:
            self._count_rows()
        may_delete = self._memory.places.are_all_read or time.monotonic() - self._began_s > _SETTLE_IN_S
        while may_delete:
            deleted, is_more = retention.delete_some(
                database, self._memory, self._options, rows=self.rows, operated_s=self.operated_s
            )
            self.rows -= deleted
            if not is_more or self._memory.is_urgent:
                break
        database.give_space_back()
        if self._path is not None and _size(self._path.with_name(f"{self._path.name}-wal")) > _LONG_LOG_BYTES:
            database.shorten_log()

    def _count_rows(self) -> None:
        if self._archive.database is not None:
            self.rows, self._is_counted = self._archive.database.count(), True

    def _heal(self, error: sqlite3.Error | OSError | DamagedJournalError) -> None:
        if isinstance(error, sqlite3.Error) and is_damage(error):
            error = DamagedJournalError(str(error))
        if isinstance(error, DamagedJournalError):
            try:
                self.store.replace(error)
            except (sqlite3.Error, OSError, DamagedJournalError) as next_error:
                error = next_error
            else:
                self.rows, self._is_counted = 0, True
                self._wake_all()
                return
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._last_code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        self._failures += 1
        words = f"{self._path}: {error}"
        if words != self.problem:
            _log.error("%s; events are kept in memory, %d so far", words, self._memory.pending)
        self.problem = words

    def _pause_s(self) -> float:
        jitter = random.random()  # noqa: S311 - no secret
        return backoff.pause_s(self._failures - 1, _RETRY_MIN_S, _RETRY_MAX_S, jitter=jitter)

    def _wake_all(self) -> None:
        for wake in self._memory.wakes():
            wake()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
