"""Several models that are open, a thread for each, and a bounded room in which requests wait for them."""

import asyncio
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from cloud_side.deployment.endpoint.looking import Looker, Wish
from edge_inspector.errors import InspectorError
from edge_inspector.events import Json


class FullError(InspectorError):
    """As many requests as there is room for are under way; try again in a moment."""


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
        self._threads.shutdown()

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

    async def look(self, content: bytes, wish: Wish) -> dict[str, Json]:
        """Return what is on an image, as `Looker.look`; call it in a place."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._look, content, wish)

    def _look(self, content: bytes, wish: Wish) -> dict[str, Json]:
        looker = self._free.get_nowait()  # there are as many as threads
        try:
            return looker.look(content, wish)
        finally:
            self._free.put(looker)
