"""The moments before a defect: the last frames that were not kept, encoded."""

from collections import deque
from dataclasses import dataclass

from edge_inspector.inspection import InspectionResult
from edge_inspector.samples.pictures import Picture


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """An encoded frame and what was found on its part."""

    result: InspectionResult
    picture: Picture


class Ring:
    """Holds at most `length` frames; for one thread."""

    def __init__(self, length: int) -> None:
        self._seen: deque[Seen] = deque(maxlen=length)

    def add(self, seen: Seen) -> None:
        """Take a frame; the oldest one goes when there are too many."""
        self._seen.append(seen)

    def take(self) -> list[Seen]:
        """Return what it holds, the oldest first, and start over."""
        seen = list(self._seen)
        self._seen.clear()
        return seen
