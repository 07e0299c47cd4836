"""Hand-over from the capture thread to the inspect thread: bounded, and explicit about what happens when full.

A free-running camera shows the same belt again and again: only its newest frame matters. A triggered camera shows each
part once: first come, first served, and what does not fit is refused loudly. A folder can wait.
"""

import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from edge_inspector.frame import DamagedFrame, Frame

_MOST_REFUSED = 10_000  # refused frames that keep their turn; then the source is held up


class WhenFull(StrEnum):
    """What `put` does when no place is left."""

    REPLACE = "replace"  # the oldest goes: newest wins; for sources without parts
    REFUSE = "refuse"  # the new one gives its picture up and keeps its turn
    WAIT = "wait"  # the source is held up


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame that found no place, in its turn; `frame` is what is left of it without its picture."""

    frame: DamagedFrame


Captured: TypeAlias = Frame | DamagedFrame
Queued: TypeAlias = Captured | Refused


@dataclass(frozen=True, slots=True)
class HandoverOptions:
    """Size and behaviour of the hand-over."""

    size: int
    when_full: WhenFull


class Handover:
    """A bounded queue of captured frames between two threads."""

    def __init__(self, options: HandoverOptions) -> None:
        self._options = options
        self._items: deque[Queued] = deque()
        self._refused = 0
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Captured) -> Captured | None:
        """Hand an item over; return the one that it replaced, or None.

        Waits only for a source that can be held up. After `close` there is always a place, so that what was captured
        in the last moment can still be accounted for.
        """
        with self._changed:
            self._changed.wait_for(self._has_place)
            lost = None
            if not self._closed and self._waiting >= self._options.size:
                if self._options.when_full is WhenFull.REFUSE:
                    self._refuse(item)
                    return None
                lost = self._items.popleft()
            self._items.append(item)
            self._changed.notify_all()
            # Only a hand-over that replaces gets here full, and that one holds no refused frames.
            return None if isinstance(lost, Refused) else lost

    def take(self, timeout_s: float | None = None) -> Queued | None:
        """Return the oldest item, waiting for one; None when none came in time, or once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items, timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            self._refused -= isinstance(item, Refused)
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Hold nobody up any more; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether it is closed and empty."""
        with self._changed:
            return self._closed and not self._items

    @property
    def _waiting(self) -> int:
        return len(self._items) - self._refused

    def _has_place(self) -> bool:
        if self._closed:
            return True
        match self._options.when_full:
            case WhenFull.WAIT:
                return len(self._items) < self._options.size
            case WhenFull.REFUSE:
                return self._refused < _MOST_REFUSED
            case WhenFull.REPLACE:
                return True

    def _refuse(self, item: Captured) -> None:
        problem = f"{self._waiting} frames were waiting already"
        self._items.append(Refused(without_picture(item, problem)))
        self._refused += 1
        self._changed.notify_all()


def without_picture(captured: Captured, problem: str) -> DamagedFrame:
    """Return what is left of a captured frame whose picture is given up."""
    return DamagedFrame(
        captured.frame_id,
        captured.captured_at,
        captured.captured_monotonic_ns,
        captured.source,
        captured.part_id,
        problem,
        captured.part_frame,
    )
