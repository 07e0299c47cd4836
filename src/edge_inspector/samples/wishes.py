"""Wishes: that the next result which has pictures is kept, because a person asked for it."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

from edge_inspector.samples.given_up import NotKept, NotStoredError

_WORDS = {
    NotKept.OVER_BUDGET: "the budget of samples.operator is spent",
    NotKept.STOPPED: "the station stops",
}


class Wishes:
    """Those that wait for their frame; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes: list[Future[str]] = []
        self._is_closed = False

    def make(self) -> Future[str]:
        """Return a new one: it gets the key of a sample, or `NotStoredError`. Cancel it to take it back."""
        wish: Future[str] = Future()
        with self._lock:
            self._wishes.append(wish)
            is_closed = self._is_closed
        if is_closed:
            self.close()
        return wish

    def take(self) -> list[Future[str]]:
        """Return those that nobody has taken back, each of which must be granted or refused, and forget them."""
        with self._lock:
            wishes, self._wishes = self._wishes, []
        return [wish for wish in wishes if wish.set_running_or_notify_cancel()]

    def close(self) -> None:
        """Refuse all, and all that are still made."""
        with self._lock:
            self._is_closed = True
        refuse(self.take(), NotKept.STOPPED)


def grant(wishes: Sequence[Future[str]], key: str) -> None:
    """Tell the key of the sample that was chosen."""
    for wish in wishes:
        wish.set_result(key)


def refuse(wishes: Sequence[Future[str]], cause: NotKept) -> None:
    """Tell why a frame that came is not kept."""
    for wish in wishes:
        wish.set_exception(NotStoredError(cause, f"the frame is not kept: {_WORDS[cause]}"))
