"""Step Functions that tells recorded executions, and what is read of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from cloud_side.drawing.page import page_of
from cloud_side.drawing.reading import Record, read_execution
from cloud_side.local import wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from tests.cloud.drawing.recorded import Told
from tests.cloud.drawing.service import telling
from tests.cloud.local.shapes import validate_answers


@dataclass
class Recorded:
    """boto3's client of a Step Functions that knows these executions and map runs."""

    client: Any
    executions: list[Told] = field(default_factory=list)
    map_runs: dict[str, dict[str, int]] = field(default_factory=dict)

    def read(self, told: Told) -> Record:
        self.executions.append(told)
        return read_execution(self.client, told.arn)

    def page(self, told: Told) -> str:
        return page_of(self.read(told), read_at=told.at + timedelta(seconds=5)).decode()


@pytest.fixture(scope="session")
def recorded_by_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    home = Home(tmp_path_factory.mktemp("recorded") / "engine")
    home.make()
    database = Database(home.database, [wiring.TABLES])
    recorded = Recorded(None)
    session = wiring.local_session(home, database, [telling(recorded.executions, recorded.map_runs)])
    validate_answers(session)
    recorded.client = session.client("stepfunctions")
    yield recorded
    database.close()


@pytest.fixture
def recorded(recorded_by_all: Recorded) -> Recorded:
    recorded_by_all.executions.clear()
    recorded_by_all.map_runs.clear()
    return recorded_by_all


@pytest.fixture
def read(recorded: Recorded) -> Callable[[Told], Record]:
    return recorded.read
