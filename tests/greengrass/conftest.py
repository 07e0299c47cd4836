import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.nucleus.fake import FakeNucleus


@pytest.fixture
def flavor() -> Literal["java", "lite"]:
    """Return the one with the tighter limits; `on_both` where they differ in what matters."""
    return "lite"


@pytest.fixture
def fake(tmp_path: Path, flavor: Literal["java", "lite"]) -> Iterator[FakeNucleus]:
    with FakeNucleus(tmp_path, flavor=flavor) as fake:
        yield fake


@pytest.fixture
def java(tmp_path: Path) -> Iterator[FakeNucleus]:
    with FakeNucleus(tmp_path, flavor="java") as fake:
        yield fake


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[FakeNucleus]:
    with FakeNucleus(tmp_path, flavor="lite") as fake:
        yield fake


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="edge_inspector")
