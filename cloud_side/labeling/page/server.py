"""The server: uvicorn on a thread of its own, and the finisher beside it."""

import asyncio
import threading
from types import TracebackType
from typing import Final, Self

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp

from cloud_side.listening import BACKLOG, bound, configuration

_THREADS: Final = 16  # requests that wait for S3 at once
_GRACE_S: Final = 2


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
        self._socket = bound(host, port)
        self._socket.listen(BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(configuration(app, grace_s=_GRACE_S))
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
