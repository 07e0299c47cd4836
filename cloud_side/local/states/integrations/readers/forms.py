"""How items lie in an object: a JSON array, JSON Lines, or a table. Each gives items with where the next one begins.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import IO, Protocol, TypeAlias

from cloud_side.local.states.integrations.readers.array import STRICT_JSON, array_items
from cloud_side.local.states.integrations.readers.objects import CHUNK_BYTES, LARGEST_ITEM_BYTES
from cloud_side.local.states.store import Json

_LARGEST_HEADER_BYTES = 10_240
Place: TypeAlias = Mapping[str, Json]
"""Where to go on in an object: `offset` in bytes, and what else a form needs."""


class Form(Protocol):
    """One way in which items lie in an object."""

    def items(self, stream: IO[bytes], place: Place | None) -> Iterator[tuple[Json, Place]]:
        """Give the items of a stream, each with where to go on after it.

        Args:
            stream: Opened at `offset` of the place.
            place: Where it goes on; None at the beginning.

        Raises:
            ValueError: If the content is none of this form.
        """
        ...


@dataclass(frozen=True)
class JsonArray:
    """A JSON document that is an array, or has one.

    Attributes:
        pointer: Where the array is in the document, by RFC 6901.
    """

    pointer: str = ""

    def items(self, stream: IO[bytes], place: Place | None) -> Iterator[tuple[Json, Place]]:
        """Give the items of the array."""
        for item, offset in array_items(stream, self.pointer, None if place is None else place["offset"]):
            yield item, {"offset": offset}


@dataclass(frozen=True)
class JsonLines:
    """One JSON value a line."""

    def items(self, stream: IO[bytes], place: Place | None) -> Iterator[tuple[Json, Place]]:
        """Give the value of each line that is not blank."""
        for line, offset in _lines(stream, 0 if place is None else place["offset"]):
            if line.strip():
                yield STRICT_JSON.decode(line.decode()), {"offset": offset}


@dataclass(frozen=True)
class Table:
    """Comma-separated values, or others; each row an object of texts.

    Attributes:
        delimiter: One character.
        headers: Names of the columns; None where the first row has them.
    """

    delimiter: str = ","
    headers: Sequence[str] | None = None

    def items(self, stream: IO[bytes], place: Place | None) -> Iterator[tuple[Json, Place]]:
        """Give the rows: one that is short is filled with empty texts, one that is long is cut."""
        lines = _Lines(stream, 0 if place is None else place["offset"])
        rows = csv.reader(lines, delimiter=self.delimiter, escapechar="\\", strict=True)
        headers = self._headers(rows, place)
        try:
            for row in rows:
                if row:
                    item = dict(zip_longest(headers, row[: len(headers)], fillvalue=""))
                    yield item, {"offset": lines.offset, **({} if self.headers else {"headers": headers})}
        except csv.Error as error:
            msg = f"the row that ends before byte {lines.offset} cannot be read: {error}"
            raise ValueError(msg) from error

    def _headers(self, rows: Iterator[list[str]], place: Place | None) -> list[str]:
        if self.headers is not None:
            return list(self.headers)
        headers = list(place["headers"]) if place is not None else next(rows, [])
        if len(",".join(headers).encode()) > _LARGEST_HEADER_BYTES:
            msg = f"the first row has more than {_LARGEST_HEADER_BYTES} bytes, expected the names of columns"
            raise ValueError(msg)
        return headers


class _Lines(Iterator[str]):
    """Lines of text, and where the next one begins."""

    def __init__(self, stream: IO[bytes], offset: int) -> None:
        self.offset = offset
        self._lines = _lines(stream, offset)

    def __next__(self) -> str:
        line, self.offset = next(self._lines)
        return line.decode() + "\n"


def _lines(stream: IO[bytes], offset: int) -> Iterator[tuple[bytes, int]]:
    """Give the lines without their ends, each with where the next one begins."""
    rest = b""
    if offset == 0:
        while codecs.BOM_UTF8.startswith(rest) and rest != codecs.BOM_UTF8 and (chunk := stream.read(CHUNK_BYTES)):
            rest += chunk
        if rest.startswith(codecs.BOM_UTF8):
            offset = len(codecs.BOM_UTF8)
            rest = rest[offset:]
    while True:
        *lines, rest = rest.split(b"\n")
        for line in lines:
            offset += len(line) + 1
            yield line, offset
        if len(rest) > LARGEST_ITEM_BYTES:
            msg = f"the line at byte {offset} has more than {LARGEST_ITEM_BYTES} bytes"
            raise ValueError(msg)
        if not (chunk := stream.read(CHUNK_BYTES)):
            break
        rest += chunk
    if rest:
        yield rest, offset + len(rest)
