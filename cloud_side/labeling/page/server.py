"""The server: uvicorn on a thread of its own, and the finisher beside it."""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Final, Self

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp

from edge_inspector.errors import ConfigError

_THREADS: Final = 16  # requests that wait for S3 at once
_KEEP_ALIVE_S: Final = 75  # longer than a load balancer's 60, which must be the one to end a connection
_GRACE_S: Final = 2
_BACKLOG: Final = 256
_LAST_PORT: Final = 65_535


class Server:
    """Serves from entering to leaving.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        """Listen.

        Args:
            app: Answers.
            host: An address of this machine.
            port: 0: any free one.

        Raises:
            ConfigError: If the address or the port cannot be had.
        """
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="error",  # what a client does wrong is no news
                access_log=False,
                lifespan="off",
                ws="none",
                loop="asyncio",
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="labeling-page", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _serve(self) -> None:
        current_default_thread_limiter().total_tokens = _THREADS
        await self._server.serve(sockets=[self._socket])


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:  # the system would take what is left of it modulo 65,536
        msg = f"--port: expected 0 to {_LAST_PORT}, found {port}"
        raise ConfigError(msg)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a name
        msg = (
            f"{host}:{port}: cannot listen here: {error}; expected an address of this machine, and a port that is free"
        )
        raise ConfigError(msg) from error
    return listening
