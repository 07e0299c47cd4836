"""The deliver thread: results become events here, off the inspect thread, and go to every sink.

A sink that fails never silences the others and never holds up the line: what it refuses is counted. Messages wait in
memory; the durable journal takes over that duty in a later version.
"""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias, assert_never

from edge_inspector.errors import SinkError
from edge_inspector.events import EventWriter, TrackedDefect
from edge_inspector.inspection import InspectionResult
from edge_inspector.ports import EventSink
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)
_RESERVED = 100  # places that results leave to what a station says of itself: alarms, status, goodbye
_QUIET_S = 10.0  # a failing sink is logged once in so many seconds

Item: TypeAlias = InspectionResult | TrackedDefect | Message


class Losses:
    """Counts the messages that were given up, by sink and cause, and says so now and then; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._logged_s: dict[str, float] = {}

    def add(self, name: str, problem: str, count: int = 1) -> None:
        """Count messages.

        Args:
            name: Which sink or queue, and why where it knows: a counter's name.
            problem: The same in words.
            count: How many.
        """
        now_s = time.monotonic()
        with self._lock:
            self._counts[name] += count
            total = self._counts[name]
            quiet = now_s - self._logged_s.get(name, -_QUIET_S) < _QUIET_S
            if not quiet:
                self._logged_s[name] = now_s
        if not quiet:
            _log.warning("not delivered: %s: %s (%d so far)", name, problem, total)

    def counts(self) -> dict[str, int]:
        """Return how many messages were given up, by name."""
        with self._lock:
            return dict(self._counts)


class Deliverer:
    """Hands results and messages to the sinks, in order."""

    def __init__(
        self, writer: EventWriter, sinks: Mapping[str, EventSink], *, queue_size: int, losses: Losses | None = None
    ) -> None:
        """Prepare the queue.

        Args:
            writer: Turns results into messages.
            sinks: By name, for counters and logs.
            queue_size: Results and messages that may wait.
            losses: Where losses are counted, also by sinks that find out later.
        """
        self._writer = writer
        self._sinks = sinks
        self._queue: queue.Queue[Item | None] = queue.Queue()  # `put` keeps it bounded
        self._queue_size = queue_size
        self._losses = Losses() if losses is None else losses
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue a result or message; never blocks. What does not fit, or comes too late, is counted as undelivered."""
        room = self._queue_size + (_RESERVED if isinstance(item, Message) else 0)
        with self._lock:  # nothing gets behind the end that `close` queues
            if self._closed:
                cause, problem = "stopped", "delivery has ended"
            elif self._queue.qsize() >= room:
                cause, problem = "deliver_queue_full", "the queue is full"
            else:
                self._queue.put_nowait(item)
                return
        self._losses.add(cause, problem)

    def close(self, timeout_s: float) -> None:
        """Deliver what is queued, for at most `timeout_s` seconds, and end the thread; what is left is counted."""
        deadline_s = time.monotonic() + timeout_s
        with self._lock:
            self._closed = True
        self._queue.put_nowait(None)
        self._thread.join(max(0.0, deadline_s - time.monotonic()))
        if self._thread.is_alive():
            left = sum(item is not None for item in list(self._queue.queue))
            self._losses.add("stopped", "delivery has ended", left)

    def undelivered(self) -> dict[str, int]:
        """Return how many messages were given up, by sink or cause."""
        return self._losses.counts()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                messages = self._messages_of(item)
            except Exception:  # noqa: BLE001 - thread boundary: one result that cannot be written must not end delivery
                _log.exception("a result could not be written as an event")
                self._losses.add("unwritable", "a result could not be written")
                continue
            for message in messages:
                self._send(message)

    def _messages_of(self, item: Item) -> list[Message]:
        match item:
            case Message():
                return [item]
            case TrackedDefect():
                return [self._writer.of_track(item)]
            case InspectionResult():
                return self._writer.of_result(item)
        assert_never(item)

    def _send(self, message: Message) -> None:
        for name, sink in self._sinks.items():
            try:
                sink.send(message)
            except SinkError as error:
                self._losses.add(name, str(error))
            except Exception as error:  # noqa: BLE001 - thread boundary: a broken sink must not silence the others
                self._losses.add(name, f"{type(error).__name__}: {error}")
