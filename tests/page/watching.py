"""Doors served for real, and those who watch: answers that come as they are read, events, and pictures."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Self

from edge_inspector.page.access.guard import Guard
from edge_inspector.page.access.sessions import Sessions
from edge_inspector.page.application import application
from edge_inspector.page.doors import Door
from edge_inspector.page.server import PageServer
from edge_inspector.settings import PageSettings
from tests.mosquitto import HOST, PATIENCE_S, eventually


@contextmanager
def served(doors: Sequence[Door], *, on_loop: Sequence[Callable[[Any], None]] = ()) -> Iterator[int]:
    """Serve these doors, and give the port; everybody may look."""
    settings = PageSettings(port=0)
    guard = Guard(settings, Sessions(settings.users, hours=1, home=None))

    def tell(loop: Any) -> None:
        for each in on_loop:
            each(loop)

    with PageServer(application(doors, guard), settings, on_loop=tell) as server:
        eventually(lambda: server.port, what="the page is served")
        assert server.port is not None
        yield server.port


class Stream:
    """One request, and its answer as it comes."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str] | None = None) -> None:
        self._closing = ExitStack()
        self._connection = HTTPConnection(HOST, port, timeout=PATIENCE_S)
        self._closing.callback(self._connection.close)
        self._connection.request("GET", path, headers=dict(headers or {}))
        self._socket = self._connection.sock
        self.response: HTTPResponse = self._connection.getresponse()
        self._closing.callback(self.response.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def status(self) -> int:
        return self.response.status

    def header(self, name: str) -> str:
        return self.response.headers.get(name, "")

    def rest(self) -> bytes:
        """Return what is left of the answer; waits for its end."""
        return self.response.read()

    def hang_up(self) -> None:
        """Go away without a word, as a tablet does."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._closing.close()


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event.

    Attributes:
        id: As a browser would repeat it; empty where it has none.
        kind: Its `event`.
        data: Parsed.
    """

    id: str
    kind: str
    data: Any


class Events(Stream):
    """Follows the event stream, as `EventSource` does."""

    def __init__(self, port: int, *, last_id: str | None = None, by_query: bool = False) -> None:
        query = f"?last_event_id={last_id}" if by_query else ""
        headers = {} if last_id is None or by_query else {"Last-Event-ID": last_id}
        super().__init__(port, f"/api/v1/events{query}", headers)
        self.last_id = last_id

    def next(self) -> Event:
        """Return the next event."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                raise EOFError
            if line == "\n" and "data" in fields:
                break
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                assert name not in fields, f"{name} twice"
                fields[name] = value
        event = Event(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
        self.last_id = event.id or self.last_id
        return event

    def next_of(self, *kinds: str) -> Event:
        """Return the next event of one of these kinds."""
        while (event := self.next()).kind not in kinds:
            pass
        return event

    def until(self, last: Callable[[Event], bool]) -> list[Event]:
        """Return the events up to one, that one included, without `line` and `hello`."""
        events: list[Event] = []
        while not (events and last(events[-1])):
            if (event := self.next()).kind not in {"line", "hello"}:
                events.append(event)
        return events


class Pictures(Stream):
    """Follows the live view."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "/api/v1/live")
        self._boundary = b"--" + self.header("content-type").partition("boundary=")[2].encode()
        assert self.response.readline().rstrip() == self._boundary

    def next(self) -> bytes:
        """Return the next picture; needs the boundary behind it, as a browser does."""
        size = 0
        while (line := self.response.readline().rstrip()) or not size:
            if not line and not size:
                raise EOFError
            name, _, value = line.partition(b": ")
            size = int(value) if name == b"Content-Length" else size
        picture = b""
        while len(picture) < size:
            picture += self.response.read(size - len(picture))
        assert self.response.readline() == b"\r\n"
        assert self.response.readline().rstrip() == self._boundary
        return picture
