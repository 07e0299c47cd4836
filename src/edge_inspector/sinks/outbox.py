"""Messages on their way to a broker: what is now, then what waits in the journal, within a window."""

import logging
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edge_inspector.errors import SinkError
from edge_inspector.sinks.present import Present
from edge_inspector.topics import Message

if TYPE_CHECKING:
    from edge_inspector.journal import Entry, Journal, Reader

FLUSH_S = 0.5
_LATE_S = 0.2  # then a thread that hangs, as in a wait for a dead host, is left to end by itself

_log = logging.getLogger(__name__)


class Undelivered(StrEnum):
    """Why a message was not delivered, and never will be."""

    REFUSED = "refused"  # by the broker, for good
    CLOSED = "closed"  # of a retained topic, not acknowledged when the sink was closed


class Outbox:
    """Messages on their way, with a window that is open while the broker takes them.

    Its lock is never held while the network is used. `waker` becomes readable when there is something to take.

    Attributes:
        name: Whom the messages are for, in words.
    """

    def __init__(
        self,
        *,
        name: str,
        on_undelivered: Callable[[str, Message], None] | None,
        wants: Callable[[Message], bool] = lambda _: True,
    ) -> None:
        """Start empty and shut.

        Args:
            name: Whom the messages are for, in errors and the log.
            on_undelivered: Called with an `Undelivered` cause and the message, from the thread that found out.
            wants: Whether a message is for them; others are passed over.
        """
        self.name, self._on_undelivered, self._wants = name, on_undelivered, wants
        self._lock = threading.Lock()
        self._present = Present()
        self._entries: dict[int, Entry] = {}  # of the journal, in flight, by ticket
        self._tickets = count(-1, -1)
        self._window = 0
        self._is_closed, self._is_woken = False, True  # nobody listens before `start_waking`
        self._delivered = 0
        self._undelivered: Counter[str] = Counter()
        self.reader: Reader
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
            return self._present.is_idle and not self.reader.waiting

    @property
    def delivered(self) -> int:
        """Messages acknowledged."""
        return self._delivered

    @property
    def undelivered(self) -> dict[str, int]:
        """Messages not delivered, by cause."""
        with self._lock:
            return dict(self._undelivered)

    def put(self, message: Message) -> None:
        """Take the new present of a retained topic.

        Raises:
            SinkError: If the outbox is closed.
        """
        if not self._wants(message):
            return
        with self._lock:
            if not self._is_closed:
                self._present.put(message)
                self._wake()
                return
            self._undelivered[Undelivered.CLOSED] += 1
        msg = f"{message.topic}: not taken, {self.name} is closed"
        raise SinkError(msg)

    def wake(self) -> None:
        """Tell the network thread that the journal holds something new; for any thread."""
        with self._lock:
            self._wake()

    def start_waking(self) -> None:
        """Open the waker."""
        with self._lock:
            self.waker, self._wake_end = socket.socketpair()
            self._is_woken = False

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

    def open(self, window: int, *, forgotten: bool = True) -> None:
        """Let messages be taken.

        Args:
            window: Messages in flight at most, from 1.
            forgotten: The receiver may have forgotten everything: every retained topic is due again.
        """
        with self._lock:
            self._window = window
            if forgotten:
                self._present.connected()

    def take(self) -> tuple[int, Message] | None:
        """Return the next message and the ticket to settle it by; None when nothing may be sent now."""
        with self._lock:
            if self._present.in_flight + len(self._entries) >= self._window:
                return None
            if (taken := self._present.take()) is not None:
                return taken
        # Without the lock: a sink that is behind reads from the disk here, and `wake` must not wait for that.
        while (entry := self.reader.take()) is not None and not self._wants(entry.message):
            self.reader.settle(entry)
        if entry is None:
            return None
        with self._lock:
            ticket = next(self._tickets)
            self._entries[ticket] = entry
            return ticket, entry.message

    def settle(self, ticket: int) -> None:
        """Note that the broker has taken a message."""
        with self._lock:
            self._delivered += 1
            if ticket < 0:
                self.reader.settle(self._entries.pop(ticket))
            else:
                self._present.settle(ticket)

    def refuse(self, ticket: int, reason: str) -> Message:
        """Note that a message can never be delivered, and return it; the journal keeps it with its dead letters."""
        with self._lock:
            if ticket < 0:
                entry = self._entries.pop(ticket)
                message = entry.message
                self.reader.refuse(entry, reason)
            else:
                message = self._present.settle(ticket)
        self._give_up(Undelivered.REFUSED, [message])
        return message

    def shut(self) -> None:
        """Keep messages until the next `open`; what was in flight will be sent again."""
        with self._lock:
            self._window = 0
            self._present.disconnected()
            self._entries.clear()
            self.reader.rewind()

    def close(self) -> None:
        """Take no more messages."""
        with self._lock:
            self._is_closed = True
            self._wake()

    def give_up_rest(self) -> None:
        """Report the retained topics of which the broker has not acknowledged the present."""
        with self._lock:
            rest = self._present.unacknowledged()
        self._give_up(Undelivered.CLOSED, rest)

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


