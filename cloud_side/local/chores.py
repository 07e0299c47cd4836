"""What an engine does beside its executions: each chore takes turns on a thread of its own."""

import logging
import random
import threading
from collections.abc import Iterable
from typing import Protocol

from edge_inspector.backoff import pause_s

_log = logging.getLogger(__name__)
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0


class Chore(Protocol):
    """Something that is looked after again and again."""

    name: str

    def turn(self) -> float:
        """Do what is due, in short steps, and return after how many seconds to look again."""
        ...

    def close(self) -> None:
        """Let go of what it holds; no turn is running, and none comes after."""
        ...


class ChoreThreads:
    """Gives each chore its turns until it is stopped."""

    def __init__(self, chores: Iterable[Chore]) -> None:
        """Be ready to start."""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(chore,), name=chore.name) for chore in chores]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the turns that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, chore: Chore) -> None:
        troubles = 0
        while not self._stop.is_set():
            try:
                pause = chore.turn()
                troubles = 0
            except Exception:  # a thread's end: what is due is still due, e.g. once the disk has room again
                pause = pause_s(troubles, _SHORTEST_PAUSE_S, _LONGEST_PAUSE_S, jitter=random.random())  # noqa: S311
                troubles += 1
                _log.exception("%s: failed; trying again in %.1f s", chore.name, pause)
            self._stop.wait(pause)
        try:
            chore.close()
        except Exception:
            _log.exception("%s: did not close well", chore.name)
