"""A result as Athena writes it: CSV with everything in quotes, and nothing at all for a null."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, TypeAlias

Row: TypeAlias = list[str | None]
_FIELD = re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)")?([,\n])')  # possessive: a long value costs no memory
_KINDS = {bool: "boolean", int: "bigint", float: "double", str: "varchar"}
_NAME = re.compile(r"[a-zA-Z_]\w*")


def write(file: IO[bytes], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[tuple[str, str]]:
    """Write a header and rows; return the name and type of each column.

    SQLite gives types to values, Athena to columns: a column's type is that of its values.
    """
    kinds: list[set[type]] = [set() for _ in names]
    file.write(_line(names))
    for row in rows:
        for seen, value in zip(kinds, row, strict=True):
            seen.add(type(value))
        file.write(_line([_text(value) for value in row]))
    return [(name, _kind(seen)) for name, seen in zip(names, kinds, strict=True)]


def names_of(description: Sequence[Sequence[Any]]) -> list[str]:
    """Return the columns' names: Athena numbers those that have none."""
    return [each[0].lower() if _NAME.fullmatch(each[0]) else f"_col{number}" for number, each in enumerate(description)]


def read(pieces: Iterator[bytes]) -> Iterator[tuple[Row, int]]:
    """Yield rows of such a file, each with the number of bytes up to its end."""
    rest, before, row = b"", 0, Row()
    for piece in pieces:
        rest, at = rest + piece, 0
        while (field := _FIELD.match(rest, at)) is not None:
            at = field.end()
            row.append(None if field[1] is None else field[1].replace(b'""', b'"').decode())
            if field[2] == b"\n":
                yield row, before + at
                row = Row()
        rest, before = rest[at:], before + at


def _line(values: Sequence[str | None]) -> bytes:
    fields = ("" if value is None else '"' + value.replace('"', '""') + '"' for value in values)
    return (",".join(fields) + "\n").encode()


def _text(value: Any) -> str | None:  # noqa: ANN401 - what SQLite has
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case bytes():
            return value.hex(" ")
    return str(value)


def _kind(seen: set[type]) -> str:
    kinds = {_KINDS.get(each, "varbinary") for each in seen - {type(None)}}
    if kinds == {"bigint", "double"}:
        return "double"
    return kinds.pop() if len(kinds) == 1 else "varchar"
