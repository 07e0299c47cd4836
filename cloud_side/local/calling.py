"""On whose behalf a service is called: what makes a repeated call answer again instead of acting again.

A task that was cut off by a kill is called once more with the token it had. A service that remembers what it answered
to a token gives that answer and does nothing. A task that is retried is another attempt, with another token.
"""

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

TOKEN_VARIABLE = "EDGE_INSPECTOR_CLIENT_TOKEN"  # noqa: S105 - the name of a variable


@dataclass
class Caller:
    """One attempt of one task, or a function or job that it started.

    Attributes:
        scope: What is forgotten together: the execution's ARN.
        token: Unique for the attempt.
        deadline: `time.monotonic()` after which nobody waits for the answer; None without one.
    """

    scope: str
    token: str
    deadline: float | None = None
    _made: Counter[str] = field(default_factory=Counter)
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def key(self, call: str) -> str:
        """Return the key of this call: the same one when the same calls are made again in the same order.

        Args:
            call: Operation and parameters, or their hash.
        """
        with self._counting:
            self._made[call] += 1
            return f"{self.token}/{call}/{self._made[call]}"


class _Process:
    """For whom all threads of this process act, where it acts for one caller at a time."""

    caller: Caller | None = None


_process = _Process()
_current: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller | None:
    """Return who calls; None for a person or program of its own."""
    return _current.get() or _process.caller


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Make every service call of the block one of this caller's."""
    before = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(before)


def as_variable(caller: Caller) -> dict[str, str]:
    """Return the environment by which a process acts for a caller."""
    return {TOKEN_VARIABLE: json.dumps([caller.scope, caller.token])}


def act_for(caller: Caller | None) -> None:
    """Make every service call of this process, in any thread, one of this caller's."""
    _process.caller = caller


def act_for_parent() -> None:
    """Make every service call of this process one of the caller's in whose name it was started, if there is one."""
    if (value := os.environ.get(TOKEN_VARIABLE)) is not None:
        scope, token = json.loads(value)
        act_for(Caller(scope, token))
