"""What one transaction writes, and what a database says when it is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_inspector.events import Json
from edge_inspector.journal.entry import Entry
from edge_inspector.journal.place import Standing


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that a sink's receiver refused for good.

    Attributes:
        sink: Whose receiver.
        seq: Number of the entry.
        id: Dedupe key of its event.
        reason: What the receiver answered.
        at: When, as ISO 8601 in UTC.
    """

    sink: str
    seq: int
    id: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes.

    Attributes:
        groups: How many groups of the memory it covers.
        through: The last number on record after it.
        entries: Lane and entry, by number.
        accounts: The accounts as of `through`; those before stay when None.
        standings: The places that changed, none of them beyond `through`.
        dead_letters: New ones.
    """

    groups: int
    through: int
    entries: Sequence[tuple[int, Entry]]
    accounts: Mapping[str, Json] | None
    standings: Sequence[Standing]
    dead_letters: Sequence[DeadLetter]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.groups or self.standings or self.dead_letters)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a database knew when it was opened.

    Attributes:
        last_seq: The last number given, whether or not its entry is still there.
        operated_s: Operating seconds until its last commit.
        accounts: Written with that commit; None if there were none.
        standings: All places.
    """

    last_seq: int = 0
    operated_s: float = 0.0
    accounts: Mapping[str, Json] | None = None
    standings: tuple[Standing, ...] = ()
