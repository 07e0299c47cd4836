"""A mailbox between a camera's thread and its reader: everything in order, few frames, every report."""

import threading
from collections import deque

from edge_inspector.camera import Skipped
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered

_MOST_TURNS = 10_000  # then who brings them is held up: their memory is small, and not for ever


class Mailbox:
    """Holds what the reader has not taken.

    Where frames pile up, the oldest becomes a count of superseded ones; or, where each belongs to a part, the newest
    gives up its picture and keeps its turn.
    """

    def __init__(self, frames: int, *, keeps_turns: bool = False) -> None:
        """Start empty.

        Args:
            frames: How many frames may wait.
            keeps_turns: No frame is ever passed over.
        """
        self._size = frames
        self._keeps_turns = keeps_turns
        self._is_closed = False
        self._pictures = 0  # counted only where turns are kept
        self._items: deque[Delivered] = deque()
        self._changed = threading.Condition()

    def put(self, item: Delivered) -> None:
        """Add an item; never waits."""
        with self._changed:
            if self._keeps_turns:
                self._items.append(self._in_its_turn(item))
            else:
                self._items.append(item)
                self._supersede()
            self._merge(len(self._items) - 1)
            self._changed.notify_all()

    def wait_for_room(self) -> None:
        """Wait while thousands of turns wait for a reader that hangs; for those who bring them, and may be held up."""
        if len(self._items) >= _MOST_TURNS:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or len(self._items) < _MOST_TURNS)

    def close(self) -> None:
        """Hold nobody up any more; what is inside can still be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Delivered | None:
        """Return the oldest item, waiting up to `timeout_s` seconds for one; None if none came."""
        with self._changed:
            if not self._items:
                self._changed.wait_for(lambda: self._items, timeout_s)
            if not self._items:
                return None
            if len(self._items) == _MOST_TURNS:
                self._changed.notify_all()
            item = self._items.popleft()
            self._pictures -= self._keeps_turns and isinstance(item, Frame)
            return item

    def _in_its_turn(self, item: Delivered) -> Delivered:
        if not isinstance(item, Frame):
            return item
        if self._pictures >= self._size:
            return DamagedFrame.of(item, f"{self._size} frames were waiting already", DropCause.QUEUE_OVERFLOW)
        self._pictures += 1
        return item

    def _supersede(self) -> None:
        waiting = [place for place, other in enumerate(self._items) if isinstance(other, Frame | DamagedFrame)]
        if len(waiting) > self._size:
            self._items[waiting[0]] = Skipped(DropCause.SUPERSEDED, 1)
            self._merge(waiting[0])

    def _merge(self, place: int) -> None:
        """Add the count at a place to the one before it, if it is one of the same cause."""
        item, before = self._items[place], self._items[place - 1] if place else None
        if isinstance(item, Skipped) and isinstance(before, Skipped) and item.cause is before.cause:
            self._items[place - 1] = Skipped(item.cause, before.count + item.count)
            del self._items[place]
