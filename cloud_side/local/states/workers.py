"""The threads that move strands, and the one that hands out which: no strand is in two hands, none is forgotten."""

import logging
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.interpreter import Interpreter
from edge_inspector.backoff import pause_s

_log = logging.getLogger(__name__)
_LOOK_S = 0.05  # what other processes wrote is seen after so long
_SHORTEST_REST_S, _LONGEST_REST_S = 0.2, 30.0
_MOST_ATTEMPTS = 3
_MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Workers:
    """Moves the strands of a home; only one of it is there, as only one engine is."""

    def __init__(self, interpreter: Interpreter, count: int, has_changed: Callable[[], bool]) -> None:
        """Be ready to start `count` threads: a call that takes long holds one.

        Args:
            interpreter: Moves one strand.
            count: Strands that are moved at once.
            has_changed: Whether anybody wrote since it was asked last.
        """
        self._interpreter = interpreter
        self._has_changed = has_changed
        self._queue: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._in_hand: set[int] = set()
        self._resting: dict[int, float] = {}
        self._troubles: dict[int, int] = {}
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n + 1}") for n in range(count)]
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatch")

    def start(self) -> None:
        """Begin."""
        for thread in (*self._threads, self._dispatcher):
            thread.start()

    def end(self) -> None:
        """Begin no more; what fails from now on is the next engine's."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """End after the transitions that are under way, with the calls in them."""
        self.end()
        self._dispatcher.join()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _dispatch(self) -> None:
        looks_at = 0.0
        seen = float("inf")  # the clock may have been put back since the last engine ended
        while not self._stop.is_set():
            with self._changed:
                hurried = self._changed.wait(_LOOK_S)
            try:
                if time.time() < seen:
                    self._interpreter.hasten()
                seen = time.time()
                if hurried or self._has_changed() or seen >= looks_at:
                    looks_at = self._hand_out()
            except Exception:  # a thread's end: a full disk or a locked file passes
                _log.exception("what is due cannot be read; trying again")
                self._stop.wait(_SHORTEST_REST_S)

    def _hand_out(self) -> float:
        """Hand out what is due, and return when to look again at the latest, in seconds since 1970."""
        self._interpreter.expire()
        now = time.monotonic()
        with self._changed:
            for strand in [strand for strand, until in self._resting.items() if until <= now]:
                del self._resting[strand]
            held = {*self._in_hand, *self._resting}
        room = 2 * len(self._threads) - len(self._in_hand)
        due = self._interpreter.due(besides=held, most=room) if room > 0 else []
        with self._changed:
            self._in_hand.update(due)
        for strand in due:
            self._queue.put(strand)
        if self._resting or len(due) == room:
            return time.time() + _LOOK_S
        return self._interpreter.next_due_at() or time.time() + _LONGEST_REST_S

    def _work(self) -> None:
        while (strand := self._queue.get()) is not None:
            trouble = None if self._stop.is_set() else self._advance(strand)
            with self._changed:
                if trouble is not None:
                    self._resting[strand] = time.monotonic() + trouble
                self._in_hand.discard(strand)
                self._changed.notify_all()

    def _advance(self, strand: int) -> float | None:
        """Move a strand; return for how long to leave it alone when that did not work."""
        try:
            self._interpreter.advance(strand, is_over=self._stop.is_set)
        except Exception as error:  # a thread's end: the strand is where it was, and nothing of it is lost
            if self._stop.is_set():
                _log.info("strand %d is left to the next engine", strand)
                return None
            return self._troubled(strand, error)
        self._troubles.pop(strand, None)
        return None

    def _troubled(self, strand: int, error: Exception) -> float | None:
        """Try again what may pass; what is our own mistake comes again, and fails where people see it."""
        attempt = self._troubles.pop(strand, 0)
        if attempt >= _MOST_ATTEMPTS and isinstance(error, _MISTAKES):
            _log.exception("strand %d cannot be moved; its execution fails", strand)
            with suppress(sqlite3.Error):  # then it is tried once more, and told then
                self._interpreter.give_up(strand, StateFailure("States.Runtime", repr(error)))
            return None
        self._troubles[strand] = attempt + 1
        _log.exception("strand %d cannot be moved; trying again", strand)
        return pause_s(attempt, _SHORTEST_REST_S, _LONGEST_REST_S, jitter=random.random())  # noqa: S311 - a pause
