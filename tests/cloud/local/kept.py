"""A home that is kept for all tests of a module, and emptied before each: opening one takes longer than most tests."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.wiring import Service
from tests.cloud.local.shapes import validate_answers


class Kept:
    """A session of some services, with one client of each."""

    def __init__(self, home: Home, services: Sequence[Service]) -> None:
        self.home = home
        tables = [wiring.TABLES, outbox.TABLES, *(service.tables for service in services)]
        self.database = Database(home.database, tables)
        self.session = wiring.local_session(home, self.database, services)
        validate_answers(self.session)
        self._clients: dict[str, Any] = {}

    def client(self, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = self.session.client(name)
        return self._clients[name]

    def empty(self) -> None:
        """Forget everything that is in the database and in the folders."""
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        with self.database.transaction() as connection:
            for (name,) in connection.execute(names).fetchall():
                connection.execute(f"DELETE FROM {name}")
        for folder in (self.home.jobs, self.home.logs, self.home.buckets):  # themselves they stay: to sync them is slow
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def kept(folder: Path, services: Sequence[Service]) -> Iterator[Kept]:
    home = Home(folder / "engine")
    home.make()
    made = Kept(home, services)
    yield made
    made.database.close()
