"""Reads a JSON array item by item from a stream, so that it never is in memory as a whole."""

import codecs
import json
from collections.abc import Iterator
from typing import IO

from cloud_side.local.states.integrations.readers.objects import CHUNK_BYTES, LARGEST_ITEM_BYTES
from cloud_side.local.states.store import Json

_FARTHEST_START_BYTES = 16_777_216
_BLANK = " \t\n\r"
_MAY_BELONG = 3  # characters after a number that may belong to it, as e-1 to 5e-1


def array_items(stream: IO[bytes], pointer: str, offset: int | None) -> Iterator[tuple[Json, int]]:
    """Give the items of an array, each with the offset of the byte after it.

    Args:
        stream: UTF-8, opened at the offset.
        pointer: Where the array is in the document, by RFC 6901: within its first 16 MiB.
        offset: A byte after an item; None at the beginning of the document.

    Raises:
        ValueError: If it is no JSON, there is no array, or an item has more than 8 MiB.

    Source:
        https://www.rfc-editor.org/rfc/rfc6901; the limits are those of
        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    """
    text = _Text(stream, offset or 0)
    if offset is None:
        _find(text, pointer)
        text.take("[")
        if text.peek() == "]":
            return
    elif text.take(",]") == "]":
        return
    while True:
        item = text.value(LARGEST_ITEM_BYTES)
        yield item, text.offset()
        if text.take(",]") == "]":
            return


def _find(text: "_Text", pointer: str) -> None:
    """Go to the value that a pointer names."""
    if pointer and not pointer.startswith("/"):
        msg = f"the pointer {pointer!r} does not begin with '/'"
        raise ValueError(msg)
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if not (_enter_object(text, name) if text.peek() == "{" else _enter_array(text, name)):
            msg = f"the pointer {pointer!r} leads nowhere: there is no {name!r}"
            raise ValueError(msg)
    if text.peek() != "[":
        msg = f"there is {text.peek() or 'nothing'!r} at byte {text.offset()}, expected an array of items"
        raise ValueError(msg)


def _enter_object(text: "_Text", name: str) -> bool:
    text.take("{")
    while text.peek() != "}":
        key = text.value(LARGEST_ITEM_BYTES)
        text.take(":")
        if key == name:
            return True
        text.value(_FARTHEST_START_BYTES)
        if text.take(",}") == "}":
            break
    return False


def _enter_array(text: "_Text", name: str) -> bool:
    text.take("[")
    index = 0
    while text.peek() != "]":
        if str(index) == name:
            return True
        text.value(_FARTHEST_START_BYTES)
        index += 1
        if text.take(",]") == "]":
            break
    return False


class _Text:
    """The text of a stream from where it was read to."""

    def __init__(self, stream: IO[bytes], offset: int) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._counted = 0  # characters of the text that are in the offset
        self._offset = offset
        self._is_all = False

    def offset(self) -> int:
        """Return how many bytes of the document were read."""
        read = self._text[self._counted : self._at]
        self._offset += len(read) if read.isascii() else len(read.encode())
        self._counted = self._at
        return self._offset

    def peek(self) -> str:
        """Return the next character that is not blank; nothing at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._is_all:
                return ""
            self._read(CHUNK_BYTES)

    def take(self, expected: str) -> str:
        """Read one of some characters, and return it."""
        found = self.peek()
        if not found or found not in expected:
            msg = f"there is {found or 'nothing'!r} at byte {self.offset()}, expected {' or '.join(expected)}"
            raise ValueError(msg)
        self._at += 1
        return found

    def value(self, largest: int) -> Json:
        """Read a value of at most so many characters."""
        self.peek()
        wanted = CHUNK_BYTES
        while True:
            try:
                value, end = STRICT_JSON.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._is_all or len(self._text) - self._at > largest:
                    msg = f"no JSON of at most {largest} bytes at byte {self.offset()}: {error}"
                    raise ValueError(msg) from error
            else:
                if self._is_all or len(self._text) - end > _MAY_BELONG:
                    self._at = end
                    return value
            self._read(wanted)
            wanted *= 2  # a large value is looked at only a few times

    def _read(self, size: int) -> None:
        """Read on, and let go of what was read."""
        is_first = self.offset() == 0 and not self._text
        chunk = self._stream.read(size)
        self._is_all = not chunk
        more = self._decoder.decode(chunk, final=self._is_all)
        if is_first and more.startswith("\ufeff"):
            self._offset, more = len(codecs.BOM_UTF8), more[1:]
        self._text = self._text[self._at :] + more
        self._at = self._counted = 0


def _refuse_constant(name: str) -> Json:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


STRICT_JSON = json.JSONDecoder(parse_constant=_refuse_constant)
