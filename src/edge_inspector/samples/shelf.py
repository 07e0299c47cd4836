"""What waits in the spool, as known in memory: the oldest first for each reason, and who goes for want of room."""

from bisect import insort
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from edge_inspector.sampling import BY_VALUE, SampleReason

_BLOCK = 4096  # bytes in which a disk hands out its space
Shelves: TypeAlias = Mapping[SampleReason, "Shelf"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and its sidecar that are stored and not yet uploaded; some 170 bytes of memory.

    Attributes:
        reason: Why it is kept.
        folder: Key of the picture without its last part.
        name: Last part of the key of the picture; begins with the inspection id, so that names sort by age.
        bytes: What both take on the disk.
        edition: Another one whenever a pair takes the place of one of the same key.
    """

    reason: SampleReason
    folder: str
    name: str
    bytes: int
    edition: int = 0

    @property
    def key(self) -> str:
        """Key of the picture."""
        return f"{self.folder}/{self.name}"

    @property
    def sidecar_key(self) -> str:
        """Key of the sidecar."""
        return f"{self.folder}/{self.name.rpartition('.')[0]}.json"


def on_disk(size: int) -> int:
    """Return the bytes that a file of `size` bytes takes on the disk."""
    return -(-size // _BLOCK) * _BLOCK


class Shelf:
    """The pairs of one reason, by age."""

    def __init__(self) -> None:
        self._pairs: deque[Pair] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def __contains__(self, pair: Pair) -> bool:
        return pair in self._pairs

    def add(self, pair: Pair) -> None:
        """Put a pair where its age belongs."""
        if self._pairs and pair.name < self._pairs[-1].name:  # the clock was set back
            insort(self._pairs, pair, key=lambda other: other.name)
        else:
            self._pairs.append(pair)
        self.bytes += pair.bytes

    def remove(self, pair: Pair) -> None:
        """Take a pair out, if it is there."""
        try:
            self._pairs.remove(pair)
        except ValueError:
            return
        self.bytes -= pair.bytes

    def oldest(self, skip: Container[str]) -> Pair | None:
        """Return the oldest pair whose key is not in `skip`, or None."""
        return next((pair for pair in self._pairs if pair.key not in skip), None)


def over_quota(shelf: Shelf, size: int, quota: int, *, held: Pair | None) -> list[Pair]:
    """Return the pairs that go so that `size` more bytes fit into the quota of their reason, the oldest first.

    Args:
        shelf: The pairs of that reason.
        size: Bytes of the newcomer.
        quota: Bytes that all of that reason may take.
        held: A pair that is being uploaded; it stays, and goes soon anyway.
    """
    return _oldest([shelf], shelf.bytes + size - quota, skip={held})[0]


def for_room(
    shelves: Shelves, reason: SampleReason, need: int, *, held: Pair | None, gone: Collection[Pair] = ()
) -> list[Pair] | None:
    """Return the pairs that go so that `need` bytes of the disk become free, never more than that takes.

    The least valuable reason goes first, and within it the oldest; none that is worth more than the newcomer.

    Args:
        shelves: All pairs by reason.
        reason: Of the newcomer.
        need: Bytes.
        held: A pair that is being uploaded; it stays.
        gone: Pairs that go already.

    Returns:
        None where all that may go is not enough; then nobody should.
    """
    worth_no_more = [shelves[other] for other in reversed(BY_VALUE[BY_VALUE.index(reason) :])]
    chosen, still_needed = _oldest(worth_no_more, need, skip={held, *gone})
    return chosen if still_needed <= 0 else None


def _oldest(shelves: Iterable[Shelf], need: int, *, skip: Container[Pair | None]) -> tuple[list[Pair], int]:
    """Return the first pairs that take `need` bytes together, and the bytes that were not found."""
    chosen: list[Pair] = []
    for shelf in shelves:
        for pair in shelf:
            if need <= 0:
                return chosen, need
            if pair not in skip:
                chosen.append(pair)
                need -= pair.bytes
    return chosen, need
