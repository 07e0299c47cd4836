"""The link to the nucleus: a connection that is made, and made again, with every subscription on it."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from edge_inspector import backoff
from edge_inspector.errors import SinkError
from edge_inspector.greengrass.environment import NucleusEnvironment
from edge_inspector.greengrass.subscription import Subscription
from edge_inspector.greengrass.wire import Client, Dialer, TokenRefusedError, Wire

_MOST_REFUSALS = 3  # in a row, after which the token is taken for dead
_END_S = 0.2  # who hangs ends with the process: together less than a stop may take

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait between attempts to connect, in seconds.

    Attributes:
        first_s: After the first failure; doubled with every further one.
        longest_s: At most.
        refused_s: After a refusal of a token that is taken for dead: trying again is all that is left then.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    refused_s: float = 60.0

    def wait_s(self, failures: int, *, jitter: float) -> float:
        """Return how long to wait, half of it random.

        Args:
            failures: Since the last good connection, from 0.
            jitter: Random number in [0, 1].
        """
        return backoff.pause_s(failures, self.first_s, self.longest_s, jitter=jitter)


class Link:
    """Keeps a connection for as long as it is entered; for all threads."""

    def __init__(self, environment: NucleusEnvironment, *, timeout_s: float, pace: Pace) -> None:
        """Connect to nothing yet.

        Args:
            environment: Where the nucleus is.
            timeout_s: What an answer may take.
            pace: How long to wait between attempts.
        """
        self._environment, self._timeout_s, self._pace = environment, timeout_s, pace
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wire: Wire | None = None
        self._number = 0
        self._refusals = 0
        self._problem: str | None = "not yet connected"
        self._subscriptions: tuple[Subscription, ...] = ()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="nucleus", daemon=True)

    def __enter__(self) -> Self:
        """Start to connect, and return at once."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the connection."""
        self._stop.set()
        self._wake.set()
        self._thread.join(_END_S)

    @property
    def connection(self) -> int | None:
        """The number of the connection that stands, another one for every connection; None while there is none."""
        with self._lock:
            return None if self._wire is None else self._number

    @property
    def problem(self) -> str | None:
        """Why there is no connection; None while there is one."""
        with self._lock:
            return self._problem

    @property
    def token_is_dead(self) -> bool:
        """Whether the nucleus has refused our token again and again: only a new process gets another one."""
        return self._refusals >= _MOST_REFUSALS

    def wait_until_connected(self, timeout_s: float) -> bool:
        """Wait for a connection; return whether there is one."""
        with self._lock:
            return self._changed.wait_for(lambda: self._wire is not None, timeout_s)

    def ask(self, what: str, start: Callable[[Client], Future[T]]) -> T:
        """Send one request on the connection that stands, and return its answer.

        Raises:
            RefusedError, ServiceFailedError, SinkError: As `Wire.ask`; SinkError too while there is no connection.
        """
        with self._lock:
            wire = self._wire
        if wire is None:
            msg = f"{what}: there is no connection to the nucleus"
            raise SinkError(msg)
        return wire.ask(what, start)

    @contextmanager
    def subscribed(self, subscription: Subscription) -> Iterator[None]:
        """Keep a subscription on every connection, from soon after entering to leaving."""
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        self._wake.set()
        try:
            yield
        finally:
            with self._lock:
                self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)
            subscription.end()

    @contextmanager
    def listening(self, tell: Callable[[], None]) -> Iterator[None]:
        """Have `tell` called, on the link's thread, whenever the connection came or went; quick, and never failing."""
        with self._lock:
            self._listeners = (*self._listeners, tell)
        try:
            yield
        finally:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not tell)

    def _run(self) -> None:
        dialer = Dialer(self._environment, timeout_s=self._timeout_s)
        failures, wait_s = -1, 0.0
        while not self._stop.is_set():
            began_s, has_stood = time.monotonic(), False
            try:
                has_stood = self._hold_once(dialer)
            except Exception:  # noqa: BLE001 - thread boundary: whatever the SDK does, the next connection may stand
                _log.exception("nucleus: the connection failed")
            stood_s = time.monotonic() - began_s if has_stood else 0.0
            failures = 0 if stood_s > wait_s else failures + 1
            wait_s = self._pace.wait_s(failures, jitter=random.random())  # noqa: S311 - no secret
            self._stop.wait(max(wait_s, self._pace.refused_s) if self.token_is_dead else wait_s)

    def _hold_once(self, dialer: Dialer) -> bool:
        """Hold one connection, from the attempt to its end; return whether it stood at all."""
        has_ended = threading.Event()

        def on_end() -> None:
            has_ended.set()
            self._wake.set()

        try:
            wire = dialer.dial(on_end=on_end)
        except SinkError as error:
            self._failed(error)
            return False
        self._refusals = 0
        for subscription in self._subscriptions:
            subscription.forget()
        self._become(wire, None)
        _log.info("nucleus: connected to %s", self._environment.socket)
        try:
            while not (has_ended.is_set() or self._stop.is_set()):
                self._wake.wait(min(self._tend(wire) - time.monotonic(), threading.TIMEOUT_MAX))
                self._wake.clear()
        finally:
            self._become(None, "the connection was lost")
            wire.close()
        if not self._stop.is_set():
            _log.warning("nucleus: the connection was lost; the line runs on; trying again")
        return True

    def _tend(self, wire: Wire) -> float:
        """Do what is due for the subscriptions; return when something is due next, on the monotonic clock."""
        due_s = math.inf
        for subscription in self._subscriptions:
            due_s = min(due_s, subscription.tend(wire, now_s=time.monotonic(), wake=self._wake.set))
        return due_s

    def _failed(self, error: SinkError) -> None:
        problem, is_refusal = str(error), isinstance(error, TokenRefusedError)
        self._refusals += is_refusal
        with self._lock:
            is_known, self._problem = problem == self._problem, problem
        if is_refusal and self._refusals == _MOST_REFUSALS:
            _log.error("nucleus: %s, %d times in a row: only a new process gets a new one", problem, _MOST_REFUSALS)
        else:
            level = logging.DEBUG if is_known else logging.WARNING
            _log.log(level, "nucleus: %s; the line runs on; trying again", problem)

    def _become(self, wire: Wire | None, problem: str | None) -> None:
        with self._lock:
            self._number += wire is not None
            self._wire, self._problem = wire, problem
            self._changed.notify_all()
            listeners = self._listeners
        for tell in listeners:
            tell()
