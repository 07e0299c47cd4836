"""One cloud for the tests of this folder, empty for each of them: clients and tables are made once."""

from collections.abc import Iterator

import pytest

from tests.cloud.local.fleet import Fleet


@pytest.fixture(scope="session")
def one_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("cloud"))
    yield fleet
    fleet.close()


@pytest.fixture
def fleet(one_fleet: Fleet) -> Fleet:
    one_fleet.clear()
    return one_fleet
