"""Answers without an end: they last until the browser leaves or the page closes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from edge_inspector.page.audience import Audience

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the other: for a reverse proxy
_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Stream(StreamingResponse):
    """What one viewer is sent for as long as it watches.

    Nothing piles up for a viewer that is slow: what comes next is chosen when it has taken what came before.
    """

    def __init__(
        self, audience: Audience, chunks: Callable[[asyncio.Event], AsyncIterator[bytes]], *, media: str
    ) -> None:
        """Prepare; the viewer is counted while it is answered.

        Args:
            audience: Of which it becomes one; it has room.
            chunks: Yields what is sent, without end, given what is set when there is something new.
            media: Content type.
        """
        self._audience, self._news = audience, asyncio.Event()
        super().__init__(chunks(self._news), media_type=media, headers=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._audience.seat(self._news):
            await _first_of(self._send(send), _gone(receive), self._audience.wait_closed())
        await _first_of(_send_end(send), _gone(receive), self._audience.wait_closed())

    async def _send(self, send: Send) -> None:
        try:
            async for chunk in self.body_iterator:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            if (close := getattr(self.body_iterator, "aclose", None)) is not None:
                await close()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_end(send: Send) -> None:
    await send(_END)


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, and end the others.

    Raises:
        Exception: What one of them ended with.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
