"""Streams last as long as their visitor may look: signing out, or a session that is over, ends them."""

import time
from collections.abc import AsyncIterable, Callable
from typing import Self

from starlette.responses import Content

_LOOK_AGAIN_S = 1.0


class WhileAdmitted:
    """Yields what a stream yields, and asks now and then whether it may go on."""

    def __init__(
        self,
        content: AsyncIterable[Content],
        may_go_on: Callable[[], bool],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with what may be shown now.

        Args:
            content: The stream.
            may_go_on: Whether its visitor may still look; asked about every second, while something comes.
            now_s: The time in seconds, never going back.
        """
        self._content = aiter(content)
        self._may_go_on, self._now_s = may_go_on, now_s
        self._asked_s = now_s()

    def __aiter__(self) -> Self:
        """Return this."""
        return self

    async def __anext__(self) -> Content:
        """Return the next piece.

        Raises:
            StopAsyncIteration: If there is none, or the visitor may see no more.
        """
        chunk = await anext(self._content)
        now_s = self._now_s()
        if now_s - self._asked_s >= _LOOK_AGAIN_S:
            self._asked_s = now_s
            if not self._may_go_on():
                await self.aclose()
                raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Close the stream, where it is one that can be closed."""
        if (close := getattr(self._content, "aclose", None)) is not None:
            await close()
