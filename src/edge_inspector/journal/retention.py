"""What is no longer kept: rows that every reader has passed, the oldest first."""

from collections.abc import Sequence

from edge_inspector.journal.database import Database, OldRow
from edge_inspector.journal.entry import LANES
from edge_inspector.journal.memory import Memory
from edge_inspector.journal.options import JournalOptions

_AT_ONCE = 1000  # rows of one transaction; more than come between two calls
_ROW_BYTES = 100  # what a row takes beside its topic and payload


def choose(rows: Sequence[OldRow], *, older_than_s: float, rows_over: int, bytes_over: int) -> list[OldRow]:
    """Return which rows go.

    Args:
        rows: Candidates, oldest first.
        older_than_s: Rows written before this operating second go.
        rows_over: So many go at least.
        bytes_over: Bytes that have to become free at least.
    """
    count = freed = 0
    for row in rows:
        if row.operated_s >= older_than_s and count >= rows_over and freed >= bytes_over:
            break
        count, freed = count + 1, freed + row.bytes + _ROW_BYTES
    return list(rows[:count])


def delete_some(
    database: Database, memory: Memory, options: JournalOptions, *, rows: int, operated_s: float
) -> tuple[int, bool]:
    """Delete what is no longer kept, a bounded number of rows.

    Operating seconds count, not the date: a clock that jumps deletes nothing.

    Args:
        database: Where from.
        memory: Knows what readers have passed, and is told what is gone.
        options: What is kept.
        rows: How many there are.
        operated_s: Operating seconds now.

    Returns:
        How many rows were deleted, and whether there may be more to delete.

    Raises:
        sqlite3.Error: If the disk does not take it.
    """
    older_than_s = operated_s - options.keep_s
    rows_over, bytes_over = rows - options.keep_rows, database.used_bytes() - options.keep_bytes
    through = memory.passed()
    at_most = _AT_ONCE if rows_over > 0 or bytes_over > 0 else 1
    oldest = [row for lane in LANES for row in database.oldest(lane, through[lane], at_most)]
    if at_most == 1 and any(row.operated_s < older_than_s for row in oldest):
        oldest = [row for lane in LANES for row in database.oldest(lane, through[lane], _AT_ONCE)]
    oldest.sort(key=lambda row: row.seq)
    doomed = choose(oldest[:_AT_ONCE], older_than_s=older_than_s, rows_over=rows_over, bytes_over=bytes_over)
    if doomed:
        database.delete(doomed)
        memory.deleted([(row.lane, row.seq) for row in doomed])
    return len(doomed), len(doomed) == _AT_ONCE
