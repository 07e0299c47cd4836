"""A home with its services for each test, and the clouds that a contract is held against."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import REGION, Home
from cloud_side.local.wiring import Service
from tests.cloud.local.fleet import Fleet
from tests.cloud.local.shapes import validate_answers


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "engine")
    made.make()
    return made


@pytest.fixture
def open_services(home: Home) -> Iterator[Callable[[Sequence[Service]], tuple[boto3.Session, Database]]]:
    """Open a session of some services in the test's home, whose answers are held against AWS' own shapes."""
    opened: list[Database] = []

    def open_(services: Sequence[Service]) -> tuple[boto3.Session, Database]:
        database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(service.tables for service in services)])
        opened.append(database)
        session = wiring.local_session(home, database, services)
        validate_answers(session)
        return session, database

    yield open_
    for database in opened:
        database.close()


@pytest.fixture
def moto_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """Return a session of moto: what AWS would answer, for the operations that it knows."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert "AWS_ENDPOINT_URL" not in os.environ
    with mock_aws():
        yield boto3.Session(region_name=REGION)


@pytest.fixture(scope="session")
def one_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Have one cloud with devices for all tests: clients and tables are made once."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture
def fleet(one_fleet: Fleet) -> Fleet:
    one_fleet.clear()
    return one_fleet
