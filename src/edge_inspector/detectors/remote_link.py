"""The way to an endpoint: one connection that is kept alive, on a thread of its own, for which nobody waits too long.

A name that is looked up, or a server that sends a byte a second, knows no time-out: who asks waits on an event instead,
and shuts the socket of whoever is late.
"""

import contextlib
import http.client
import queue
import socket
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
_FAILURES = (OSError, http.client.HTTPException, ValueError)  # the last for a header that cannot be one


class UnreachableError(InspectorError):
    """An endpoint did not answer in time, or with something that cannot be used."""


class LateError(UnreachableError):
    """An endpoint did not answer in the time that it had."""


class NotAskedError(UnreachableError):
    """An endpoint was not asked, which says nothing of it."""


@dataclass(slots=True)
class _Question:
    body: bytes
    headers: Mapping[str, str]
    until_s: float
    answered: threading.Event = field(default_factory=threading.Event)
    answer: bytes = b""
    problem: str | None = None

    def left_s(self) -> float:
        """Return how much of its time is left.

        Raises:
            TimeoutError: If nothing is.
        """
        if (left_s := self.until_s - time.monotonic()) <= 0:
            raise TimeoutError
        return left_s


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
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        self._connection = (
            http.client.HTTPConnection(parts.hostname or "", parts.port)
            if self._context is None
            else http.client.HTTPSConnection(parts.hostname or "", parts.port, context=self._context)
        )
        self._authorization: dict[str, str] = {}
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_closed = False
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
            NotAskedError: If an earlier question is still under way.
            LateError: If there is no answer in time.
            UnreachableError: If there is another one, or the way is closed; says why, without the authorization.
        """
        if self._last is not None and not self._last.answered.is_set():
            msg = f"{self.url}: an earlier request is still under way"
            raise NotAskedError(msg)
        question = _Question(body, headers, time.monotonic() + timeout_s)
        self._last = question
        self._questions.put(question)
        if not question.answered.wait(timeout_s):
            self._shut()
            question.problem = ""
        if question.problem == "":
            msg = f"{self.url}: no answer in {timeout_s * 1000:.0f} ms"
            raise LateError(msg)
        if question.problem is not None:
            msg = f"{self.url}: {question.problem}"
            raise UnreachableError(msg)
        return question.answer

    def close(self) -> None:
        """End the thread, and what it does; waits for nobody."""
        with self._lock:
            self._is_closed = True
        self._shut()
        self._questions.put(None)

    def _shut(self) -> None:
        """End what the thread waits for."""
        with self._lock:
            if self._socket is None:
                return
            with contextlib.suppress(OSError):  # it may not be connected any more
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not TLS's own: the thread may be inside

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                question.answer = self._answer(question)
            except TimeoutError:
                question.problem = ""
            except _FAILURES as error:
                question.problem = str(error) or type(error).__name__
            finally:
                if question.problem is not None:
                    self._hang_up()
                question.answered.set()
        self._hang_up()

    def _answer(self, question: _Question) -> bytes:
        was_open = self._connection.sock is not None
        try:
            return self._exchange(question)
        except (http.client.BadStatusLine, ConnectionError):
            # A connection that lay idle may have been closed from the other side; to look twice changes nothing.
            self._hang_up()
            if not was_open:
                raise
            return self._exchange(question)

    def _exchange(self, question: _Question) -> bytes:
        connection = self._connection
        if connection.sock is None:
            self._connect(question)
        connection.sock.settimeout(question.left_s())
        connection.request("POST", self._path, question.body, {**self._authorization, **question.headers})
        connection.sock.settimeout(question.left_s())
        response = connection.getresponse()
        content = bytearray()
        while piece := response.read1(_PIECE):
            content += piece
            question.left_s()  # what is late is not read to its end
            if len(content) > _MOST_BYTES:
                msg = f"expected an answer of at most {_MOST_BYTES} bytes, found {len(content)} bytes so far"
                raise OSError(msg)
        if response.status != http.client.OK:
            said = bytes(content[:_QUOTED]).decode("utf-8", "replace")
            msg = f"expected status 200, found {response.status}: {said!r}"
            raise OSError(msg)
        if response.length:
            msg = f"expected {response.length} bytes more, found the end of the connection"
            raise OSError(msg)
        response.close()
        return bytes(content)

    def _connect(self, question: _Question) -> None:
        self._hang_up()
        self._authorization = self._read_authorization()
        host, port = self._connection.host, self._connection.port
        connected = socket.create_connection((host, port), timeout=question.left_s())
        self._keep(connected)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            connected = self._context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
            self._keep(connected)
            connected.settimeout(question.left_s())
            connected.do_handshake()
        self._connection.sock = connected

    def _keep(self, connected: socket.socket) -> None:
        with self._lock:
            self._socket = connected
            if self._is_closed:
                msg = "closed"
                raise OSError(msg)

    def _read_authorization(self) -> dict[str, str]:
        if self._authorization_file is None:
            return {}
        value = self._authorization_file.read_text(encoding="ascii").strip()
        if not value or not value.isprintable():
            msg = f"{self._authorization_file}: expected one line of text"  # which is a secret, and is not shown
            raise OSError(msg)
        return {"Authorization": value}

    def _hang_up(self) -> None:
        with self._lock:
            self._connection.close()
            if self._socket is not None:
                self._socket.close()
                self._socket = None
