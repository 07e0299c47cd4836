"""The live view: what is inspected now, with what was found on it; made once for all, and only while somebody looks."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from pydantic import Field
from starlette.responses import Response

from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding
from edge_inspector.page.access.roles import Role
from edge_inspector.page.audience import Audience
from edge_inspector.page.doors import Asked, Document, Door, Turned
from edge_inspector.page.live_picture import encode, picture_of
from edge_inspector.page.streams import Stream
from edge_inspector.settings import PageSettings

_log = logging.getLogger(__name__)
_AGAIN_S = 3.0  # a still picture is sent again: a browser that missed it, and a proxy that waits, see it then
_STILL_WAITS_S: Final = 2.0
_CLOSE_S = 0.2
_BOUNDARY = b"edge-inspector-picture"
_JPEG = "image/jpeg"


class LiveQuery(Document):
    """Which time a browser asks."""

    turn: int | None = Field(
        None, ge=0, description="another number has a browser ask, which else shows what it has of a stream that ended"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """The newest picture, as a part of a stream and alone."""

    part: bytes
    jpeg: bytes


class LiveView:
    """Watches what is inspected, for those who watch it; none of them is ever waited for.

    Attributes:
        encoded: How many pictures were made.
    """

    def __init__(self, settings: PageSettings) -> None:
        """Prepare; entering starts the thread `page-live`, leaving ends it and all streams.

        Args:
            settings: How often, and how wide.
        """
        self._period_s, self._width = 1 / settings.live_hz, settings.live_width
        self.encoded = 0
        self._audience = Audience("live view", on_first=self._begin, on_last=self._end)
        self._is_wanted = False
        self._has_passed = False  # a frame that nobody saw: the picture is not the newest any more
        self._newest: deque[tuple[Frame, FrameFinding]] = deque(maxlen=1)
        self._news, self._stop = threading.Event(), threading.Event()
        self._picture: _Picture | None = None
        self._thread = threading.Thread(target=self._run, name="page-live", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End; before the server is closed, which would wait for the streams."""
        self._audience.close()
        self._stop.set()
        self._news.set()
        self._thread.join(_CLOSE_S)

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._audience)

    def watch(self, frame: Frame, finding: FrameFinding) -> None:
        """Take note of a frame that was inspected; takes no time."""
        if not self._is_wanted:
            self._has_passed = True
            return
        self._newest.append((frame, finding))
        self._news.set()

    def on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on with this event loop."""
        self._audience.on_loop(loop)
        self._end()

    def doors(self) -> list[Door]:
        """Return what can be asked."""
        return [
            Door(
                "GET",
                "/api/v1/live",
                Role.VIEWER,
                "What is inspected now, with what was found on it, as a stream of JPEG pictures",
                self.stream,
                query=LiveQuery,
                media="multipart/x-mixed-replace",
                errors={503: "there are too many viewers"},
            ),
            Door(
                "GET",
                "/api/v1/live.jpg",
                Role.VIEWER,
                "The same as one picture",
                self.still,
                media=_JPEG,
                errors={404: "nothing was inspected in the last seconds"},
            ),
        ]

    async def stream(self, _: Asked) -> Response:
        """Return the stream of one viewer; one that is slow gets fewer pictures, never older ones."""
        self._audience.check_room()
        return Stream(
            self._audience, self._parts, media=f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode('ascii')}"
        )

    async def still(self, _: Asked) -> Response:
        """Return one picture; waits for the next one where there is none that is the newest.

        Raises:
            Turned: If none comes.
        """
        self._audience.check_room()
        news = asyncio.Event()
        with self._audience.seat(news):
            try:
                async with asyncio.timeout(_STILL_WAITS_S):
                    while (picture := self._picture) is None:
                        await news.wait()
                        news.clear()
            except TimeoutError as error:
                text = f"expected a frame within {_STILL_WAITS_S:g} s, found none"
                raise Turned(404, "no_picture", text) from error
        return Response(picture.jpeg, media_type=_JPEG, headers={"Cache-Control": "no-store"})

    async def _parts(self, news: asyncio.Event) -> AsyncIterator[bytes]:
        yield b"--" + _BOUNDARY + b"\r\n"
        while True:
            news.clear()
            if (picture := self._picture) is not None:
                yield picture.part
            try:
                async with asyncio.timeout(_AGAIN_S):
                    await news.wait()
            except TimeoutError:
                continue

    def _begin(self) -> None:
        if self._has_passed:
            self._picture = None
        self._has_passed, self._is_wanted = False, True

    def _end(self) -> None:
        self._is_wanted = False
        if self._newest:
            self._newest.clear()
            self._has_passed = True

    # What follows runs on the thread `page-live`.

    def _run(self) -> None:
        while not self._stop.is_set():
            self._news.wait()
            self._news.clear()
            began_s = time.monotonic()
            try:
                frame, finding = self._newest.pop()
            except IndexError:
                continue
            try:
                self._show(frame, finding)
            except Exception:  # noqa: BLE001 - thread boundary: the next one may be better
                _log.exception("page: a live picture cannot be made")
            del frame, finding
            self._stop.wait(began_s + self._period_s - time.monotonic())

    def _show(self, frame: Frame, finding: FrameFinding) -> None:
        jpeg = encode(picture_of(frame, finding, width=self._width))
        head = f"Content-Type: {_JPEG}\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode("ascii")
        # A browser shows a part when it sees where the next one begins.
        picture = _Picture(head + jpeg + b"\r\n--" + _BOUNDARY + b"\r\n", jpeg)
        self.encoded += 1
        self._picture = picture
        self._audience.tell_soon()
