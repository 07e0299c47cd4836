"""A station with a page, for the tests that need no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_inspector.page.page import OperatorPage
from tests.page.people import people
from tests.page.stations import PageStation, serving


@pytest.fixture
def station(tmp_path: Path) -> Iterator[PageStation]:
    with PageStation.open(tmp_path, people()) as station:
        yield station


@pytest.fixture
def page(station: PageStation, tmp_path: Path) -> Iterator[OperatorPage]:
    with serving(station, tmp_path) as page:
        yield page
