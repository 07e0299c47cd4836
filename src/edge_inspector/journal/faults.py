"""What can be wrong with the journal's file: damage, which a new file heals, or a disk that takes nothing now."""

import sqlite3

from edge_inspector.errors import InspectorError
from edge_inspector.journal.batch import Facts

_DAMAGE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,  # a table or column that should be there is missing
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_CONSTRAINT,
)


class DamagedJournalError(InspectorError):
    """The file cannot be used any more; it is set aside and a new one begun.

    Attributes:
        is_newer: It is whole, and of a newer version of this program.
        facts: What could still be read of it.
    """

    def __init__(self, reason: str, *, is_newer: bool = False, facts: Facts | None = None) -> None:
        super().__init__(reason)
        self.is_newer = is_newer
        self.facts = facts


def is_damage(error: Exception) -> bool:
    """Return whether an error says that the file is damaged, and not that the disk is full, busy or away."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE
