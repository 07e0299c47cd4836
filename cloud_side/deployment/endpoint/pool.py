"""Several models that are open, a thread for each, and a bounded room in which requests wait for them."""

import asyncio
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from cloud_side.deployment.endpoint.looking import Looker, Wish
from edge_inspector.errors import InspectorError
from edge_inspector.events import Json


class FullError(InspectorError):
    """As many requests as there is room for are under way; try again in a moment."""


class GoneError(InspectorError):
    """Who asked does not wait for the answer."""


class Pool:
    """Looks at images, each on a free model; for one event loop.

    Attributes:
        identity: Which model it is.
        most: Requests under way at once: one on each model, and those that wait.
    """

    def __init__(self, lookers: Sequence[Looker], *, waiting: int) -> None:
        """Take the models.

        Args:
            lookers: At least one, all of the same file.
            waiting: Requests that wait for one at most.
        """
        self.identity = lookers[0].identity
        self.most = len(lookers) + waiting
        self._under_way = 0
        self._free: queue.SimpleQueue[Looker] = queue.SimpleQueue()
        for looker in lookers:
            self._free.put(looker)
        self._threads = ThreadPoolExecutor(len(lookers), "look")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Keep a place for a request, from before its body is read until it is answered.

        Raises:
            FullError: If there is none.
        """
        if self._under_way >= self.most:
            msg = f"expected at most {self.most} requests at once, found one more; try again in a moment"
            raise FullError(msg)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def look(self, content: bytes, wish: Wish, gone: asyncio.Future[None]) -> dict[str, Json]:
        """Return what is on an image, as `Looker.look`; call it in a place.

        Args:
            content: As for `Looker.look`.
            wish: As for `Looker.look`.
            gone: Is done when nobody waits for the answer any more; what has not begun by then is not begun.

        Raises:
            GoneError: If it was not begun.
        """
        begun = self._threads.submit(self._look, content, wish)
        looking = asyncio.wrap_future(begun)
        ends: set[asyncio.Future[Any]] = {looking, gone}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if begun.cancel():  # what runs or is done cannot be
            msg = "expected who asks to wait for the answer, found the connection closed"
            raise GoneError(msg)
        return await looking  # its place is kept as long as it takes memory

    def _look(self, content: bytes, wish: Wish) -> dict[str, Json]:
        looker = self._free.get_nowait()  # there are as many as threads
        try:
            return looker.look(content, wish)
        finally:
            self._free.put(looker)
