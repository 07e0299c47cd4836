"""A large file is checked beside the work: reading a gigabyte takes seconds that no event should wait."""

import logging
import sqlite3
import threading
from pathlib import Path

from edge_inspector.journal.database import check, connect_to_check
from edge_inspector.journal.faults import DamagedJournalError, is_damage

_log = logging.getLogger(__name__)


class Check:
    """One run of SQLite's quick_check on a thread of its own.

    Attributes:
        damage: What is wrong; None while nothing is known to be.
    """

    def __init__(self, path: Path) -> None:
        self.damage: DamagedJournalError | None = None
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="journal-check", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, whatever it has found."""
        with self._lock:
            self._is_stopped = True
            if self._connection is not None:
                self._connection.interrupt()
        self._thread.join()

    def _run(self) -> None:
        try:
            connection = connect_to_check(self._path)
            try:
                with self._lock:
                    if self._is_stopped:
                        return
                    self._connection = connection
                check(connection)
            finally:
                with self._lock:
                    self._connection = None
                    connection.close()
        except DamagedJournalError as damage:
            self.damage = damage
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                self.damage = DamagedJournalError(str(error))
            elif not self._is_stopped:
                _log.warning("%s: could not be checked: %s", self._path, error)
