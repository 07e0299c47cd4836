"""One client's connection: frames in, requests to the nucleus; answers and events out."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.nucleus.configuration import count_objects
from tests.nucleus.flavors import Flavor, exceeds
from tests.nucleus.frames import VERSION, Flag, Frame, FrameError, Kind, take_frames
from tests.nucleus.refusals import ApiError, RefusalError

NAMESPACE = "aws.greengrass#"

_REFUSED_CLOSES_AFTER_S = 0.1  # closed at once, the client may miss the answer


class Host(Protocol):
    """What a connection needs of the nucleus."""

    flavor: Flavor
    token: str

    def came(self, connection: "Connection") -> None: ...
    def asked_to_connect(self, connection: "Connection", *, token_is_good: bool) -> None: ...
    def serve(self, call: "Call") -> None: ...
    def end_stream(self, connection: "Connection", stream_id: int) -> None: ...
    def went(self, connection: "Connection") -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """A request that waits for its answer."""

    connection: "Connection"
    stream_id: int
    operation: str
    request: dict[str, Any]

    def answer(self, response: Mapping[str, Any]) -> None:
        flavor = self.connection.flavor
        ends = flavor.is_java and not self.operation.startswith("SubscribeTo")
        flags = Flag.TERMINATE_STREAM if ends else Flag.NONE
        frame = _message(self.stream_id, f"{self.operation}Response", response, flags=flags)
        is_too_large = exceeds(len(frame.encode()), flavor.answer_bytes)
        if is_too_large or exceeds(count_objects(response), flavor.answer_objects):
            self.refuse(RefusalError(ApiError.SERVICE))
        else:
            self._end(frame)

    def refuse(self, refusal: RefusalError) -> None:
        payload = {"_message": refusal.text, "_errorCode": refusal.name}
        if self.connection.flavor.is_java:
            payload |= {"message": refusal.text, "_service": f"{NAMESPACE}GreengrassCoreIPC"}
        flags = Flag.TERMINATE_STREAM
        self._end(_message(self.stream_id, refusal.name, payload, kind=Kind.APPLICATION_ERROR, flags=flags))

    def _end(self, frame: Frame) -> None:
        self.connection.write(frame)
        self.connection.in_flight.discard(self.stream_id)


class Connection(asyncio.Protocol):
    """A client, once its token was found good.

    Attributes:
        in_flight: The streams of publishes that have no answer yet.
        most_in_flight: The most that there were at once.
    """

    def __init__(self, host: Host) -> None:
        self.flavor = host.flavor
        self.in_flight: set[int] = set()
        self.most_in_flight = 0
        self._host = host
        self._buffer = bytearray()
        self._is_accepted = False
        self._transport = asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._host.came(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        frames: list[Frame] = []
        try:
            frames.extend(take_frames(self._buffer, longest=self.flavor.frame_bytes))
            is_whole = True
        except FrameError:
            is_whole = False
        self.in_flight.update(frame.stream_id for frame in frames if "Publish" in frame.texts.get("operation", ""))
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        for frame in frames:
            self._take(frame)
        if not is_whole:
            self.close()

    def connection_lost(self, _exception: Exception | None) -> None:
        self._host.went(self)

    def send_event(self, stream_id: int, type_name: str, event: Mapping[str, Any]) -> None:
        self.write(_message(stream_id, type_name, event))

    def write(self, frame: Frame) -> None:
        if not self._transport.is_closing():
            self._transport.write(frame.encode())

    def close(self) -> None:
        self._transport.abort()

    def _take(self, frame: Frame) -> None:
        if not self._is_accepted:
            self._connect(frame)
        elif frame.kind is Kind.PING:
            self.write(Frame(Kind.PING_RESPONSE, payload=frame.payload))
        elif frame.flags & Flag.TERMINATE_STREAM:
            self.in_flight.discard(frame.stream_id)
            self._host.end_stream(self, frame.stream_id)
        else:
            operation = frame.texts["operation"].removeprefix(NAMESPACE)
            self._host.serve(Call(self, frame.stream_id, operation, json.loads(frame.payload)))

    def _connect(self, frame: Frame) -> None:
        self._is_accepted = (
            frame.kind is Kind.CONNECT
            and frame.texts.get(":version") == VERSION
            and json.loads(frame.payload).get("authToken") == self._host.token
        )
        self._host.asked_to_connect(self, token_is_good=self._is_accepted)
        if self._is_accepted:
            self.write(Frame(Kind.CONNECT_ACK, Flag.CONNECTION_ACCEPTED))
            return
        if not self.flavor.is_java:
            self.close()
            return
        self.write(Frame(Kind.CONNECT_ACK))
        asyncio.get_running_loop().call_later(_REFUSED_CLOSES_AFTER_S, self.close)


def _message(
    stream_id: int,
    type_name: str,
    payload: Mapping[str, Any],
    *,
    kind: Kind = Kind.APPLICATION_MESSAGE,
    flags: Flag = Flag.NONE,
) -> Frame:
    texts = {":content-type": "application/json", "service-model-type": f"{NAMESPACE}{type_name}"}
    return Frame(kind, flags, stream_id, texts, json.dumps(payload).encode())
