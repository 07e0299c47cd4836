"""Bytes on their way in and out of objects, a piece at a time."""

import base64
import io
import os
from collections.abc import Iterator
from typing import Any

from cloud_side.local.services.s3.conditions import Span
from cloud_side.local.wiring import Parameters, RefusedRequest

_PIECE = 1 << 20


class FileSlice(io.RawIOBase):
    """An open file, or some bytes of it, for reading; closes the file when they are read, or nobody wants them."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Take over the descriptor of a file of that size; nothing is read yet."""
        self._descriptor: int | None = descriptor
        self._start = self._at = 0
        self._end = size
        self._let_go_at_end()

    def narrow(self, span: Span) -> None:
        """Read only these bytes of the file; nothing has been read yet."""
        self._start = self._at = span.start
        self._end = span.start + span.length
        self._let_go_at_end()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, all that are left when it is negative or None; none at the end."""
        left = self._end - self._at
        wanted = left if size is None or size < 0 else min(size, left)
        pieces: list[bytes] = []
        while wanted and self._descriptor is not None:
            piece = os.pread(self._descriptor, min(wanted, 1 << 30), self._at)  # the system reads below 2 GiB at once
            if not piece:
                break  # somebody has cut the file off
            pieces.append(piece)
            self._at += len(piece)
            wanted -= len(piece)
        self._let_go_at_end()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readall(self) -> bytes:
        """Return all bytes that are left."""
        return self.read()

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        """Fill a buffer as far as there are bytes, and return how many."""
        view = memoryview(buffer).cast("B")
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def tell(self) -> int:
        """Return how many bytes have been read."""
        return self._at - self._start

    def close(self) -> None:
        """Close the file, once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        super().close()

    def _let_go_at_end(self) -> None:
        if self._at == self._end and self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def pieces_of(source: FileSlice) -> Iterator[bytes]:
    """Yield what is left of a file, a piece at a time."""
    while piece := source.read(_PIECE):
        yield piece


def body_of(parameters: Parameters) -> Iterator[bytes]:
    """Yield the content that came with a request, a piece at a time.

    Raises:
        RefusedRequest: If it gives no bytes.
    """
    body = parameters.get("Body", b"")
    if isinstance(body, bytes | bytearray):
        yield bytes(body)
    elif isinstance(body, str):
        yield body.encode()
    else:
        if hasattr(body, "signal_transferring"):
            body.signal_transferring()  # a transfer counts what is read from now on as progress
        while piece := body.read(_PIECE):
            if not isinstance(piece, bytes):
                msg = f"Body: its read() gives {type(piece).__name__}, expected bytes; open the file with 'rb'"
                raise RefusedRequest("InvalidRequest", msg)
            yield piece


def check_md5(parameters: Parameters, md5: str, address: str) -> None:
    """Hold the content against the hash that came with it.

    Raises:
        RefusedRequest: If they differ.
    """
    if (expected := parameters.get("ContentMD5")) is None:
        return
    if (found := base64.b64encode(bytes.fromhex(md5)).decode()) != expected:
        msg = f"{address}: what came has the ContentMD5 {found}, expected {expected}"
        raise RefusedRequest("BadDigest", msg)
