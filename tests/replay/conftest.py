import logging
import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _signals_and_log_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()  # taken off first: the set-up closes what it finds
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for number, handler in before.items():
        signal.signal(number, handler)
