"""What the journal's file tells, read beside a daemon that may be writing it, and without leaving anything behind."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

_MOST_ENTRIES = 500
_MOST_DEAD_LETTERS = 1000
_BUSY_S = 2.0
_TABLES = ("facts", "places")


def read_journal(path: Path) -> dict[str, str]:
    """Return the journal's state, its newest entries and its dead letters as files by name.

    Raises:
        sqlite3.Error: If it cannot be read.
        OSError: If there is none.
    """
    path.stat()
    with _open(path) as connection:
        tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        state: dict[str, object] = {"bytes": path.stat().st_size}
        state |= {name: _rows(connection, f"SELECT * FROM {name}") for name in _TABLES if name in tables}  # noqa: S608 - constants
        files = {}
        if "events" in tables:
            state["events"] = connection.execute("SELECT count(*) FROM events").fetchone()[0]
            newest = _rows(connection, f"SELECT * FROM events ORDER BY seq DESC LIMIT {_MOST_ENTRIES}")  # noqa: S608 - a constant
            files["entries.jsonl"] = _lines(newest[::-1])
        if "dead_letters" in tables:
            letters = _rows(connection, f"SELECT * FROM dead_letters ORDER BY number DESC LIMIT {_MOST_DEAD_LETTERS}")  # noqa: S608 - a constant
            state["dead_letters"] = len(letters)
            files["dead-letters.jsonl"] = _lines(letters[::-1])
    return {"state.json": json.dumps(state, indent=2, ensure_ascii=False) + "\n", **files}


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    # A file with neither log nor index is open nowhere. Read as such, no index is made for it that would be left
    # behind, perhaps as another user's.
    is_closed = not any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-shm"))
    address = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if is_closed else ''}"
    with closing(sqlite3.connect(address, _BUSY_S, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def _rows(connection: sqlite3.Connection, query: str) -> list[Mapping[str, object]]:
    return [{name: _plain(row[name]) for name in row.keys()} for row in connection.execute(query)]  # noqa: SIM118 - of a row, not a dict


def _plain(value: str | bytes | float | None) -> object:
    if not isinstance(value, str | bytes):
        return value
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if text.startswith("{"):
        try:
            document: object = json.loads(text)
        except ValueError:
            return text
        return document
    return text


def _lines(rows: list[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
