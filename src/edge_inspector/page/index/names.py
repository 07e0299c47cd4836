"""Names: texts that come again and again, each written once."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

from edge_inspector.inspection import ModelIdentity
from edge_inspector.page.index.rows import Choices
from edge_inspector.page.index.schema import MINUTE_MS, NameKind

_MOST_KNOWN = 10_000
_MOST_CHOICES = 200
_SLACK_MS: Final = 10 * MINUTE_MS  # how often it is written down that a name is still in use

_USE = (
    "INSERT INTO names (kind, name, newest_ms) VALUES (?, ?, ?) ON CONFLICT (kind, name)"
    " DO UPDATE SET newest_ms = max(newest_ms, excluded.newest_ms)"
)
_FIND = "SELECT id, newest_ms FROM names WHERE kind = ? AND name = ?"


class Names:
    """Gives names their numbers; belongs to the connection that writes."""

    def __init__(self) -> None:
        self._known: dict[tuple[NameKind, str], tuple[int, int]] = {}  # number and newest time

    def number_of(self, connection: sqlite3.Connection, kind: NameKind, name: str, at_ms: int) -> int:
        """Return the number of a name, new or old, which is in use at a time.

        Raises:
            sqlite3.Error: If the disk does not take it.
        """
        if (known := self._known.get((kind, name))) is not None and at_ms <= known[1] + _SLACK_MS:
            return known[0]
        connection.execute(_USE, (kind.value, name, at_ms))
        number, newest_ms = (int(column) for column in connection.execute(_FIND, (kind.value, name)).fetchone())
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[kind, name] = number, newest_ms
        return number

    def forget(self) -> None:
        """Know nothing any more: what was written was taken back, or deleted."""
        self._known.clear()


def number_if_known(connection: sqlite3.Connection, kind: NameKind, name: str) -> int | None:
    """Return the number of a name; None where no row has it."""
    found = connection.execute(_FIND, (kind.value, name)).fetchone()
    return None if found is None else int(found[0])


def delete_unused(connection: sqlite3.Connection) -> None:
    """Delete the names that no row has any more: those last used before the oldest row was captured.

    Raises:
        sqlite3.Error: If the disk does not take it.
    """
    connection.execute(
        "DELETE FROM names WHERE newest_ms + ? < (SELECT min(captured_ms) FROM results INDEXED BY by_time)",
        (_SLACK_MS,),
    )


def choices(connection: sqlite3.Connection) -> Choices:
    """Return what filters can be set to, the latest first."""

    def latest(kind: NameKind) -> Iterable[str]:
        statement = "SELECT name FROM names WHERE kind = ? ORDER BY newest_ms DESC, id DESC LIMIT ?"
        return (row[0] for row in connection.execute(statement, (kind.value, _MOST_CHOICES)))

    return Choices(*(tuple(latest(kind)) for kind in (NameKind.LABEL, NameKind.LOT, NameKind.PRODUCT)))


def text_of_model(model: ModelIdentity) -> str:
    """Return a model as one text."""
    return json.dumps([model.name, model.version, model.sha256], ensure_ascii=False)


def model_of(text: str) -> ModelIdentity:
    """Return it again."""
    return ModelIdentity(*json.loads(text))
