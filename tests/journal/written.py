"""Messages for journals, with a number to know them by, and what is in a journal's file."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_inspector.journal import Journal, JournalOptions, Reader
from edge_inspector.journal.tail import RECENT
from edge_inspector.topics import CATALOGUE, Channel, Delivery, Message, Priority

PATIENCE_S = 30.0
BEHIND = 3 * RECENT  # entries of a lane, of which the first are no longer in memory
AT_ONCE = JournalOptions(commit_s=0.01)
NOT_YET = JournalOptions(commit_rows=1_000_000, commit_s=3600.0)  # commits when it is told to

_STATS = Delivery(0, retain=False, priority=Priority.STATS, content="")  # the catalogue has none that is queued


def result(number: int, *, size: int = 200) -> Message:
    """Return an accepted result."""
    payload = b'{"number":%d}' % number
    return Message("hall/top/result", payload.ljust(size), CATALOGUE[Channel.RESULT], f"{number}/inspection.completed")


def alert(number: int, *, size: int = 200) -> Message:
    payload = b'{"number":%d}' % number
    return Message("hall/top/defect", payload.ljust(size), CATALOGUE[Channel.DEFECT], f"{number}/defect.detected")


def stats(number: int, *, size: int = 200) -> Message:
    return Message("hall/figures", (b'{"number":%d}' % number).ljust(size), _STATS, f"{number}/figures")


def alarm(number: int) -> Message:
    payload = b'{"number":%d}' % number
    return Message("hall/alarm/smoke", payload, CATALOGUE[Channel.ALARM], f"{number}/alarm.raised")


def number_of(message: Message) -> int:
    return int(message.id.split("/")[0])


def silent() -> None:
    """Wake nobody."""


def reader_of(journal: Journal, sink: str = "sink") -> Reader:
    return journal.reader(sink, wake=silent)


def drain(reader: Reader, *, settle: bool = True) -> list[int]:
    """Take all that is there, settle it, and return the numbers."""
    numbers = []
    while (entry := reader.take()) is not None:
        numbers.append(number_of(entry.message))
        if settle:
            reader.settle(entry)
    return numbers


def eventually(holds: Callable[[], object], *, what: str) -> None:
    """Wait for something that another thread brings about."""
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s, f"never came true: {what}"
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Written:
    """What is in a journal's file.

    Attributes:
        numbers: Of the events, in order.
        ids: Of the events, in order.
        seqs: Of the rows, in order.
        cursors: By sink and lane.
        accounts: As they were written, as text.
    """

    numbers: list[int]
    ids: list[str]
    seqs: list[int]
    cursors: dict[tuple[str, int], int]
    accounts: str | None

    @classmethod
    def read(cls, path: Path) -> "Written":
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("BEGIN")
            rows: list[tuple[int, str]] = database.execute("SELECT seq, id FROM events ORDER BY seq").fetchall()
            places: list[Any] = database.execute("SELECT sink, lane, cursor FROM places").fetchall()
            accounts: str | None = database.execute("SELECT accounts FROM facts").fetchone()[0]
        ids = [row[1] for row in rows]
        return cls(
            [int(each.split("/")[0]) for each in ids],
            ids,
            [row[0] for row in rows],
            {(sink, lane): cursor for sink, lane, cursor in places},
            accounts,
        )
