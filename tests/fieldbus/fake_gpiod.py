"""A stand-in for gpiod's version 2, with the part of its API that is used here: no machine of a test has the lines."""

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType
from typing import Any

import gpiod

CHIP = "/dev/gpiochip7"
LINES = 8


@dataclass(frozen=True, slots=True)
class Edge:
    """As gpiod.EdgeEvent."""

    timestamp_ns: int
    line_seqno: int


@dataclass
class Request:
    """As gpiod.LineRequest."""

    chip: "FakeChip"
    config: Mapping[int, Any]
    edges: deque[Edge] = field(default_factory=deque)
    came: threading.Condition = field(default_factory=threading.Condition)
    is_released: bool = False

    def set_value(self, line: int, value: Any) -> None:
        if self.is_released:
            raise gpiod.RequestReleasedError
        if self.chip.hangs is not None:
            self.chip.hangs.wait()
        if self.chip.broken is not None:
            raise self.chip.broken
        self.chip.sets.append((time.monotonic_ns(), line, value is gpiod.line.Value.ACTIVE))

    def wait_edge_events(self, timeout: timedelta | float | None = None) -> bool:
        if self.chip.broken is not None:
            raise self.chip.broken
        assert isinstance(timeout, float | int)
        with self.came:
            return self.came.wait_for(lambda: bool(self.edges), timeout)

    def read_edge_events(self) -> list[Edge]:
        with self.came:
            read = list(self.edges)
            self.edges.clear()
        return read

    def release(self) -> None:
        self.is_released = True
        self.chip.taken -= set(self.config)


class FakeChip:
    """A chip of eight lines behind a module that looks like gpiod.

    Attributes:
        sets: When which line was set to what.
        taken: Lines in use.
        broken: Raised instead of serving.
        hangs: Setting a line waits for it.
    """

    def __init__(self) -> None:
        self.sets: list[tuple[int, int, bool]] = []
        self.taken: set[int] = set()
        self.requests: list[Request] = []
        self.broken: OSError | None = None
        self.hangs: threading.Event | None = None
        self._seqno = 0

    def module(self) -> ModuleType:
        fake = ModuleType("gpiod")
        fake.line, fake.LineSettings, fake.request_lines = gpiod.line, gpiod.LineSettings, self._request_lines  # type: ignore[attr-defined]
        return fake

    def edge(self, at_ns: int, *, skipping: int = 0) -> None:
        """Let an edge come; `skipping` ones before it were lost."""
        self._seqno += 1 + skipping
        request = self.requests[-1]
        with request.came:
            request.edges.append(Edge(at_ns, self._seqno))
            request.came.notify_all()

    def values(self, line: int) -> list[bool]:
        """Return what a line was set to, without what was only set once more."""
        values = [value for _, which, value in list(self.sets) if which == line]
        return [value for at, value in enumerate(values) if at == 0 or value != values[at - 1]]

    def _request_lines(
        self,
        path: str,
        config: Mapping[int, Any],
        consumer: str | None = None,
        event_buffer_size: int | None = None,
        output_values: Mapping[int, Any] | None = None,
    ) -> Request:
        assert consumer == "edge-inspector"
        assert output_values is None
        assert event_buffer_size is None or event_buffer_size > 16
        if path != CHIP:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if any(line >= LINES for line in config):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if self.taken & set(config):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self.taken |= set(config)
        request = Request(self, dict(config))
        self.requests.append(request)
        return request


Factory = Callable[[], FakeChip]
