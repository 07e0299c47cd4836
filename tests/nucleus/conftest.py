"""A nucleus of either flavor, and the real client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nucleus.clients import CONFIGURATION, Client, client_of
from tests.nucleus.fake import FakeNucleus


@pytest.fixture
def java(tmp_path: Path) -> Iterator[FakeNucleus]:
    with FakeNucleus(tmp_path, "java", configuration=CONFIGURATION) as nucleus:
        yield nucleus


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[FakeNucleus]:
    with FakeNucleus(tmp_path, "lite", configuration=CONFIGURATION) as nucleus:
        yield nucleus


@pytest.fixture(params=["java", "lite"])
def nucleus(request: pytest.FixtureRequest) -> FakeNucleus:
    either: FakeNucleus = request.getfixturevalue(request.param)
    return either


@pytest.fixture
def client(nucleus: FakeNucleus) -> Iterator[Client]:
    with client_of(nucleus) as connected:
        yield connected
