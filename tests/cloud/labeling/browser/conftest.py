"""What the tests of the labeling page share: a browser, a laptop that serves the page, and two people who stay at it.

Starting and loading them costs more than most of the tests do.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.cloud.labeling.browser.laptop import Laptop
from tests.cloud.labeling.browser.person import TABLET, Person
from tests.page.browser.tablet import chromium_of_the_system


@pytest.fixture(scope="module")  # its event loop must not stand in the way of other files'
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium."""
    with chromium_of_the_system() as browser:
        yield browser


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Serve the labeling page on a local engine's home."""
    with Laptop.serving(tmp_path_factory.mktemp("laptop")) as laptop:
        yield laptop


@pytest.fixture(scope="module")
def desk(chromium: Browser, laptop: Laptop) -> Iterator[Person]:
    """Let ana follow her link, at a desk."""
    with Person.at(chromium, laptop, "ana") as person:
        yield person


@pytest.fixture(scope="module")
def tablet(chromium: Browser, laptop: Laptop) -> Iterator[Person]:
    """Let ben follow his link, on a tablet."""
    with Person.at(chromium, laptop, "ben", wh=TABLET) as person:
        yield person


@pytest.fixture
def ana(desk: Person) -> Iterator[Person]:
    """Have ana at the list of work."""
    with desk.at_the_list():
        yield desk


@pytest.fixture
def ben(tablet: Person) -> Iterator[Person]:
    """Have ben at the list of work."""
    with tablet.at_the_list():
        yield tablet
