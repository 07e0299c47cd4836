"""The file of an engine, which many may make and open at once."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from cloud_side.local.database import Database

COUNT = 150
TABLES = ";".join(f"CREATE TABLE IF NOT EXISTS t{number} (a TEXT)" for number in range(COUNT))


def test_nobody_sees_it_half_made(tmp_path: Path) -> None:
    """SQLite gives up a statement of whoever makes it too, when the schema changes again and again under it."""
    path = tmp_path / "engine.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        seen, is_made = set(), threading.Event()

        def make() -> None:
            Database(path, [TABLES]).close()
            is_made.set()

        maker = threading.Thread(target=make)
        maker.start()
        while not is_made.is_set():
            seen.add(other.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0])
        maker.join()
        assert seen <= {0, COUNT}
        assert other.execute("PRAGMA user_version").fetchone()[0] > 0
