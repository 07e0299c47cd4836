"""The end that somebody else asks for: a spot machine is taken away two minutes after its signal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from edge_inspector.errors import InspectorError

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class TrainingStoppedError(InspectorError):
    """Somebody stopped the training; it goes on from its checkpoint when it is started again."""


class Stop:
    """Whether the end was asked for."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End after the step that is being done."""
        self.asked = True


@contextmanager
def stopping_on_signals() -> Iterator[Stop]:
    """Give a wish for the end that signals express; other threads than the first get no signals."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.ask) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
