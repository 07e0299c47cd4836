"""The deliver thread: results become events here, off the inspect thread, go on record and to every sink.

A sink that fails never silences the others and never holds up the line: what it refuses is counted. Sinks that must
not lose what their network does not take read the record themselves, each from where it was.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, assert_never

from edge_inspector.errors import SinkError
from edge_inspector.events import EventWriter, TrackedDefect
from edge_inspector.inspection import InspectionResult
from edge_inspector.pipeline.accounts import Accounts
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.ports import EventRecord, EventSink
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)
_RESERVED = 100  # places that results leave to what a station says of itself: alarms, status, goodbye
_QUIET_S = 10.0  # a failing sink is logged once in so many seconds


@dataclass(frozen=True, slots=True)
class Counted:
    """A result, or none, with this session's accounts in which it is counted: both go on record in one step."""

    accounts: Accounts
    result: InspectionResult | None = None


Item: TypeAlias = InspectionResult | TrackedDefect | Message | Counted


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


class Stage(Protocol):
    """Who is told when the thread works and when it waits."""

    def busy(self) -> None:
        """Note a piece of work."""

    def idle(self) -> None:
        """Note that there is none."""


class Deliverer:
    """Hands results and messages to the record and the sinks, in order.

    Attributes:
        stage: Is told of the thread's work; may be set before the start.
    """

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        writer: EventWriter,
        sinks: Mapping[str, EventSink],
        *,
        queue_size: int,
        losses: Losses | None = None,
        record: EventRecord | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """Prepare the queue.

        Args:
            writer: Turns results into messages.
            sinks: By name, for counters and logs.
            queue_size: Results and messages that may wait.
            losses: Where losses are counted, also by sinks that find out later.
            record: Takes every message before the sinks do; nothing is recorded when None.
            ledger: Knows the accounts before this session.
        """
        self._writer = writer
        self._sinks = sinks
        self._record = record
        self._ledger = Ledger() if ledger is None else ledger
        self._queue: deque[Item] = deque()
        self._queue_size = queue_size
        self._losses = Losses() if losses is None else losses
        self.stage: Stage | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, item: Item, *, wait_s: float = 0.0) -> None:
        """Queue a result or message. What does not fit, or comes too late, is counted as undelivered.

        Args:
            item: What to deliver.
            wait_s: How long to wait for room at most; for a line that can be held up.
        """
        is_small = isinstance(item, Message) or (isinstance(item, Counted) and item.result is None)
        room = self._queue_size + (_RESERVED if is_small else 0)
        with self._changed:
            if wait_s and len(self._queue) >= room:
                self._changed.wait_for(lambda: self._closed or len(self._queue) < room, wait_s)
            if self._closed:
                cause, problem = "stopped", "delivery has ended"
            elif len(self._queue) >= room:
                cause, problem = "deliver_queue_full", "the queue is full"
            else:
                self._queue.append(item)
                self._changed.notify_all()
                return
        self._losses.add(cause, problem)

    def close(self, timeout_s: float) -> None:
        """Deliver what is queued, for at most `timeout_s` seconds, and end the thread; what is left is counted."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            with self._changed:
                left = len(self._queue)
                self._queue.clear()
            self._losses.add("stopped", "delivery has ended", left)

    def undelivered(self) -> dict[str, int]:
        """Return how many messages were given up, by sink or cause."""
        return self._losses.counts()

    def _next(self) -> Item | None:
        if self.stage is not None:
            self.stage.idle()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queue)
            if not self._queue:
                return None
            item = self._queue.popleft()
            if self.stage is not None:
                self.stage.busy()
            if len(self._queue) == self._queue_size - 1:
                self._changed.notify_all()  # for one that waits for room
            return item

    def _run(self) -> None:
        while (item := self._next()) is not None:
            try:
                messages, accounts = self._messages_of(item)
                self._keep(messages, accounts)
            except Exception:  # noqa: BLE001 - thread boundary: one result that cannot be written must not end delivery
                _log.exception("a result could not be written as an event")
                self._losses.add("unwritable", "a result could not be written")
                continue
            for message in messages:
                self._send(message)

    def _messages_of(self, item: Item) -> tuple[list[Message], Accounts | None]:
        match item:
            case Message():
                return [item], None
            case TrackedDefect():
                return [self._writer.of_track(item)], None
            case InspectionResult():
                return self._writer.of_result(item), None
            case Counted(accounts, result):
                return [] if result is None else self._writer.of_result(result), accounts
        assert_never(item)

    def _keep(self, messages: list[Message], accounts: Accounts | None) -> None:
        if self._record is None:
            return
        total = None if accounts is None else self._ledger.total(accounts).document()
        self._record.append(messages, accounts=total)

    def _send(self, message: Message) -> None:
        for name, sink in self._sinks.items():
            try:
                sink.send(message)
            except SinkError as error:
                self._losses.add(name, str(error))
            except Exception as error:  # noqa: BLE001 - thread boundary: a broken sink must not silence the others
                self._losses.add(name, f"{type(error).__name__}: {error}")
