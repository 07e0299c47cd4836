"""Frames of the event-stream RPC protocol 0.1.0: bytes to frames and back."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

VERSION = "0.1.0"

_PRELUDE = struct.Struct("!III")  # whole length, length of the headers, CRC of these two
_CRC = struct.Struct("!I")
_I32, _STRING = 4, 7  # of the ten types of headers, the two that this protocol uses


class FrameError(Exception):
    """Bytes that are no frame of this protocol."""


class Kind(IntEnum):
    APPLICATION_MESSAGE = 0
    APPLICATION_ERROR = 1
    PING = 2
    PING_RESPONSE = 3
    CONNECT = 4
    CONNECT_ACK = 5
    PROTOCOL_ERROR = 6
    INTERNAL_ERROR = 7


class Flag(IntFlag):
    NONE = 0
    CONNECTION_ACCEPTED = 1
    TERMINATE_STREAM = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One message; `texts` are its headers beside kind, flags and stream."""

    kind: Kind
    flags: Flag = Flag.NONE
    stream_id: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    payload: bytes = b""

    def encode(self) -> bytes:
        numbers = {":message-type": self.kind, ":message-flags": self.flags, ":stream-id": self.stream_id}
        headers = b"".join(_name(name) + struct.pack("!Bi", _I32, value) for name, value in numbers.items())
        for name, text in self.texts.items():
            value = text.encode()
            headers += _name(name) + struct.pack("!BH", _STRING, len(value)) + value
        lengths = struct.pack("!II", _PRELUDE.size + len(headers) + len(self.payload) + _CRC.size, len(headers))
        content = lengths + _CRC.pack(zlib.crc32(lengths)) + headers + self.payload
        return content + _CRC.pack(zlib.crc32(content))


def take_frames(buffer: bytearray, *, longest: int | None = None) -> Iterator[Frame]:
    """Take whole frames from the front of `buffer`, and leave the rest there.

    Args:
        buffer: What was received.
        longest: The most bytes in one frame.

    Raises:
        FrameError: If a CRC does not fit, a header has an unknown type, or a frame is too long.
    """
    while len(buffer) >= _PRELUDE.size:
        length, headers_length, crc = _PRELUDE.unpack_from(buffer)
        if zlib.crc32(buffer[:8]) != crc:
            msg = "the CRC of a frame's lengths does not fit"
            raise FrameError(msg)
        if longest is not None and length > longest:
            msg = f"a frame of {length} bytes; expected at most {longest}"
            raise FrameError(msg)
        if len(buffer) < length:
            return
        content = bytes(buffer[:length])
        del buffer[:length]
        yield _decode(content, headers_length)


def _decode(content: bytes, headers_length: int) -> Frame:
    if zlib.crc32(content[: -_CRC.size]) != _CRC.unpack(content[-_CRC.size :])[0]:
        msg = "the CRC of a frame does not fit"
        raise FrameError(msg)
    at, end = _PRELUDE.size, _PRELUDE.size + headers_length
    numbers: dict[str, int] = {}
    texts: dict[str, str] = {}
    while at < end:
        start = at + 1
        at = start + content[at] + 1
        name, kind = content[start : at - 1].decode().lower(), content[at - 1]
        if kind == _I32:
            numbers[name] = struct.unpack_from("!i", content, at)[0]
            at += 4
        elif kind == _STRING:
            start = at + 2
            at = start + struct.unpack_from("!H", content, at)[0]
            texts[name] = content[start:at].decode()
        else:
            msg = f"header {name} has type {kind}; expected {_I32} or {_STRING}"
            raise FrameError(msg)
    return Frame(
        kind=Kind(numbers[":message-type"]),
        flags=Flag(numbers[":message-flags"]),
        stream_id=numbers[":stream-id"],
        texts=texts,
        payload=content[end : -_CRC.size],
    )


def _name(name: str) -> bytes:
    return struct.pack("!B", len(name)) + name.encode()
