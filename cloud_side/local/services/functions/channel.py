"""Frames between the engine and a function's process: JSON with its length, over a socket that nothing else uses."""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any, TypeAlias

Frame: TypeAlias = Mapping[str, Any]

_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 16


class Channel:
    """One end."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._received = bytearray()

    def send(self, frame: Frame) -> None:
        """Send one frame.

        Raises:
            OSError: If the other end is gone, or does not read within the socket's time-out.
        """
        content = json.dumps(frame, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self.socket.sendall(_LENGTH.pack(len(content)) + content)

    def receive(self) -> Frame | None:
        """Wait for a frame; None once the other end is gone."""
        while (frame := self.taken()) is None:
            if not self.read():
                return None
        return frame

    def read(self) -> bool:
        """Read what is there, waiting for the first byte of it; False once the other end is gone."""
        try:
            chunk = self.socket.recv(_CHUNK)
        except ConnectionError:
            return False
        self._received += chunk
        return bool(chunk)

    def taken(self) -> Frame | None:
        """Take a whole frame out of what was read; None where there is none."""
        if len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        if len(self._received) < _LENGTH.size + length:
            return None
        content = bytes(self._received[_LENGTH.size : _LENGTH.size + length])
        del self._received[: _LENGTH.size + length]
        frame: Frame = json.loads(content)
        return frame

    def close(self) -> None:
        """Close this end."""
        self.socket.close()
