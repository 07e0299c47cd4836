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

Captured: TypeAlias = Frame | DamagedFrame


class WhenFull(StrEnum):
    """What `put` does when no place is left."""

    REPLACE = "replace"  # the oldest goes: newest wins
    REFUSE = "refuse"  # the new one goes
    WAIT = "wait"  # the source is held up


@dataclass(frozen=True, slots=True)
class HandoverOptions:
    """Size and behaviour of the hand-over."""

    size: int
    when_full: WhenFull


class Handover:
    """A bounded queue of captured frames between two threads."""

    def __init__(self, options: HandoverOptions) -> None:
        self._options = options
        self._items: deque[Captured] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Captured) -> Captured | None:
        """Hand an item over; return the one that lost its place, or None.

        Waits only for a source that can be held up. After `close` the item itself is returned.
        """
        with self._changed:
            if self._options.when_full is WhenFull.WAIT:
                self._changed.wait_for(lambda: self._closed or len(self._items) < self._options.size)
            if self._closed:
                return item
            lost = None
            if len(self._items) >= self._options.size:
                if self._options.when_full is WhenFull.REFUSE:
                    return item
                lost = self._items.popleft()
            self._items.append(item)
            self._changed.notify_all()
            return lost

    def take(self) -> Captured | None:
        """Return the oldest item, waiting for one; None once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Take no more items; those inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
