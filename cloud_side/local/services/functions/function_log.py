"""The log of a function: one bounded file, written line by line by any number of processes, no secrets in it."""

import fcntl
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cloud_side.local.home import Home
from cloud_side.local.services.functions.redaction import Redactor
from edge_inspector.durable import PRIVATE_FILE, make_folders

FILE_BYTES = 10 << 20
_LINE_BYTES = 1 << 16
_TAIL_BYTES = 4096  # as much as Invoke returns


def log_file(home: Home, function: str) -> Path:
    """Return where the log of a function is; the one before it has `.1` at its end."""
    return home.logs / "aws" / "lambda" / f"{function}.log"


class InvocationLog:
    """What one invocation writes to its function's log."""

    def __init__(self, path: Path, request_id: str, redactor: Redactor) -> None:
        """Write nothing yet.

        Args:
            path: The file.
            request_id: Begins each line, after the time.
            redactor: Takes out what the log must not hold.
        """
        self._path = path
        self._request_id = request_id
        self._redactor = redactor
        self._unfinished = bytearray()
        self._tail = b""
        self._skips = False  # the rest of a line that is too long

    def feed(self, output: bytes) -> None:
        """Take some of what the function printed."""
        *lines, rest = output.split(b"\n")
        whole = []
        for line in lines:
            self._take(line)
            if not self._skips:
                whole.append(self._text())
            self._unfinished.clear()
            self._skips = False
        self._take(rest)
        if len(self._unfinished) > _LINE_BYTES and not self._skips:
            self._skips = True
            whole.append(self._text())
        self._write(whole)

    def end_line(self) -> None:
        """Write a line that was begun and not ended."""
        if self._unfinished and not self._skips:
            self._write([self._text()])
        self._unfinished.clear()
        self._skips = False

    def say(self, *lines: str) -> None:
        """Write lines of the engine's own, in which nothing is of the function."""
        self._write(list(lines))

    @property
    def tail(self) -> bytes:
        """The last that was written, as Invoke returns it."""
        return self._tail

    def _take(self, part: bytes) -> None:
        self._unfinished += part[: _LINE_BYTES + 1 - len(self._unfinished)]

    def _text(self) -> str:
        """Return the line so far without secrets."""
        text = self._unfinished.decode(errors="replace").rstrip("\r")
        return self._redactor.redact(text, is_cut=len(self._unfinished) > _LINE_BYTES)

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        self._tail = (self._tail + "".join(f"{line}\n" for line in lines).encode())[-_TAIL_BYTES:]
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        content = "".join(f"{moment} {self._request_id} {line}\n" for line in lines).encode()
        with suppress(OSError):  # a full disk takes the log, not the function
            _append(self._path, content)


def _append(path: Path, content: bytes) -> None:
    """Write at the end of a file in one step; one that is full becomes the one before it."""
    make_folders(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        os.write(descriptor, content)
        if os.fstat(descriptor).st_size > FILE_BYTES:
            _turn_over(path, descriptor)
    finally:
        os.close(descriptor)


def _turn_over(path: Path, descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):  # else another process was first
        path.replace(path.with_name(f"{path.name}.1"))
