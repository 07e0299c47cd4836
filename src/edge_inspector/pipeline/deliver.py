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
from typing import TypeAlias

from edge_inspector.errors import SinkError
from edge_inspector.events import EventWriter
from edge_inspector.inspection import InspectionResult
from edge_inspector.ports import EventSink
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)
_QUIET_S = 10.0  # a failing sink is logged once in so many seconds

Item: TypeAlias = InspectionResult | Message


class Deliverer:
    """Hands results and messages to the sinks, in order."""

    def __init__(self, writer: EventWriter, sinks: Mapping[str, EventSink], *, queue_size: int) -> None:
        """Prepare the queue.

        Args:
            writer: Turns results into messages.
            sinks: By name, for counters and logs.
            queue_size: Results and messages that may wait.
        """
        self._writer = writer
        self._sinks = sinks
        self._queue: queue.Queue[Item | None] = queue.Queue(queue_size)
        self._lock = threading.Lock()
        self._undelivered: Counter[str] = Counter()
        self._logged_s: dict[str, float] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue a result or message; never blocks. What does not fit, or comes too late, is counted as undelivered."""
        with self._lock:  # nothing gets behind the end that `close` queues
            is_closed = self._closed
            try:
                if not is_closed:
                    self._queue.put_nowait(item)
                    return
            except queue.Full:
                pass
        if is_closed:
            self._count("stopped", "delivery has ended")
        else:
            self._count("deliver_queue_full", "the queue is full")

    def close(self, timeout_s: float) -> None:
        """Deliver what is queued, for at most `timeout_s` seconds, and end the thread; what is left is counted."""
        deadline_s = time.monotonic() + timeout_s
        with self._lock:
            self._closed = True
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            pass
        else:
            self._thread.join(max(0.0, deadline_s - time.monotonic()))
        if self._thread.is_alive():
            left = sum(item is not None for item in list(self._queue.queue))
            _log.warning("stopped with about %d messages that no sink was given", left)
            with self._lock:
                self._undelivered["stopped"] += left

    def undelivered(self) -> dict[str, int]:
        """Return how many messages were given up, by sink or cause."""
        with self._lock:
            return dict(self._undelivered)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                messages = [item] if isinstance(item, Message) else self._writer.of_result(item)
            except Exception:  # noqa: BLE001 - thread boundary: one result that cannot be written must not end delivery
                _log.exception("a result could not be written as an event")
                self._count("unwritable", "a result could not be written")
                continue
            for message in messages:
                self._send(message)

    def _send(self, message: Message) -> None:
        for name, sink in self._sinks.items():
            try:
                sink.send(message)
            except SinkError as error:
                self._count(name, str(error))
            except Exception as error:  # noqa: BLE001 - thread boundary: a broken sink must not silence the others
                self._count(name, f"{type(error).__name__}: {error}")

    def _count(self, name: str, problem: str) -> None:
        now_s = time.monotonic()
        with self._lock:
            self._undelivered[name] += 1
            total = self._undelivered[name]
            quiet = now_s - self._logged_s.get(name, -_QUIET_S) < _QUIET_S
            if not quiet:
                self._logged_s[name] = now_s
        if not quiet:
            _log.warning("not delivered: %s: %s (%d so far)", name, problem, total)
