"""A subscription that shall stand for as long as there is a connection: made, looked after, and made again."""

import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from edge_inspector.errors import RefusedError, SinkError
from edge_inspector.greengrass.heartbeat import Heartbeat
from edge_inspector.greengrass.wire import Client, ServiceFailedError, Stream, Wire

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_REFUSED_WAIT_S = 300.0  # the rights of a component may be changed while it runs

_log = logging.getLogger(__name__)


class Start(Protocol):
    """Subscribes by one of the SDK's operations; `events` are its callbacks."""

    def __call__(self, client: Client, **events: Callable[..., object]) -> tuple[Future[object], Stream]:
        """Return the answer to come, and the stream."""


class Subscription:
    """One stream of events. The link's thread tends it; everything else is for all threads."""

    def __init__(  # noqa: PLR0913 - what one stream needs
        self,
        what: str,
        start: Start,
        on_event: Callable[[Any], None],
        *,
        on_open: Callable[[], None] | None = None,
        is_optional: bool = False,
        pulse: tuple[Heartbeat, Callable[[Wire, bytes], None]] | None = None,
    ) -> None:
        """Begin without a stream.

        Args:
            what: What it is in words, for the log.
            start: Subscribes.
            on_event: Called on the SDK's thread with every event of the SDK; must not wait.
            on_open: Called whenever it stands anew: what came since it stood last was missed.
            is_optional: Some nuclei do not have it, which is no problem.
            pulse: The heartbeat that goes through it, and what publishes its mark.
        """
        self.what, self._start, self._on_event, self._on_open = what, start, on_event, on_open
        self._is_optional, self._pulse = is_optional, pulse
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._has_ended = threading.Event()
        self._is_over = False
        self._due_s, self._wait_s = -math.inf, _FIRST_WAIT_S
        self._said: set[type[SinkError]] = set()
        self._was_ended = False  # by the nucleus, while the connection stood
        self._renewed = 0  # how often it was dead without a word

    def forget(self) -> None:
        """Note that the connection is another one."""
        self._stream, self._was_ended = None, False
        self._due_s, self._wait_s = -math.inf, _FIRST_WAIT_S

    def end(self) -> None:
        """Close it for good; waits for nothing."""
        with self._lock:
            self._is_over = True
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def tend(self, wire: Wire, *, now_s: float, wake: Callable[[], None]) -> float:
        """Do what is due, and return when something is due next, on the monotonic clock.

        Args:
            wire: The connection.
            now_s: Now, on the monotonic clock.
            wake: Called on the SDK's thread when it has to be tended before that.
        """
        if self._stream is not None and self._has_ended.is_set():
            self._stream, self._was_ended = None, True
            self._put_off(now_s)  # most often the connection ends with it, which is told by itself
        if self._stream is not None:
            return self._beat(wire, now_s)
        if now_s >= self._due_s:
            self._open(wire, now_s, wake)
        return self._due_s

    def _open(self, wire: Wire, now_s: float, wake: Callable[[], None]) -> None:
        has_ended = threading.Event()

        def on_closed() -> None:
            has_ended.set()
            wake()

        try:
            stream = wire.subscribe(
                self.what,
                lambda client: self._start(
                    client, on_stream_event=self._take, on_stream_error=_goes_on, on_stream_closed=on_closed
                ),
            )
        except SinkError as error:
            self._cannot(error, now_s)
            return
        with self._lock:
            if self._is_over:
                stream.close()
                return
            self._stream, self._has_ended = stream, has_ended
        if self._was_ended:
            _log.warning("nucleus: %s had been ended by the nucleus, and was made again", self.what)
        self._was_ended = False
        self._said.clear()
        self._wait_s = _FIRST_WAIT_S
        self._due_s = math.inf
        if self._pulse is not None:
            self._pulse[0].begin(now_s)
            self._due_s = now_s
        if self._on_open is not None:
            self._on_open()

    def _take(self, event: object) -> None:
        if not self._is_over:
            self._on_event(event)

    def _beat(self, wire: Wire, now_s: float) -> float:
        if self._pulse is None:
            return math.inf
        heartbeat, publish = self._pulse
        if now_s < heartbeat.due_s:
            return heartbeat.due_s
        if heartbeat.is_lost:
            level = logging.WARNING if heartbeat.was_heard or not self._renewed else logging.DEBUG
            self._renewed += 1
            _log.log(level, "nucleus: %s is dead: nothing comes back any more; making it again", self.what)
            with self._lock:
                stream, self._stream = self._stream, None
            if stream is not None:
                stream.close()
            self._due_s = now_s
            return now_s
        heartbeat.beat(now_s)
        try:
            publish(wire, heartbeat.mark)
        except SinkError as error:
            heartbeat.take_back()
            self._say(error, "its heartbeat is not sent, so that nobody would notice if it were dead")
        return heartbeat.due_s

    def _cannot(self, error: SinkError, now_s: float) -> None:
        if isinstance(error, ServiceFailedError) and self._is_optional:
            if type(error) not in self._said:
                _log.info("nucleus: %s: this nucleus does not have that; going on without it", self.what)
            self._said.add(type(error))
            self._due_s = math.inf
            return
        self._say(error, "going on without it, and trying again")
        if isinstance(error, RefusedError):
            self._due_s = now_s + _REFUSED_WAIT_S
        else:
            self._put_off(now_s)

    def _put_off(self, now_s: float) -> None:
        self._due_s = now_s + self._wait_s
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)

    def _say(self, error: SinkError, consequence: str) -> None:
        level = logging.DEBUG if type(error) in self._said else logging.WARNING
        self._said.add(type(error))
        _log.log(level, "nucleus: %s; %s", error, consequence)


def _goes_on(_error: Exception) -> bool:
    """Keep a stream open on which one event could not be understood."""
    return False
