"""The warm processes of all functions: found, started and ended, so that several invocations run at once."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cloud_side.local.home import Home
from cloud_side.local.services.functions.channel import Frame
from cloud_side.local.services.functions.configuration import LATEST, Function
from cloud_side.local.services.functions.function_log import InvocationLog, log_file
from cloud_side.local.services.functions.handler import TOLD_CHARS
from cloud_side.local.services.functions.redaction import Redactor
from cloud_side.local.services.functions.warm import Ended, Event, GivenUp, WarmProcess

_MOST_AT_ONCE = 8
_IDLE_S = 300.0


class PoolClosed(Exception):  # noqa: N818 - the engine ends
    """The engine ends: what was running is as if it had been killed, and runs again in the next one."""


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended.

    Attributes:
        payload: JSON: the handler's result, or what is told of its failure, without secrets.
        is_failure: Whether the function failed.
        tail: The end of its log.
    """

    payload: str
    is_failure: bool
    tail: bytes


class Pool:
    """Runs functions, each invocation in a process that is no other invocation's at that time."""

    def __init__(self, home: Home, *, most_at_once: int = _MOST_AT_ONCE, idle_s: float = _IDLE_S) -> None:
        """Start nothing yet.

        Args:
            home: Where the functions' code and logs are.
            most_at_once: Processes, of all functions together; who comes after them waits.
            idle_s: After how many seconds without an event a process is ended, once somebody looks.
        """
        self._home = home
        self._most_at_once = most_at_once
        self._idle_s = idle_s
        self._changed = threading.Condition()
        self._idle: list[WarmProcess] = []  # the one used last is the last
        self._busy: set[WarmProcess] = set()
        self._is_closed = False

    def run(self, function: Function, event: Event) -> Outcome:
        """Invoke a function, and wait for it.

        Raises:
            PoolClosed: If the pool is closed before it has ended.
            GivenUp: If the event's deadline comes first.
            OSError: If no process can be started.
        """
        redactor = function.redactor
        log = InvocationLog(log_file(self._home, function.name), event.request_id, redactor)
        with self._lent(function, event) as process:
            is_cold = process.init_s is None
            log.say(f"START RequestId: {event.request_id} Version: {LATEST}")
            answer = self._answer(process, event, log)
            log.end_line()
            log.say(*_report(process, event, is_cold=is_cold))
        if "failed" in answer:
            return Outcome(json.dumps(_redacted(answer["failed"], redactor)), is_failure=True, tail=log.tail)
        return Outcome(answer["result"], is_failure=False, tail=log.tail)

    def close_idle(self) -> None:
        """End the processes that nothing was asked of for long."""
        until = time.monotonic() - self._idle_s
        with self._changed:
            for process in [one for one in self._idle if one.idle_since < until or not one.is_alive]:
                self._end(process)

    def close(self) -> None:
        """End all processes; what they were at raises `PoolClosed` where it is waited for."""
        with self._changed:
            self._is_closed = True
            for process in self._busy:
                process.kill()
            for process in list(self._idle):
                self._end(process)
            self._changed.notify_all()

    def _answer(self, process: WarmProcess, event: Event, log: InvocationLog) -> Frame:
        try:
            return process.invoke(event, log)
        except Ended as ended:
            if self._is_closed:
                raise PoolClosed from ended
            process.kill()
            message = f"RequestId: {event.request_id} Error: {ended.message}"
            log.end_line()
            log.say(message, ended.kind)
            return {"failed": {"errorType": ended.kind, "errorMessage": message}}

    @contextmanager
    def _lent(self, function: Function, event: Event) -> Iterator[WarmProcess]:
        """Lend a process; it is kept for the next event unless it has ended or the block raises."""
        process = self._take(function, event)
        is_kept = False
        try:
            yield process
            is_kept = process.init_s is not None and process.is_alive
        finally:
            with self._changed:
                self._busy.discard(process)
                process.idle_since = time.monotonic()
                self._idle.append(process)
                if not is_kept or self._is_closed:
                    self._end(process)
                self._changed.notify_all()

    def _take(self, function: Function, event: Event) -> WarmProcess:
        with self._changed:
            while True:
                if self._is_closed:
                    raise PoolClosed
                for stale in [one for one in self._idle if not _fits(one, function)]:
                    self._end(stale)
                same = [one for one in self._idle if one.function.name == function.name]
                if same or self._has_room():
                    break
                self._wait(event)
            process = same[-1] if same else WarmProcess(self._home, function)
            if same:
                self._idle.remove(process)
            self._busy.add(process)
            return process

    def _has_room(self) -> bool:
        if len(self._busy) + len(self._idle) >= self._most_at_once and self._idle:
            self._end(self._idle[0])
        return len(self._busy) + len(self._idle) < self._most_at_once

    def _wait(self, event: Event) -> None:
        left_s = None if event.deadline is None else event.deadline - time.monotonic()
        if left_s is not None and left_s <= 0:
            raise GivenUp
        self._changed.wait(left_s)

    def _end(self, process: WarmProcess) -> None:
        self._idle.remove(process)
        process.close()


def _fits(process: WarmProcess, function: Function) -> bool:
    """Return whether an idle process is of another function, or of this one as it is now."""
    return process.function.name != function.name or (
        process.function.revision == function.revision and process.is_alive
    )


def _report(process: WarmProcess, event: Event, *, is_cold: bool) -> tuple[str, str]:
    report = (
        f"REPORT RequestId: {event.request_id}\tDuration: {process.handled_s * 1000:.2f} ms"
        f"\tMemory Size: {process.function.memory_mb} MB\tMax Memory Used: {process.peak_mb} MB"
    )
    if is_cold and process.init_s is not None:
        report += f"\tInit Duration: {process.init_s * 1000:.2f} ms"
    return f"END RequestId: {event.request_id}", report


def _redacted(failed: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    def shown(text: str) -> str:
        return redactor.redact(text[:TOLD_CHARS], is_cut=len(text) > TOLD_CHARS)

    return {
        key: [shown(line) for line in value] if isinstance(value, list) else shown(value)
        for key, value in failed.items()
    }
