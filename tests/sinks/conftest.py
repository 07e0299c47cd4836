from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mosquitto import Certificates, Mosquitto, Wire


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def wire(broker: Mosquitto) -> Iterator[Wire]:
    with Wire(broker.port) as wire:
        yield wire


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
