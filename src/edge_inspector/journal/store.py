"""The file of the journal over its life: opened, opened again, set aside when it is damaged."""

import logging
import time
from pathlib import Path

from edge_inspector.journal.archive import Archive
from edge_inspector.journal.batch import Facts
from edge_inspector.journal.check import Check
from edge_inspector.journal.database import CHECKED_AT_OPEN_BYTES, Database
from edge_inspector.journal.faults import DamagedJournalError, is_damage
from edge_inspector.journal.memory import Memory
from edge_inspector.journal.set_aside import set_aside

_log = logging.getLogger(__name__)
_SET_ASIDE_AT_MOST_EVERY_S = 60.0  # a disk that damages whatever it gets must not push the first file out

# Where numbers begin when those on a disk that cannot be read are not known: far above all that a journal counts to,
# and by the clock, so that two such starts differ.
_UNKNOWN = 1 << 40


class Store:
    """Opens and replaces the file for the thread `journal`; readers find what is open in the archive.

    Attributes:
        words: What became of a damaged file, in words.
    """

    def __init__(self, path: Path | None, memory: Memory, archive: Archive) -> None:
        self.words: str | None = None
        self._path, self._memory, self._archive = path, memory, archive
        self._is_joined = False  # what the disk knew has been taken over
        self._check: Check | None = None  # once a session
        self._set_aside_s = -_SET_ASIDE_AT_MOST_EVERY_S

    def begin(self) -> Facts:
        """Open the file for the first time and let the memory go on from there; return what it knew.

        Raises:
            DamagedJournalError, sqlite3.Error, OSError: If it cannot be opened now; the memory then begins without it.
        """
        self._memory.begin_at(_UNKNOWN + int(time.time() * 1000))
        try:
            database = Database(self._path)
        except DamagedJournalError as damage:
            facts = self._salvaged(damage)
            self.replace(damage, facts)
            return facts
        self._memory.begin_at(database.facts.last_seq)
        self._take_over(database)
        return database.facts

    def open_again(self) -> Facts:
        """Open the file after a fault, beside the one that is open, which it then takes the place of.

        Returns:
            What it knew that is new to the memory: something only when it is seen for the first time.

        Raises:
            DamagedJournalError, sqlite3.Error, OSError: If it cannot be opened now.
        """
        database = Database(self._path)
        was_joined = self._is_joined
        try:
            self._take_over(database)
        except BaseException:
            database.close()
            raise
        return Facts() if was_joined else database.facts

    def look_after(self) -> bool:
        """Find out whether the file that is open is still good; return whether readers were turned away.

        Raises:
            DamagedJournalError: If it is not.
            OSError: If that cannot be found out.
        """
        if self._check is not None and self._check.damage is not None:
            raise self._check.damage
        self._archive.probe()  # sinks that keep up read from memory: nobody else would notice
        trouble, self._archive.trouble = self._archive.trouble, None
        if trouble is not None and is_damage(trouble):
            raise DamagedJournalError(str(trouble))
        if self._archive.database is not None and not self._archive.database.is_still_there():
            msg = "it was removed or replaced while it was open"
            raise DamagedJournalError(msg)
        return trouble is not None

    def replace(self, damage: DamagedJournalError, facts: Facts | None = None) -> None:
        """Set the file aside and begin a new one with what is in memory.

        Args:
            damage: What is wrong with it.
            facts: What could still be read of a file that was not open yet.

        Raises:
            DamagedJournalError: If that was done a moment ago already.
            sqlite3.Error, OSError: If the disk does not take it now.
        """
        if self._path is None or time.monotonic() - self._set_aside_s < _SET_ASIDE_AT_MOST_EVERY_S:
            raise damage
        self.close()
        name = set_aside(self._path, why="newer" if damage.is_newer else "damaged")
        self._set_aside_s = time.monotonic()
        renamed = "" if name is None else f"it was renamed to {name} and "
        words = f"{self._path} could not be used ({damage}): {renamed}a new one begun"
        _log.error("%s", words)
        if facts is not None:
            self._memory.begin_at(facts.last_seq)
            self._memory.join(facts)
        self._is_joined = True
        self._memory.write_again()
        try:
            self._take_over(Database(self._path))
        finally:
            self.words = words

    def close(self) -> None:
        """Close what is open."""
        if self._check is not None:
            self._check.stop()
            self._check = None
        self._close_database()

    def _close_database(self) -> None:
        database, self._archive.database = self._archive.database, None
        if database is not None:
            database.close()

    def _take_over(self, database: Database) -> None:
        """Let the database be the one that is open.

        Raises:
            DamagedJournalError: If it is not the one that the memory goes with.
        """
        last_seq = database.facts.last_seq
        if self._is_joined:
            if last_seq > self._memory.last_seq:
                msg = f"it was replaced by one with number {last_seq}, expected at most {self._memory.last_seq}"
                raise DamagedJournalError(msg)
            if last_seq < self._memory.written_seq:
                self.words = f"{self._path} has lost its last events: those in memory are written again"
                _log.error("%s", self.words)
                self._memory.write_again()
        elif not self._memory.join(database.facts):
            msg = f"it has number {last_seq}, which was in use before it could be read"
            raise DamagedJournalError(msg)
        self._is_joined = True
        self._close_database()
        self._archive.database = database
        if self._check is None and self._path is not None and self._path.stat().st_size > CHECKED_AT_OPEN_BYTES:
            self._check = Check(self._path)

    def _salvaged(self, damage: DamagedJournalError) -> Facts:
        known = damage.facts
        return Facts() if known is None else Facts(known.last_seq, known.operated_s, known.accounts)
