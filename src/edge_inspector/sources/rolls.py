"""Rolls: what each is called, and the wishes of people to end one; they outlive the source that is read."""

import queue
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EndedRoll:
    """What a person learns who ends a roll.

    Attributes:
        roll: The one that ended; None where no line of it had passed.
        lines: How many lines of it had passed.
        next_roll: The one that begins.
    """

    roll: str | None
    lines: int
    next_roll: str


class RollDesk:
    """Numbers rolls, and takes wishes; for any thread, numbers for the one that reads the source."""

    def __init__(self, session_started_at: datetime) -> None:
        """Start before the first roll.

        Args:
            session_started_at: Start of this run of the daemon.
        """
        self._prefix = f"{session_started_at:%Y%m%dT%H%M%S}"
        self._rolls = 0
        self._wishes: queue.SimpleQueue[tuple[str | None, Future[EndedRoll]]] = queue.SimpleQueue()

    def name(self, wanted: str | None = None) -> str:
        """Count a roll that begins, and return what it is called: where nothing is wanted, as no other session's is."""
        self._rolls += 1
        return wanted or f"{self._prefix}-roll-{self._rolls}"

    def end_roll(self, next_roll: str | None = None) -> "Future[EndedRoll]":
        """Wish that the roll ends with the lines that have come.

        Args:
            next_roll: What the next one is called; as `name` calls it when None.
        """
        done: Future[EndedRoll] = Future()
        self._wishes.put((next_roll, done))
        return done

    def wish(self) -> "tuple[str | None, Future[EndedRoll]] | None":
        """Return the next wish that still stands, marked as begun; None where there is none."""
        with suppress(queue.Empty):
            while True:
                wanted, done = self._wishes.get_nowait()
                if done.set_running_or_notify_cancel():
                    return wanted, done
        return None
