"""One open home for the tests of a module: to empty it between two of them is much faster than to open another."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.loaders import Loader

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.wiring import Service
from tests.cloud.local.shapes import validate_answers


@dataclass(frozen=True)
class Opened:
    """A home, and a session whose answers are held against AWS' own shapes."""

    home: Home
    database: Database
    session: boto3.Session

    def empty(self) -> None:
        """Make it as new."""
        with self.database.transaction() as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in tables:
                connection.execute(f'DELETE FROM "{name}"')
        for folder in (self.home.jobs, self.home.logs, self.home.buckets):  # themselves they stay: to sync them is slow
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def open_home(folder: Path, services: Sequence[Service]) -> Iterator[Opened]:
    home = Home(folder)
    home.make()
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(service.tables for service in services)])
    session = wiring.local_session(home, database, services)
    session._session.register_component("data_loader", Loader(include_default_search_paths=True))
    validate_answers(session)
    yield Opened(home, database, session)
    database.close()