class OutboxSink(ABC):
    """A sink that sends from an outbox, on a thread of its own: an `EventSink`.

    Used as a context manager: entering starts the thread; leaving flushes for at most `FLUSH_S` and reports what waits.
    """

    def __init__(self, outbox: Outbox, journal: "Journal", *, reader: str, thread: str) -> None:
        """Join outbox and journal; nothing is sent yet.

        Args:
            outbox: What is on its way.
            journal: Holds what is sent.
            reader: Name under which the journal remembers what the receiver has taken.
            thread: Name of the thread.
        """
        self._outbox, self._name = outbox, outbox.name
        self._reader = outbox.reader = journal.reader(reader, wake=outbox.wake)
        self._stop = threading.Event()
        self._flush_until_s = float("inf")
        self._thread = threading.Thread(target=self._run, name=thread, daemon=True)
        self._said: set[str] = set()  # problems since all was well; belongs to that thread

    def __enter__(self) -> Self:
        """Start to send, and return at once."""
        self._outbox.start_waking()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Send what waits for at most `FLUSH_S`, and report what was not delivered."""
        self.stop()
        self._thread.join(max(0.0, self._flush_until_s + _LATE_S - time.monotonic()))
        self._outbox.give_up_rest()
        if waiting := self.queued:
            _log.warning("%s: closed while %d messages wait in the journal", self._name, waiting)

    def stop(self) -> None:
        """Take nothing more, and send what waits for at most `FLUSH_S` from now; to be left afterwards."""
        if not self._stop.is_set():
            self._flush_until_s = time.monotonic() + FLUSH_S
            self._stop.set()
            self._outbox.close()

    @property
    def delivered(self) -> int:
        """Messages that the receiver has acknowledged, retained ones sent again included."""
        return self._outbox.delivered

    @property
    def queued(self) -> int:
        """Messages of the journal, waiting or not yet acknowledged."""
        return self._reader.waiting

    @property
    def undelivered(self) -> dict[str, int]:
        """Messages not delivered, by `Undelivered` cause."""
        return self._outbox.undelivered

    def send(self, message: Message) -> None:
        """Take the new present of a retained topic; returns at once. Every other message comes from the journal.

        Raises:
            SinkError: If the sink is closed.
        """
        if message.delivery.retain:
            self._outbox.put(message)

    @abstractmethod
    def _run(self) -> None:
        """Send until the stop, and until `_flush_until_s` at most; at the end stop the waking."""

    def _say(self, level: int, problem: str, consequence: str) -> None:
        """Log a problem, once until all is well again."""
        known = problem in self._said
        self._said.add(problem)
        _log.log(logging.DEBUG if known else level, "%s: %s; %s", self._name, problem, consequence)
