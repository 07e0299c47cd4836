"""A network camera in this process: MJPEG over HTTP, with everything that goes wrong with one."""

import base64
import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.clock_pictures import HEIGHT, WIDTH, draw_clock, now_ms
from tests.mosquitto import HOST, PATIENCE_S, free_port

Paint: TypeAlias = Callable[[NDArray[np.uint8]], None]

_BOUNDARY = "picture"
_POLL_S = 0.02
_HEAD_BYTES = 300  # of a JPEG's about 600


class MjpegServer:
    """Makes pictures at a rate and sends them to everyone who is connected, over several lives on one port.

    Attributes:
        paint: Paints over a picture.
        made: How many pictures were made.
    """

    def __init__(self, *, rate_hz: float = 25.0, password: str | None = None) -> None:
        """Choose a port; nothing listens yet.

        Args:
            rate_hz: Pictures a second.
            password: Asked for, with the user `camera`.
        """
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}/stream"
        self.rate_hz = rate_hz
        self.connections = self.made = 0
        self.paint: Paint = lambda _: None
        self._credentials = password and "Basic " + base64.b64encode(f"camera:{password}".encode()).decode()
        self._frozen_ms: int | None = None
        self._damage = 0
        self._sending = threading.Event()
        self._sending.set()
        self._answering = threading.Event()
        self._answering.set()
        self._called = threading.Event()
        self._clients: list[tuple[queue.SimpleQueue[bytes | None], socket.socket]] = []
        self._lock = threading.Lock()
        self._dead = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sending.set()
        self._answering.set()
        self.kill()

    def start(self) -> None:
        """Listen and make pictures."""
        self._dead.clear()
        self._server = _Server((HOST, self.port), self._handler())
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(_POLL_S,)),
            threading.Thread(target=self._make_pictures),
        ]
        for thread in self._threads:
            thread.start()

    def kill(self) -> None:
        """Hang up on everyone and stop listening."""
        self._dead.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.hang_up()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def hang_up(self) -> None:
        """End all connections; the camera can be reached again at once."""
        with self._lock:
            clients, self._clients = self._clients, []
        for pictures, connection in clients:
            pictures.put(None)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Send the picture of this moment from now on."""
        self._frozen_ms = now_ms()

    def thaw(self) -> None:
        """Send new pictures again."""
        self._frozen_ms = None

    def damage(self, pictures: int) -> None:
        """Cut the next pictures off in their head.

        Of pictures that are cut off further behind, FFmpeg takes one in a thousand for whole.
        """
        self._damage = pictures

    def hold_back(self) -> None:
        """Keep what is made for later, as a network does that is interrupted."""
        self._sending.clear()

    def let_go(self) -> None:
        """Send what was held back, all at once, and go on."""
        self._sending.set()

    def ignore_callers(self) -> None:
        """Accept connections without an answer until `answer_callers`."""
        self._answering.clear()

    def wait_for_caller(self) -> None:
        """Wait until someone has connected."""
        assert self._called.wait(PATIENCE_S), "nobody called"

    def answer_callers(self) -> None:
        """Answer again."""
        self._answering.set()

    def _make_pictures(self) -> None:
        while not self._dead.wait(1.0 / self.rate_hz):
            made_ms = now_ms() if self._frozen_ms is None else self._frozen_ms
            pixels = np.frombuffer(draw_clock(made_ms), np.uint8).reshape(HEIGHT, WIDTH).copy()
            self.paint(pixels)
            picture = cv2.imencode(".jpg", pixels)[1].tobytes()
            if self._damage:
                self._damage -= 1
                picture = picture[:_HEAD_BYTES]
            with self._lock:
                for pictures, _ in self._clients:
                    pictures.put(picture)
            self.made += 1

    def _send_to(self, request: BaseHTTPRequestHandler) -> None:
        self.connections += 1
        self._called.set()
        self._answering.wait()
        if self._credentials is not None and request.headers.get("Authorization") != self._credentials:
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
            request.end_headers()
            return
        request.send_response(200)
        request.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        request.end_headers()
        pictures: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        with self._lock:
            if self._dead.is_set():
                return
            self._clients.append((pictures, request.connection))
        with suppress(OSError):
            while (picture := pictures.get()) is not None:
                self._sending.wait()
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                request.wfile.write(head.encode() + picture + b"\r\n")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        send_to = self._send_to

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                with suppress(OSError):
                    send_to(self)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what the tests are about."""
