"""A stage for executions."""

from collections.abc import Iterator

import pytest

from tests.cloud.local.states.ours import Ours
from tests.cloud.local.states.staged import Stage, Theater, theater


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    interpreter = Ours()
    yield interpreter
    interpreter.close()


@pytest.fixture(scope="session")
def kept_theater(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theater]:
    with theater(tmp_path_factory.mktemp("theater")) as opened:
        yield opened


@pytest.fixture
def stage(kept_theater: Theater) -> Stage:
    return kept_theater.stage()
