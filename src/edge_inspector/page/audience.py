"""The audience of a stream: bounded, told together on the event loop, and sent home together."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from edge_inspector.page.doors import Turned

MOST_VIEWERS = 32


class Bell:
    """Something that is done on the event loop soon, however often other threads ask for it until then."""

    def __init__(self, ring: Callable[[], None]) -> None:
        """Do nothing until there is a loop.

        Args:
            ring: Called on the loop; quick, and never failing.
        """
        self._ring = ring
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_asked = False

    def on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on with this event loop."""
        self._loop, self._is_asked = loop, False

    def __call__(self) -> None:
        """Ask for it; from any thread, takes microseconds."""
        if self._loop is None or self._is_asked:
            return
        self._is_asked = True
        with suppress(RuntimeError):  # the loop has ended; another may come
            self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._is_asked = False  # first: whoever asks from here on wants it once more
        self._ring()


class Audience:
    """Who watches now; of one event loop, but for what is said to be for all threads.

    Attributes:
        is_closed: Nobody may watch any more.
    """

    def __init__(self, name: str, *, on_first: Callable[[], None], on_last: Callable[[], None]) -> None:
        """Begin with nobody.

        Args:
            name: What is watched, for people.
            on_first: Called on the loop when somebody comes where nobody was.
            on_last: Called on the loop when the last one has left.
        """
        self._name, self._on_first, self._on_last = name, on_first, on_last
        self.is_closed = False
        self._events: set[asyncio.Event] = set()
        self._closed = asyncio.Event()
        self._close = Bell(self._send_home)
        self._tell = Bell(self.tell)

    def on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on with this event loop; those of one before it are gone with it."""
        self._events = set()
        self._closed = asyncio.Event()
        self._close.on_loop(loop)
        self._tell.on_loop(loop)
        if self.is_closed:
            self._closed.set()

    def __len__(self) -> int:
        """Return how many watch; for all threads."""
        return len(self._events)

    def check_room(self) -> None:
        """Raise Turned where nobody more may watch."""
        if self.is_closed:
            raise Turned(503, "closing", f"{self._name}: the page is being closed; expected to come back in a while")
        if len(self._events) >= MOST_VIEWERS:
            text = f"{self._name}: found {MOST_VIEWERS} viewers, expected fewer; close one that nobody looks at"
            raise Turned(503, "too_many_viewers", text, {"Retry-After": "10"})

    @contextmanager
    def seat(self, event: asyncio.Event) -> Iterator[None]:
        """Let one more watch, for whom `event` is set whenever there is something new."""
        self._events.add(event)
        if len(self._events) == 1:
            self._on_first()
        try:
            yield
        finally:
            if event in self._events:
                self._events.remove(event)
                if not self._events:
                    self._on_last()

    async def wait_closed(self) -> None:
        """Wait until nobody may watch any more."""
        await self._closed.wait()

    def tell(self) -> None:
        """Tell all that something is new."""
        for event in self._events:
            event.set()

    def tell_soon(self) -> None:
        """Do so from any thread."""
        self._tell()

    def _send_home(self) -> None:
        self._closed.set()

    def close(self) -> None:
        """Let all streams end; for all threads."""
        self.is_closed = True
        self._close()
