"""What the journal says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JournalState:
    """A snapshot.

    Attributes:
        rows: Events on record, those not yet committed included.
        bytes_on_disk: Size of the database and its log.
        pending: Events not yet committed.
        waiting: Events not yet settled, by sink.
        evicted: Events that a sink will never get for want of room or because the file was damaged, by sink and
            priority, since the journal was begun.
        dead_letters: Events that a sink's receiver refused for good, by sink, since the journal was begun.
        lost: Events given up from memory before they were on record, in this session.
        commits: Transactions of this session.
        rows_per_commit: Events in one of them, on average.
        commits_per_hour: Rate over the last hour, or since the start.
        last_commit_age_s: Seconds since the last one; None before the first.
        problem: Why nothing can be committed now, in words; None when all is well.
        set_aside: What became of a damaged file, in words, in this session.
    """

    rows: int
    bytes_on_disk: int
    pending: int
    waiting: Mapping[str, int]
    evicted: Mapping[str, Mapping[str, int]]
    dead_letters: Mapping[str, int]
    lost: int
    commits: int
    rows_per_commit: float
    commits_per_hour: float
    last_commit_age_s: float | None
    problem: str | None
    set_aside: str | None
