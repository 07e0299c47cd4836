"""One local cloud for all of the tests here; each test has a batch of its own in it."""

from collections.abc import Iterator
from itertools import count

import boto3
import pytest

from cloud_side.objects import Bucket
from tests.cloud.labeling.orders import BUCKET, close_orders, cloud

_NUMBERS = count()


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[boto3.Session]:
    with cloud(tmp_path_factory.mktemp("work")) as opened:
        yield opened


@pytest.fixture(scope="session")
def bucket(session: boto3.Session) -> Bucket:
    return Bucket(session.client("s3"), BUCKET)


@pytest.fixture
def batch(session: boto3.Session) -> Iterator[str]:
    name = f"batch-{next(_NUMBERS)}"
    yield name
    close_orders(session, name)
