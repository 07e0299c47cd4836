"""A connection that waits without end neither for a request that dribbles in, nor for a reader that stopped."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S: Final = 10.0  # from the first byte, or from connecting, to the end of a request's head
STALLED_S: Final = 20.0  # for a client that takes nothing of what is sent


class _Limit:
    """Calls once, unless it is lifted in time."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def set(self, loop: asyncio.AbstractEventLoop, seconds: float, callback: Callable[[], object]) -> None:
        """Call after so many seconds; nothing changes where the limit is set already."""
        if self._timer is None:
            self._timer = loop.call_later(seconds, callback)

    def lift(self) -> None:
        """Do not call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 with limits in time; the time of a body is limited where it is read."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(*arguments, **named)
        self._for_head, self._for_reader = _Limit(), _Limit()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a first request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came, and go on waiting where it is no whole head."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()
        else:
            self._for_head.lift()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._for_head.lift()
        self._for_reader.lift()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that takes nothing now."""
        super().pause_writing()
        self._for_reader.set(self.loop, STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        self._for_reader.lift()
        super().resume_writing()

    def _wait_for_head(self) -> None:
        if not self.transport.is_closing():
            self._for_head.set(self.loop, HEAD_S, self.transport.abort)
