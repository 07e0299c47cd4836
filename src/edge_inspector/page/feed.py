"""The event stream: what is put on record reaches every browser that watches, also what came while it did not.

Each viewer has a place of its own in the journal, which its browser repeats when it comes back (`Last-Event-ID`). What
the line does is no event: its document is made once for all viewers, while there are any.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Final, Self

from anyio import CapacityLimiter
from pydantic import Field
from starlette.responses import Response

from edge_inspector.journal import Entry, Journal
from edge_inspector.page.access.roles import Role
from edge_inspector.page.audience import Audience, Bell
from edge_inspector.page.doors import Asked, Document, Door
from edge_inspector.page.replay import Missed, Replay, beside
from edge_inspector.page.streams import Stream

_log = logging.getLogger(__name__)
LINE_EVERY_S: Final = 0.25
_LINE_AT_LEAST_EVERY_S = 1.0  # what is in no event, as a rate, is looked at so often
_HEARTBEAT_S = 5.0
_AT_ONCE = 64  # events of one write: 256 KB
_RETRY = b"retry: 2000\n"


class FeedQuery(Document):
    """Where to go on."""

    last_event_id: str | None = Field(
        None, max_length=64, description="`id` of the last event that came; the header Last-Event-ID counts before it"
    )


class Feed:
    """Sends events, and what the line does, to all who watch."""

    def __init__(self, journal: Journal, session: str, line: Callable[[], bytes]) -> None:
        """Prepare; entering begins to listen, leaving ends all streams.

        Args:
            journal: Open when this is entered.
            session: Id of this run of the daemon.
            line: Returns the document of the line as JSON; called on other threads, one at a time.
        """
        self._journal, self._session, self._make_line = journal, session, line
        self._replay = Replay(journal)
        self._audience = Audience("events", on_first=self._begin, on_last=self._end)
        self._is_new = asyncio.Event()  # for the document of the line
        self._bell = Bell(self._tell)
        self._threads = CapacityLimiter(1)  # its own: the line is not kept waiting by those who look things up
        self._looking: asyncio.Task[None] | None = None
        self._line: bytes | None = None  # as it was sent last
        self._told = 0  # number up to which viewers have been told of events
        self._problem: str | None = None
        self._stop_listening: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self._stop_listening = self._journal.listen(self.look_again)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End all streams; before the server is closed, which would wait for them."""
        self._stop_listening()
        self._audience.close()

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._audience)

    def look_again(self) -> None:
        """Look soon at what is on record and at what the line does: it may be another; for all threads."""
        if len(self._audience):
            self._bell()

    def on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on with this event loop."""
        self._is_new, self._threads = asyncio.Event(), CapacityLimiter(1)
        self._looking = self._line = None
        self._bell.on_loop(loop)
        self._audience.on_loop(loop)

    def doors(self) -> list[Door]:
        """Return what can be asked."""
        return [
            Door(
                "GET",
                "/api/v1/events",
                Role.VIEWER,
                "Events as they come, and what the line does, as server-sent events; goes on after Last-Event-ID",
                self.watch,
                query=FeedQuery,
                media="text/event-stream",
                errors={503: "there are too many viewers"},
            )
        ]

    async def watch(self, asked: Asked) -> Response:
        """Return the stream of one viewer."""
        self._audience.check_room()
        last_id = asked.request.headers.get("last-event-id") or asked.query.last_event_id
        newest = self._journal.last_seq
        seq = newest if last_id is None else self._replay.seq_of(last_id)
        first = self._hello(newest) + self._gap(Missed(None, newest)) if seq is None else self._hello(seq)

        def chunks(news: asyncio.Event) -> AsyncIterator[bytes]:
            return self._chunks(first, newest if seq is None else seq, news)

        return Stream(self._audience, chunks, media="text/event-stream")

    async def _chunks(self, first: bytes, seq: int, news: asyncio.Event) -> AsyncIterator[bytes]:
        yield first
        line: bytes | None = None
        while True:
            news.clear()
            while isinstance(found := await self._replay.after(seq), Missed):
                yield self._gap(found)
                seq = found.through
            for start in range(0, len(found.entries), _AT_ONCE):
                yield b"".join(map(self._event, found.entries[start : start + _AT_ONCE]))
            seq = found.through
            if self._line is not None and self._line is not line:
                yield (line := self._line)
            try:
                async with asyncio.timeout(_HEARTBEAT_S):
                    await news.wait()
            except TimeoutError:
                yield b":\n\n" + (line or b"")  # a browser tells its page nothing of a comment

    def _begin(self) -> None:
        self._looking = asyncio.get_running_loop().create_task(self._look_at_line())

    def _end(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._line = None

    async def _look_at_line(self) -> None:
        """Have the document of the line made while somebody watches, once for all."""
        document: bytes | None = None
        while True:
            self._is_new.clear()
            if (latest := await self._document()) not in {None, document}:
                document = latest
                self._line = b"event: line\ndata: " + _in_one_line(latest or b"") + b"\n\n"
                self._audience.tell()
            await asyncio.sleep(LINE_EVERY_S)
            try:
                async with asyncio.timeout(_LINE_AT_LEAST_EVERY_S - LINE_EVERY_S):
                    await self._is_new.wait()
            except TimeoutError:
                continue

    async def _document(self) -> bytes | None:
        try:
            document = await beside(self._make_line, self._threads)
        except Exception as error:  # noqa: BLE001 - one that cannot be made must not end all that follow
            if (words := f"{type(error).__name__}: {error}") != self._problem:
                _log.error("page: what the line does cannot be told: %s", words)
            self._problem = words
            return None
        self._problem = None
        return document

    def _tell(self) -> None:
        self._is_new.set()
        newest = self._journal.last_seq  # asked first: what comes in between is told twice
        if self._replay.may_have_news(self._told):  # most of what is put on record is no event of the stream
            self._audience.tell()
        self._told = newest

    def _hello(self, seq: int) -> bytes:
        words = {"session": self._session, "last_id": self._replay.id_of(self._journal.last_seq)}
        return _RETRY + self._named(seq, "hello", json.dumps(words).encode())

    def _gap(self, missed: Missed) -> bytes:
        return self._named(missed.through, "gap", json.dumps({"skipped": missed.count}).encode())

    def _event(self, entry: Entry) -> bytes:
        kind = entry.message.id.split("/")[1] if "/" in entry.message.id else "event"
        return self._named(entry.seq, kind, _in_one_line(entry.message.payload))

    def _named(self, seq: int, kind: str, data: bytes) -> bytes:
        return f"id: {self._replay.id_of(seq)}\nevent: {kind}\ndata: ".encode() + data + b"\n\n"


def _in_one_line(document: bytes) -> bytes:
    """Return a JSON document without line ends, which end an event; in JSON they mean nothing outside of texts."""
    return b" ".join(document.splitlines())
