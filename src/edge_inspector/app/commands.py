"""Runs commands one after another on the thread "commands", each at most once, and answers every one."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, assert_never

from edge_inspector.app.command_memory import MOST_REMEMBERED, CommandMemory
from edge_inspector.commands import Answer, Command, CommandStatus, Unreadable, read_command
from edge_inspector.errors import InspectorError, RefusedError
from edge_inspector.events import EventWriter, Json
from edge_inspector.topics import CATALOGUE, Channel, Message

CLOSE_S = 0.5
MOST_WAITING = 16
MOST_REFUSALS = 100  # within a minute: a flood must fill neither journal nor log
_MINUTE_S = 60.0
_STOPS = "the station stops"
_ENDED = "the station ended while it ran: whether it took effect is not known"

_log = logging.getLogger(__name__)

Function: TypeAlias = Callable[[Mapping[str, object]], Mapping[str, Json]]


class Commands:
    """Takes commands from any thread and runs those that are allowed.

    What a command does is a function of its arguments, which returns what it gives back. A `RefusedError` of it says
    that it did nothing, any other `InspectorError` that it failed; its sender gets their words.

    Used as a context manager: entering answers what the last run of the daemon left in the middle; leaving waits at
    most `CLOSE_S` for the command that runs, refuses those that wait, and reports one that is left behind.
    """

    def __init__(
        self,
        allowed: Mapping[str, Function],
        writer: EventWriter,
        *,
        answer: Callable[[Message], None],
        memory: Path | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read what has run already; nothing starts yet.

        Args:
            allowed: What may be run, by name.
            writer: Says where the station is, and writes answers.
            answer: Takes an answer, on the thread of the command or on one that takes commands; must not wait.
            memory: File of what has run; None remembers as long as the process lives.
            clock: Returns the time, aware UTC.
        """
        self._allowed, self._writer, self._send, self._clock = dict(allowed), writer, answer, clock
        self._memory = CommandMemory(memory)
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)
        self._changed = threading.Condition()  # for what follows
        self._waiting: deque[Command] = deque()
        self._running: Command | None = None
        self._is_closing = self._is_left_behind = False
        self._refused_s: deque[float] = deque(maxlen=MOST_REFUSALS)  # on the monotonic clock
        self._flooded_s = float("-inf")

    def take(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Take a message that came on a topic of commands; for any thread, returns at once.

        Args:
            topic: Where it came.
            payload: What came.
            retained: The broker kept it, so that it comes again and again.
        """
        if retained:
            if payload and self._has_patience():
                _log.warning("ignored: a command must not be retained, and the one on %r is", topic[:200])
            return
        match read_command(topic, payload, topics=self._writer.topics, allowed=self._allowed, now=self._clock()):
            case None:
                pass
            case Unreadable(problem):
                if self._has_patience():
                    _log.warning("ignored, with nobody to answer: %s", problem)
            case Answer() as answer:
                if not self._repeat(answer.name, answer.request_id):
                    self._decline(answer)
            case Command() as command:
                self._enqueue(command)
            case unknown:
                assert_never(unknown)

    def __enter__(self) -> Self:
        """Begin to run commands."""
        for run in self._memory.unanswered():
            failed = Answer(run.command, run.request_id, CommandStatus.FAILED, _ENDED)
            self._complete(run.request_id, self._write(failed))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Refuse what waits, and wait a moment for what runs."""
        with self._changed:
            self._is_closing = True
            waiting = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for command in waiting:
            self._decline(command.answer(CommandStatus.REFUSED, _STOPS))
        self._thread.join(CLOSE_S)
        with self._changed:
            left, self._is_left_behind = self._running, True
        if left is not None:
            _log.warning("command %s %r still runs and is left behind: %s", left.name, left.request_id, _STOPS)

    def _enqueue(self, command: Command) -> None:
        with self._changed:
            in_hand = [*self._waiting, *([] if self._running is None else [self._running])]
            if any(each.request_id == command.request_id for each in in_hand):
                return  # it came again before its answer, which is for both
            known = self._memory.find(command.request_id)
            is_full = len(self._waiting) >= MOST_WAITING
            if known is None and not is_full and not self._is_closing:
                self._waiting.append(command)
                self._changed.notify_all()
                return
            problem = _STOPS if self._is_closing else f"busy: {MOST_WAITING} commands wait already"
        if known is not None:
            problem = f"request_id: {command.request_id!r} was used for {known.command} already"
        if not self._repeat(command.name, command.request_id):
            self._decline(command.answer(CommandStatus.REFUSED, problem))

    def _repeat(self, name: str, request_id: str) -> bool:
        """Answer a request as the first time; return False where it has not run."""
        run = self._memory.find(request_id)
        if run is None or run.command != name:
            return False
        if run.is_answered and self._has_patience():
            topic = self._writer.topics.topic(Channel.REPLY, name=name)
            self._send(Message(topic, run.payload.encode(), CATALOGUE[Channel.REPLY], run.event_id))
        return True

    def _decline(self, answer: Answer) -> None:
        if self._has_patience():
            _log.warning("command %s %r: %s: %s", answer.name, answer.request_id, answer.status, answer.text)
            self._send(self._write(answer))

    def _has_patience(self) -> bool:
        """Return whether what does not run is still worth an answer or a line in the log."""
        now_s = time.monotonic()
        with self._changed:
            if len(self._refused_s) < MOST_REFUSALS or now_s - self._refused_s[0] >= _MINUTE_S:
                self._refused_s.append(now_s)
                return True
            is_news = now_s - self._flooded_s >= _MINUTE_S
            self._flooded_s = now_s if is_news else self._flooded_s
        if is_news:
            _log.warning("commands: more than %d within a minute cannot run: the rest gets no answer", MOST_REFUSALS)
        return False

    def _write(self, answer: Answer, result: Mapping[str, Json] | None = None) -> Message:
        return self._writer.command_answered(self._clock(), answer, result)

    # On the thread "commands".

    def _run(self) -> None:
        while (command := self._next()) is not None:
            try:
                self._execute(command)
            except Exception:  # noqa: BLE001 - thread boundary: the next command deserves its turn
                _log.exception("command %s %r could not be answered", command.name, command.request_id)

    def _next(self) -> Command | None:
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._running = self._waiting.popleft() if self._waiting else None
            return self._running

    def _execute(self, command: Command) -> None:
        now = self._clock()
        if (expired := command.expired(now)) is not None:
            self._decline(expired)
        elif (problem := self._begin(command, now)) is not None:
            self._decline(command.answer(CommandStatus.REFUSED, problem))
        else:
            message = self._outcome(command)
            with self._changed:
                if self._is_left_behind:
                    return
            self._complete(command.request_id, message)

    def _begin(self, command: Command, now: datetime) -> str | None:
        """Remember that a command runs, or return why it must not."""
        try:
            is_remembered = self._memory.begin(command, now)
        except OSError as error:
            return f"that it runs could not be written down: {error.strerror or error}"
        return None if is_remembered else f"busy: {MOST_REMEMBERED} commands have run and not yet expired"

    def _outcome(self, command: Command) -> Message:
        """Run a command and return the event that answers it."""
        since_s = time.monotonic()
        try:
            result = self._allowed[command.name](command.arguments)
            done = command.answer(CommandStatus.DONE, f"done in {1000 * (time.monotonic() - since_s):.0f} ms")
            message = self._write(done, result)
        except RefusedError as error:
            answer = command.answer(CommandStatus.REFUSED, f"{error}")
        except InspectorError as error:
            answer = command.answer(CommandStatus.FAILED, f"{error}")
        except Exception as error:  # noqa: BLE001 - thread boundary: the thread outlives a fault of ours
            _log.exception("command %s %r failed", command.name, command.request_id)
            answer = command.answer(CommandStatus.FAILED, f"a fault of this program: {type(error).__name__}: {error}")
        else:
            _log.info("command %s %r: %s", command.name, command.request_id, done.text)
            return message
        _log.warning("command %s %r: %s: %s", answer.name, answer.request_id, answer.status, answer.text)
        return self._write(answer)

    def _complete(self, request_id: str, message: Message) -> None:
        try:
            self._memory.complete(request_id, message)
        except OSError as error:
            _log.error("command %r: its answer could not be written down: %s", request_id, error)
        self._send(message)
