"""A mailbox between a camera's thread and its reader: everything in order, few frames, every report."""

import threading
from collections import deque

from edge_inspector.camera import Skipped
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered


class Mailbox:
    """Holds what the reader has not taken; where frames pile up, the oldest becomes a count of superseded ones."""

    def __init__(self, frames: int) -> None:
        """Start empty.

        Args:
            frames: How many frames may wait.
        """
        self._size = frames
        self._items: deque[Delivered] = deque()
        self._changed = threading.Condition()

    def put(self, item: Delivered) -> None:
        """Add an item; never waits."""
        with self._changed:
            self._items.append(item)
            waiting = [place for place, other in enumerate(self._items) if isinstance(other, Frame | DamagedFrame)]
            if len(waiting) > self._size:
                self._items[waiting[0]] = Skipped(DropCause.SUPERSEDED, 1)
                self._merge(waiting[0])
            self._merge(len(self._items) - 1)
            self._changed.notify()

    def take(self, timeout_s: float) -> Delivered | None:
        """Return the oldest item, waiting up to `timeout_s` seconds for one; None if none came."""
        with self._changed:
            if not self._items:
                self._changed.wait_for(lambda: self._items, timeout_s)
            return self._items.popleft() if self._items else None

    def _merge(self, place: int) -> None:
        """Add the count at a place to the one before it, if it is one of the same cause."""
        item, before = self._items[place], self._items[place - 1] if place else None
        if isinstance(item, Skipped) and isinstance(before, Skipped) and item.cause is before.cause:
            self._items[place - 1] = Skipped(item.cause, before.count + item.count)
            del self._items[place]
