"""Messages to the nucleus of AWS IoT Greengrass, one after the other, over a connection that is not ours."""

import logging
import random
import selectors
import time
from collections.abc import Callable, Collection

from edge_inspector import backoff
from edge_inspector.errors import RefusedError, SinkError
from edge_inspector.journal import Journal
from edge_inspector.sinks.outbox import Outbox, OutboxSink
from edge_inspector.topics import Message, Priority

_ONE = 1  # in flight: so the order is kept over repetitions, and a nucleus with ten slots is not flooded
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 10.0
_SAID_AFTER = 4  # failures in a row: a few are normal where slots are short
_TICK_S = 1.0  # the archive may have had nothing to say for want of a disk

_log = logging.getLogger(__name__)


def retry_wait_s(failures: int, *, jitter: float) -> float:
    """Return how long to wait before a message is tried again, half of it random.

    Args:
        failures: In a row, from 1.
        jitter: Random number in [0, 1].
    """
    return backoff.pause_s(failures - 1, _FIRST_WAIT_S, _LONGEST_WAIT_S, jitter=jitter)


class IpcSink(OutboxSink):
    """Publishes messages by one call of the nucleus, and keeps trying while it takes none.

    Retained topics carry the present: the last payload of each is sent on every connection. Everything else is read
    from the journal and settled there once the nucleus has answered; what got no answer is sent again, before anything
    behind it (at least once, in order). What is refused for good is a dead letter.
    """

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        publish: Callable[[Message], None],
        journal: Journal,
        *,
        name: str,
        wants: Callable[[Message], bool],
        unwanted: Collection[Priority] = (),
        connection: Callable[[], int | None],
        on_undelivered: Callable[[str, Message], None] | None = None,
    ) -> None:
        """Read from the journal from now on; nothing is sent yet.

        Args:
            publish: Waits for the answer; raises RefusedError where there is no hope, else SinkError.
            journal: Holds what is sent.
            name: Under which the journal remembers what was taken; also for the log.
            wants: Whether a message goes this way; others are settled when it is their turn.
            unwanted: Kinds of which it wants none: they are settled at once, also while nothing can be sent.
            connection: Returns the number of the connection that stands, None while there is none; see `wake`.
            on_undelivered: Called with an `Undelivered` cause and the message, from the thread that found out.
        """
        self._publish, self._connection = publish, connection
        self._unwanted = tuple(unwanted)
        outbox = Outbox(name=name, on_undelivered=on_undelivered, wants=wants)
        super().__init__(outbox, journal, reader=name, thread=name)
        # What follows belongs to the thread.
        self._served: int | None = None  # the connection on which the present was sent
        self._failures = 0

    def wake(self) -> None:
        """Look at the connection again; to be called whenever it came or went, from any thread."""
        self._outbox.wake()

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._outbox.waker, selectors.EVENT_READ)
                while not self._is_finished():
                    try:
                        self._advance(selector)
                    except Exception:  # noqa: BLE001 - thread boundary: what comes of one message must not stop the rest
                        _log.exception("%s: failed", self._name)
                        self._pause()
        finally:
            self._outbox.stop_waking()

    def _advance(self, selector: selectors.BaseSelector) -> None:
        """Send one message, or wait until there is one."""
        self._follow_connection()
        for priority in self._unwanted:
            self._reader.pass_over(priority)
        if (taken := self._outbox.take()) is not None:
            self._send(*taken)
        elif not self._is_finished() and selector.select(self._idle_s()):
            self._outbox.clear_waker()

    def _idle_s(self) -> float:
        return max(0.0, min(_TICK_S, self._flush_until_s - time.monotonic()))

    def _is_finished(self) -> bool:
        if not self._stop.is_set():
            return False
        return self._outbox.is_idle or self._connection() is None or time.monotonic() >= self._flush_until_s

    def _follow_connection(self) -> None:
        """Send nothing while there is no connection, and the whole present on a new one."""
        if (number := self._connection()) == self._served:
            return
        self._served, self._failures = number, 0
        self._outbox.shut()
        if number is not None:
            self._outbox.open(_ONE)

    def _send(self, ticket: int, message: Message) -> None:
        try:
            self._publish(message)
        except RefusedError as error:
            self._outbox.refuse(ticket, f"{error}")
            self._say(logging.ERROR, f"{error}", "it is kept as a dead letter")
        except SinkError as error:
            if self._failures + 1 >= _SAID_AFTER:
                self._say(logging.WARNING, f"{error}", f"{self.queued} messages wait; trying again")
            self._pause()
            return
        else:
            self._outbox.settle(ticket)
        if self._failures >= _SAID_AFTER:
            _log.info("%s: it takes messages again", self._name)
            self._said.clear()
        self._failures = 0

    def _pause(self) -> None:
        """Wait before the same message is tried again; its receiver has forgotten nothing."""
        self._failures += 1
        self._outbox.shut()
        if self._stop.wait(retry_wait_s(self._failures, jitter=random.random())):  # noqa: S311 - no secret
            time.sleep(_FIRST_WAIT_S)  # the last tries before leaving
        self._outbox.open(_ONE, forgotten=False)
