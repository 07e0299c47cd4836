"""The thread-safe side of `Outgoing`: callers put messages in, one network thread takes them out."""

import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from edge_inspector.errors import SinkError
from edge_inspector.sinks.outgoing import Outgoing
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)


class Undelivered(StrEnum):
    """Why a message was not delivered."""

    QUEUE_FULL = "queue_full"  # given up for a more important or a newer one
    REFUSED = "refused"  # by the broker, for good
    CONNECTION_LOST = "connection_lost"  # QoS 0: at most once
    CLOSED = "closed"  # not acknowledged when the sink was closed


class Outbox:
    """Messages on their way, with a window that is open while the broker takes them.

    Its lock is never held while the network is used. `waker` becomes readable when there is something to take.
    """

    def __init__(self, capacity: int, *, name: str, on_undelivered: Callable[[str, Message], None] | None) -> None:
        """Start empty and shut.

        Args:
            capacity: Messages of topics that are not retained, kept at most.
            name: Whom the messages are for, in errors.
            on_undelivered: Called with an `Undelivered` cause and the message, from the thread that found out.
        """
        self._capacity, self._name, self._on_undelivered = capacity, name, on_undelivered
        self._lock = threading.Lock()
        self._outgoing = Outgoing(capacity)
        self._window = 0
        self._is_closed = self._is_woken = False
        self._delivered = 0
        self._undelivered: Counter[str] = Counter()
        self.waker: socket.socket
        self._wake_end: socket.socket

    @property
    def is_open(self) -> bool:
        """Whether the broker takes messages."""
        return self._window > 0

    @property
    def is_idle(self) -> bool:
        """Whether everything was delivered."""
        with self._lock:
            return self._outgoing.is_idle

    @property
    def delivered(self) -> int:
        """Messages acknowledged."""
        return self._delivered

    @property
    def queued(self) -> int:
        """Messages of topics that are not retained, waiting or in flight."""
        return len(self._outgoing)

    @property
    def undelivered(self) -> dict[str, int]:
        """Messages not delivered, by cause."""
        with self._lock:
            return dict(self._undelivered)

    def put(self, message: Message) -> None:
        """Take a message in.

        Raises:
            SinkError: If the outbox is closed, or full of more important messages.
        """
        with self._lock:
            if self._is_closed:
                self._undelivered[Undelivered.CLOSED] += 1
                msg = f"{message.topic}: not taken, {self._name} is closed"
                raise SinkError(msg)
            given_up = self._outgoing.put(message)
            if given_up is message:
                self._undelivered[Undelivered.QUEUE_FULL] += 1
                msg = f"{message.topic}: not taken, {self._capacity} more important messages wait for {self._name}"
                raise SinkError(msg)
            if self._outgoing.in_flight < self._window:
                self._wake()
        if given_up is not None:
            self._give_up(Undelivered.QUEUE_FULL, [given_up])

    def start_waking(self) -> None:
        """Open the waker."""
        self.waker, self._wake_end = socket.socketpair()

    def stop_waking(self) -> None:
        """Close the waker."""
        with self._lock:
            self._is_woken = True
            self.waker.close()
            self._wake_end.close()

    def clear_waker(self) -> None:
        """Make the waker wait for the next message."""
        self.waker.recv(16)
        with self._lock:
            self._is_woken = False

    def open(self, window: int) -> None:
        """Let messages be taken; every retained topic is due again.

        Args:
            window: Messages in flight at most, from 1.
        """
        with self._lock:
            self._window = window
            self._outgoing.connected()

    def take(self) -> tuple[int, Message] | None:
        """Return the next message and the ticket to settle it by; None when nothing may be sent now."""
        with self._lock:
            return self._outgoing.take() if self._outgoing.in_flight < self._window else None

    def settle(self, ticket: int) -> None:
        """Note that the broker has taken a message."""
        with self._lock:
            self._outgoing.settle(ticket)
            self._delivered += 1

    def refuse(self, ticket: int) -> Message:
        """Note that a message can never be delivered, and return it."""
        with self._lock:
            message = self._outgoing.settle(ticket)
        self._give_up(Undelivered.REFUSED, [message])
        return message

    def shut(self) -> None:
        """Keep messages until the next `open`; what was in flight will be sent again."""
        with self._lock:
            self._window = 0
            lost = self._outgoing.disconnected()
        self._give_up(Undelivered.CONNECTION_LOST, lost)

    def close(self) -> None:
        """Take no more messages."""
        with self._lock:
            self._is_closed = True
            self._wake()

    def give_up_rest(self) -> int:
        """Report everything that was not delivered, and return how many messages that was."""
        with self._lock:
            rest = self._outgoing.unacknowledged()
        self._give_up(Undelivered.CLOSED, rest)
        return len(rest)

    def _wake(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            self._wake_end.send(b"\0")

    def _give_up(self, cause: Undelivered, messages: list[Message]) -> None:
        if not messages:
            return
        with self._lock:
            self._undelivered[cause] += len(messages)
        if self._on_undelivered is None:
            return
        for message in messages:
            try:
                self._on_undelivered(cause, message)
            except Exception:  # noqa: BLE001 - a fault of the one who is told must not stop the sending
                _log.exception("on_undelivered failed for %s", message.topic)
