"""The page's server: uvicorn on the thread "page", which comes and goes without the line."""

import asyncio
import logging
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp

from edge_inspector.backoff import pause_s
from edge_inspector.page.access.peer import is_trusted
from edge_inspector.page.connection import ImpatientProtocol
from edge_inspector.page.doorway import Doorway
from edge_inspector.page.tls import tls_context
from edge_inspector.settings import PageSettings

_log = logging.getLogger(__name__)
CLOSE_S: Final = 0.6
_GRACE_S: Final = 0.2  # for answers under way at the end; uvicorn itself takes as long again
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.2, 5.0
_KEEP_ALIVE_S: Final = 30
_THREADS: Final = 4  # that answer, beside the one that serves


class PageServer:
    """Serves from entering to leaving; where it cannot, it says why and tries again: no line stands for its page.

    Attributes:
        problem: Why it does not serve now, in words; None while it does, or before the first try.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: PageSettings,
        *,
        on_loop: Callable[[asyncio.AbstractEventLoop], None] = lambda _: None,
    ) -> None:
        """Open nothing yet.

        Args:
            app: Answers.
            settings: Where it listens.
            on_loop: Told on the thread "page" which event loop serves, before anything is; again after each failure.
        """
        self._app, self._settings, self._on_loop = app, settings, on_loop
        self.problem: str | None = None
        self._port: int | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()  # for the server
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    @property
    def port(self) -> int | None:
        """Where it listens; None while it does not."""
        return self._port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End, in at most `CLOSE_S`."""
        self._stop.set()
        with self._lock:
            if self._server is not None:
                self._server.should_exit = True
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                self._serve()
                failures = 0
            except Exception as error:  # noqa: BLE001 - thread boundary: the page comes back, the line goes on
                self._say(error)
                failures += 1
            self._port = None
            jitter = random.random()  # noqa: S311 - no secret
            self._stop.wait(pause_s(failures, _FIRST_RETRY_S, _LONGEST_RETRY_S, jitter=jitter))

    def _serve(self) -> None:
        settings = self._settings
        context = None if settings.tls is None else tls_context(settings.tls)
        with Doorway.listen_on(settings.host, settings.port, is_limited=self._is_limited) as doorway:
            server = uvicorn.Server(_configuration(self._app, context))
            with self._lock:
                if self._stop.is_set():
                    return
                self._server = server
            self._port = doorway.getsockname()[1]
            _log.info("page: %s://%s:%d/", "http" if context is None else "https", settings.host, self._port)
            self.problem = None
            with _without_noise(self._stop):
                asyncio.run(self._serve_on_loop(server, doorway))

    async def _serve_on_loop(self, server: uvicorn.Server, doorway: Doorway) -> None:
        current_default_thread_limiter().total_tokens = _THREADS
        self._on_loop(asyncio.get_running_loop())
        try:
            await server.serve(sockets=[doorway])
        finally:
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)  # in which they are closed

    def _is_limited(self, address: str) -> bool:
        """Return whether an address is a single machine's: behind a proxy are all of them."""
        proxy = self._settings.proxy
        return proxy is None or not is_trusted(address, proxy)

    def _say(self, error: Exception) -> None:
        problem = f"{self._settings.host}:{self._settings.port}: {error}"
        if problem != self.problem:
            _log.error("page: cannot be served on %s; tried again", problem)
        self.problem = problem


def _configuration(app: ASGIApp, context: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="error",  # what a client does wrong is no news, and a port scanner does nothing else
        access_log=False,
        lifespan="off",
        ws="none",
        http=ImpatientProtocol,
        loop="asyncio",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,  # type: ignore[arg-type] # it takes parts of a second as well
        ssl_context_factory=None if context is None else lambda *_: context,
    )


@contextmanager
def _without_noise(stop: threading.Event) -> Iterator[None]:
    """Keep uvicorn from calling it an error that streams end with the server."""
    logger = logging.getLogger("uvicorn.error")

    def is_news(_: logging.LogRecord) -> bool:
        return not stop.is_set()

    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)
