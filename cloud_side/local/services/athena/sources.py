"""A table of Glue as it can be read here: JSON lines below a location, with columns of plain types."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from cloud_side.local.jobs.places import Address, PlanError
from cloud_side.local.services.athena.failures import QueryError

Value: TypeAlias = str | int | float | None
_KINDS: Final = {
    "string": "TEXT",
    "int": "INTEGER",
    "bigint": "INTEGER",
    "double": "REAL",
    "boolean": "BOOLEAN",
}
_LARGEST: Final = {"int": 2**31, "bigint": 2**63}
_READING: Final = 1  # another number where lines are read in another way
LONGEST_LINE: Final = 32 << 20  # https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html


@dataclass(frozen=True)
class Source:
    """One table.

    Attributes:
        columns: Name, and Glue's type.
        location: Of its objects; ends with a slash.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    location: Address

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> Self:
        """Return the source that a `TableInput` of Glue describes.

        Raises:
            QueryError: If it cannot be read here; says what is expected.
        """
        storage = given.get("StorageDescriptor", {})
        serializer = storage.get("SerdeInfo", {}).get("SerializationLibrary", "none")
        if not serializer.endswith(".JsonSerDe") or given.get("PartitionKeys"):
            msg = f"NOT_SUPPORTED: table {name}: expected JSON lines without partitions, found {serializer}"
            raise QueryError(msg)
        columns = tuple((each["Name"].lower(), each.get("Type", "string")) for each in storage.get("Columns", ()))
        for column, kind in columns:
            if kind not in _KINDS:
                msg = f"NOT_SUPPORTED: {name}.{column}: expected a type among {', '.join(_KINDS)}, found {kind}"
                raise QueryError(msg)
        try:
            location = Address.parse(storage.get("Location", ""))
            return cls(name, columns, Address(location.bucket, f"{location.key.rstrip('/')}/".lstrip("/")))
        except PlanError as error:
            msg = f"HIVE_METASTORE_ERROR: table {name}: {error}"
            raise QueryError(msg) from error

    @property
    def form(self) -> str:
        """What its rows are read by: with another form they have to be read anew."""
        return json.dumps([_READING, self.columns, str(self.location)])

    def definitions(self) -> str:
        """Return its columns as SQLite defines them."""
        return ", ".join(f'"{name}" {_KINDS[kind]}' for name, kind in self.columns)

    def rows(self, address: Address, pieces: Iterator[bytes], check: Callable[[], None]) -> Iterator[Sequence[Value]]:
        """Yield the rows of one object.

        Args:
            address: Of the object.
            pieces: Its bytes.
            check: Called now and then; raises where the query is not to go on.

        Raises:
            QueryError: If a line is no such row; names the object and the line.
        """
        readers = [(name, kind, _READERS[kind]) for name, kind in self.columns]
        for number, line in enumerate(_lines(pieces), 1):
            if number % 5000 == 0:
                check()
            if not line.strip():
                continue
            try:
                if len(line) > LONGEST_LINE:
                    raise ValueError(_told(f"at most {LONGEST_LINE} bytes", len(line)))  # noqa: TRY301 - with the rest
                document = json.loads(line, parse_constant=_refuse_constant)
                if not isinstance(document, dict):
                    raise ValueError(_told("a JSON object", document))  # noqa: TRY301, TRY004 - with the rest
                yield [_read(read, document.get(name), name, kind) for name, kind, read in readers]
            except (ValueError, RecursionError) as error:
                msg = f"HIVE_BAD_DATA: table {self.name}: {address}, line {number}: {error}"
                raise QueryError(msg) from error


def sources_of(tables: Mapping[str, Mapping[str, Any]], words: set[str]) -> list[Source]:
    """Return the tables that a statement may read, by the words that are in it.

    Raises:
        QueryError: If one of them cannot be read here.
    """
    return [Source.of(name, given) for name, given in sorted(tables.items()) if name in words]


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = b""
    yield rest


def _read(read: Callable[[Any], Value], value: Any, name: str, kind: str) -> Value:  # noqa: ANN401 - any JSON
    if value is None:
        return None
    try:
        return read(value)
    except ValueError as error:
        msg = f"column {name}: {_told(kind, value)}"
        raise ValueError(msg) from error


def _told(expected: str, found: object) -> str:
    return f"expected {expected}, found {found!r:.80}"


def _refuse_constant(name: str) -> None:
    raise ValueError(_told("a number that JSON has", name))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    text = value if isinstance(value, str) else json.dumps(value)
    text.encode()  # half a surrogate pair is no text
    return text


def _whole(largest: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:  # noqa: ANN401 - any JSON
        if type(value) is not int or not -largest <= value < largest:
            raise ValueError
        return value

    return read


def _number(value: Any) -> float:  # noqa: ANN401 - any JSON
    if type(value) not in (int, float):
        raise ValueError
    return float(value)


def _truth(value: Any) -> int:  # noqa: ANN401 - any JSON
    if type(value) is not bool:
        raise ValueError
    return int(value)


_READERS: Final[Mapping[str, Callable[[Any], Value]]] = {
    "string": _text,
    **{kind: _whole(largest) for kind, largest in _LARGEST.items()},
    "double": _number,
    "boolean": _truth,
}
