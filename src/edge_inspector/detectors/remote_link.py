"""The way to an endpoint: one connection that is kept alive, on a thread of its own, for which nobody waits too long.

A name that is looked up, or a server that sends a byte a second, knows no time-out: who asks waits on an event instead.
"""

import http.client
import queue
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge_inspector.errors import InspectorError

_MOST_BYTES: Final = 4 << 20  # of an answer
_PIECE: Final = 1 << 16
_PATH: Final = "/invocations"
_QUOTED: Final = 200
_LATE: Final = "no answer in time"
_FAILURES = (OSError, http.client.HTTPException, ValueError)  # the last for a header that cannot be one


class UnreachableError(InspectorError):
    """An endpoint did not answer in time, or with something that cannot be used."""


@dataclass(slots=True)
class _Question:
    body: bytes
    headers: Mapping[str, str]
    until_s: float
    answered: threading.Event = field(default_factory=threading.Event)
    answer: bytes = b""
    problem: str | None = None


class Link:
    """Asks an endpoint; one question at a time."""

    def __init__(self, url: str, *, authorization_file: Path | None = None) -> None:
        """Connect to nothing yet.

        Args:
            url: `http` or `https`; `/invocations` where it has no path.
            authorization_file: Holds the value of the header Authorization; read at every connection.
        """
        parts = urlsplit(url)
        self.url, self._authorization_file = url, authorization_file
        self._path = parts.path if parts.path not in {"", "/"} else _PATH
        self._host, self._port = parts.hostname or "", parts.port
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None
        self._authorization: dict[str, str] = {}
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._last: _Question | None = None
        threading.Thread(target=self._run, name="remote-detector", daemon=True).start()

    def ask(self, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> bytes:
        """Return the body of the answer 200.

        Args:
            body: Of the question.
            headers: Of the question.
            timeout_s: Returns or raises within it.

        Raises:
            UnreachableError: If there is no such answer in time; says why, without the authorization.
        """
        if self._last is not None and not self._last.answered.is_set():
            msg = f"{self.url}: an earlier request is still under way"
            raise UnreachableError(msg)
        question = _Question(body, headers, time.monotonic() + timeout_s)
        self._last = question
        self._questions.put(question)
        if not question.answered.wait(timeout_s):
            msg = f"{self.url}: {_LATE}"
            raise UnreachableError(msg)
        if question.problem is not None:
            msg = f"{self.url}: {question.problem}"
            raise UnreachableError(msg)
        return question.answer

    def close(self) -> None:
        """End the thread, once what it does has come to its time-out."""
        self._questions.put(None)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                question.answer = self._answer(question)
            except TimeoutError:
                self._hang_up()
                question.problem = _LATE
            except _FAILURES as error:
                self._hang_up()
                question.problem = str(error) or type(error).__name__
            question.answered.set()
        self._hang_up()

    def _answer(self, question: _Question) -> bytes:
        was_open = self._connection is not None
        try:
            return self._exchange(question)
        except (http.client.BadStatusLine, ConnectionError):
            # A connection that lay idle may have been closed from the other side; to look twice changes nothing.
            self._hang_up()
            if not was_open:
                raise
            return self._exchange(question)

    def _exchange(self, question: _Question) -> bytes:
        connection = self._opened(question)
        connection.request("POST", self._path, question.body, {**self._authorization, **question.headers})
        response = connection.getresponse()
        content = bytearray()
        while piece := response.read(_PIECE):
            content += piece
            if len(content) > _MOST_BYTES or time.monotonic() > question.until_s:
                msg = f"expected an answer of at most {_MOST_BYTES} bytes in time, found {len(content)} bytes so far"
                raise OSError(msg)
        if response.status != http.client.OK:
            said = bytes(content[:_QUOTED]).decode("utf-8", "replace")
            msg = f"expected status 200, found {response.status}: {said!r}"
            raise OSError(msg)
        return bytes(content)

    def _opened(self, question: _Question) -> http.client.HTTPConnection:
        left_s = max(0.001, question.until_s - time.monotonic())
        if self._connection is None:
            self._authorization = self._read_authorization()
            if self._context is None:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=left_s)
            else:
                self._connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=left_s, context=self._context
                )
        elif self._connection.sock is not None:
            self._connection.sock.settimeout(left_s)
        return self._connection

    def _read_authorization(self) -> dict[str, str]:
        if self._authorization_file is None:
            return {}
        value = self._authorization_file.read_text(encoding="ascii").strip()
        if not value or not value.isprintable():
            msg = f"{self._authorization_file}: expected one line of text"  # which is a secret, and is not shown
            raise OSError(msg)
        return {"Authorization": value}

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
