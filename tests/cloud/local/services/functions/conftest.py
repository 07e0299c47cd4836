"""An engine's functions: one home for all tests of a module."""

from collections.abc import Iterator

import pytest

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.service import lambda_service
from cloud_side.local.services.s3 import S3
from tests.cloud.local.services.functions.lambdas import Lambdas
from tests.cloud.local.shapes import validate_answers


@pytest.fixture(scope="module")
def lambdas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambdas]:
    home = Home(tmp_path_factory.mktemp("functions") / "engine")
    home.make()
    pool = Pool(home)
    services = [lambda_service(pool), S3]
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(service.tables for service in services)])
    session = wiring.local_session(home, database, services)
    validate_answers(session)
    yield Lambdas(session, session.client("lambda"), database, home, pool)
    pool.close()
    database.close()
