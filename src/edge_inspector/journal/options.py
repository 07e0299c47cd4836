"""How much the journal keeps, and how long an event may wait for its sync to the disk."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """The bounds of a journal.

    Undelivered events are bounded by the quotas, not by what is kept: where quotas allow more, they win.

    Attributes:
        commit_rows: Events that one sync to the disk waits for at most; what one `append` brings is never divided.
        commit_s: Longest wait of an event for its sync, in seconds.
        keep_s: Operating seconds that delivered events are kept; time that the daemon does not run is not counted.
        keep_rows: Events kept at most.
        keep_bytes: Bytes of the database file in use at most.
        quota_rows: Events that may wait for one sink.
        quota_bytes: Bytes of their topics and payloads.
    """

    commit_rows: int = 20
    commit_s: float = 0.1
    keep_s: float = 30 * 86_400
    keep_rows: int = 1_000_000
    keep_bytes: int = 1 << 30
    quota_rows: int = 500_000
    quota_bytes: int = 512 << 20
