"""A stage for each test, on a home that is kept for the module."""

from collections.abc import Iterator

import pytest

from cloud_side.local.home import Home
from cloud_side.local.services.events import EVENTS
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.service import lambda_service
from cloud_side.local.services.notifications import SNS
from cloud_side.local.services.scheduler import SCHEDULER
from cloud_side.local.wiring import Service
from tests.cloud.local.delivery.stage import TABLES, Stage
from tests.cloud.local.kept import Kept, kept


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("delivery")
    functions = lambda_service(Pool(Home(folder / "engine")))  # none of them runs
    with kept(folder, [EVENTS, SCHEDULER, SNS, functions, Service("noted", tables=TABLES)]) as made:
        yield made


@pytest.fixture
def stage(kept_home: Kept) -> Stage:
    kept_home.empty()
    return Stage(kept_home)
