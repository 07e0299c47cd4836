"""Serves `/metrics` and `/healthz` over HTTP, on one thread that no client can hold up.

One thread serves all connections by turns and each has a few seconds in all, so that a client that dribbles its request
or never reads the answer costs a place for that long and nothing else. When all places are taken the oldest goes.
One request a connection: a scrape every 15 s gains nothing from keeping it.
"""

import contextlib
import json
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from edge_inspector.errors import ConfigError
from edge_inspector.health.metrics import Snapshot, health_document, registry_of

_log = logging.getLogger(__name__)
PLACES = 16
REQUEST_S = 5.0  # for a whole request and its answer
_LONGEST_HEAD = 8192
_CHUNK = 1 << 16
_PATIENCE_S = 1.0
_PAUSE_S = 0.1
_PLAIN, _JSON = "text/plain; charset=utf-8", "application/json"


@dataclass(slots=True)
class _Client:
    """A connection: first its request grows, then its answer shrinks, then it is read to its end."""

    connection: socket.socket
    until_s: float
    request: bytes = b""
    answer: memoryview = field(default_factory=lambda: memoryview(b""))
    answered: bool = False


class MetricsServer:
    """Answers from entering to leaving, on the thread "metrics"."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        problems: Callable[[], Sequence[str]],
        *,
        port: int,
        host: str = "127.0.0.1",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            snapshot: Returns the values of the `stats` message; called on the thread "metrics", must not wait.
            problems: Returns in words why the daemon cannot do its work; empty while it can. Likewise.
            port: Where it listens; 0: any free port.
            host: An address of this machine.
            labels: Of `edge_inspector_info`.
        """
        self._registry = registry_of(snapshot, labels or {})
        self._problems = problems
        self._place = host, port
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, _Client] = {}  # the oldest first
        self._has_failed = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            ConfigError: If the address or the port cannot be had.
        """
        host, port = self._place
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._listener = socket.create_server((host, port), family=family, backlog=PLACES)
        except OSError as error:
            self._selector.close()
            msg = f"health.metrics_port: cannot listen on {host}:{port}: {error}; expected a free port of this machine"
            raise ConfigError(msg) from error
        self._listener.setblocking(False)  # noqa: FBT003 - the standard library has no name for it
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        _log.info("metrics: http://%s:%d/metrics", host, self.port)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping = True
        with contextlib.suppress(OSError):  # it may have seen the wish already, and be gone
            self._waker.send(b"\0")
        self._thread.join(_PATIENCE_S)

    @property
    def port(self) -> int:
        """Where it listens, once entered."""
        port: int = self._listener.getsockname()[1]
        return port

    def _run(self) -> None:
        try:
            while not self._stopping:
                now_s = time.monotonic()
                oldest_s = next((client.until_s for client in self._clients.values()), None)
                for key, _ in self._selector.select(None if oldest_s is None else max(0.0, oldest_s - now_s)):
                    if key.fileobj is self._listener:
                        self._welcome()
                    elif (client := self._clients.get(key.fd)) is not None:
                        self._serve(client)
                self._dismiss_late()
        finally:
            for client in list(self._clients.values()):
                self._dismiss(client)
            for end in (self._listener, self._waker, self._woken):
                end.close()
            self._selector.close()

    def _welcome(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it is gone already, or no descriptor is left: asking again at once would only burn
            time.sleep(_PAUSE_S)
            return
        if len(self._clients) >= PLACES:
            self._dismiss(next(iter(self._clients.values())))
        connection.setblocking(False)  # noqa: FBT003 - the standard library has no name for it
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = _Client(connection, time.monotonic() + REQUEST_S)
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ)

    def _dismiss_late(self) -> None:
        now_s = time.monotonic()
        for client in [client for client in self._clients.values() if client.until_s <= now_s]:
            self._dismiss(client)

    def _dismiss(self, client: _Client) -> None:
        del self._clients[client.connection.fileno()]
        self._selector.unregister(client.connection)
        client.connection.close()

    def _serve(self, client: _Client) -> None:
        try:
            if client.answer:
                self._send(client)
                return
            received = client.connection.recv(_CHUNK)
            if not received:
                self._dismiss(client)
            elif not client.answered:  # what comes after is read, so that closing does not take the answer back
                client.request += received
                if b"\r\n\r\n" in client.request or len(client.request) > _LONGEST_HEAD:
                    client.answer = memoryview(self._answer(client.request))
                    self._send(client)
        except BlockingIOError:
            pass
        except OSError:  # the client went away
            self._dismiss(client)

    def _send(self, client: _Client) -> None:
        with contextlib.suppress(BlockingIOError):
            client.answer = client.answer[client.connection.send(client.answer) :]
        if not client.answer:
            client.answered = True
            client.connection.shutdown(socket.SHUT_WR)
        self._selector.modify(client.connection, selectors.EVENT_WRITE if client.answer else selectors.EVENT_READ)

    def _answer(self, request: bytes) -> bytes:
        line = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(request) > _LONGEST_HEAD or len(line) != 3 or not line[2].startswith("HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST, _PLAIN, b"expected a short HTTP/1 request\n")
        method, path = line[0], line[1].split("?", 1)[0]
        if method not in {"GET", "HEAD"}:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, _PLAIN, b"expected GET or HEAD\n", "Allow: GET, HEAD\r\n")
        try:
            status, kind, body = self._page(path)
        except Exception:  # noqa: BLE001 - thread boundary: a snapshot that fails must not end the server
            if not self._has_failed:
                _log.exception("metrics: %s failed; further failures are not logged", path)
            self._has_failed = True
            status, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, _PLAIN, b"failed; see the log\n"
        response = _response(status, kind, body)
        return response if method == "GET" else response[: len(response) - len(body)]

    def _page(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        match path:
            case "/metrics":
                return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)
            case "/healthz":
                problems = self._problems()
                status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
                return status, _JSON, json.dumps(health_document(problems), ensure_ascii=False).encode() + b"\n"
            case _:
                return HTTPStatus.NOT_FOUND, _PLAIN, b"expected /metrics or /healthz\n"


def _response(status: HTTPStatus, kind: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body
