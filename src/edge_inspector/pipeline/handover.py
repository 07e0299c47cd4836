"""Hand-over from the capture thread to the inspect thread: bounded, and explicit about what happens when full.

A free-running camera shows the same belt again and again: only its newest frame matters. A triggered camera shows each
part once: first come, first served, and what does not fit is refused loudly. A folder can wait.
"""

import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from edge_inspector.frame import DamagedFrame, DropCause, Frame

_MOST_LIGHT = 500  # frames without a picture that keep their turn; then the source is held up


class WhenFull(StrEnum):
    """What `put` does when no place is left."""

    REPLACE = "replace"  # the oldest goes: newest wins; for sources without parts
    REFUSE = "refuse"  # the new one gives its picture up and keeps its turn
    WAIT = "wait"  # the source is held up


Captured: TypeAlias = Frame | DamagedFrame


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
        self._light = 0
        self._changed = threading.Condition()
        self._closed = self._is_woken = False

    def put(self, item: Captured) -> Captured | None:
        """Hand an item over; return the one whose picture lost its place, the oldest or this one, or None.

        Waits only for a source that can be held up. After `close` there is always a place, so that what was captured
        in the last moment can still be accounted for.
        """
        with self._changed:
            self._changed.wait_for(self._has_place)
            lost = None
            if not self._closed and self._is_full(item):
                if self._options.when_full is WhenFull.REFUSE:
                    lost, item = item, self._without_picture(item)
                else:
                    lost = self._take_oldest()
            self._items.append(item)
            self._light += isinstance(item, DamagedFrame)
            self._changed.notify_all()
            return lost

    def take(self, timeout_s: float | None = None) -> Captured | None:
        """Return the oldest item, waiting for one; None when none came in time, or once closed and empty.

        A frame that was refused comes in its turn as a damaged one, with that cause.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._is_woken or self._items, timeout_s)
            self._is_woken = False
            if not self._items:
                return None
            item = self._take_oldest()
            self._changed.notify_all()
            return item

    def wake(self) -> None:
        """Let whoever waits for an item look around: `take` returns None if there is none."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

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

    def _take_oldest(self) -> Captured:
        item = self._items.popleft()
        self._light -= isinstance(item, DamagedFrame)
        return item

    def _is_full(self, item: Captured) -> bool:
        if self._options.when_full is not WhenFull.REFUSE:
            return len(self._items) >= self._options.size
        return isinstance(item, Frame) and len(self._items) - self._light >= self._options.size

    def _has_place(self) -> bool:
        if self._closed:
            return True
        match self._options.when_full:
            case WhenFull.WAIT:
                return len(self._items) < self._options.size
            case WhenFull.REFUSE:
                return self._light < _MOST_LIGHT
            case WhenFull.REPLACE:
                return True

    def _without_picture(self, captured: Captured) -> DamagedFrame:
        problem = f"{self._options.size} frames were waiting already"
        return DamagedFrame.of(captured, problem, DropCause.QUEUE_OVERFLOW)
