"""One local cloud and one page for all of the tests here; each test has a batch of its own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import boto3
import pytest

from cloud_side.labeling.items import Item
from tests.cloud.labeling.orders import Served, close_orders, cloud, put_items, served
from tests.cloud.labeling.page.asking import Asker

_NUMBERS = count()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="session")
def session(folder: Path) -> Iterator[boto3.Session]:
    with cloud(folder) as opened:
        yield opened


@pytest.fixture(scope="session")
def items(session: boto3.Session) -> list[Item]:
    return put_items(session, 3)


@pytest.fixture(scope="session")
def page(session: boto3.Session, folder: Path) -> Iterator[Served]:
    with served(session, folder, hosts=("quality-pc.local",)) as made:
        yield made


@pytest.fixture
def ana(page: Served) -> Asker:
    return Asker.of_link(page.links["ana"])


@pytest.fixture
def ben(page: Served) -> Asker:
    return Asker.of_link(page.links["ben"])


@pytest.fixture
def batch(session: boto3.Session) -> Iterator[str]:
    name = f"batch-{next(_NUMBERS)}"
    yield name
    close_orders(session, name)
