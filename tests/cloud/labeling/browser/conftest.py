"""What each file of tests of the labeling page has once: a browser, and a laptop that serves the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.cloud.labeling.browser.laptop import Laptop
from tests.page.browser.tablet import chromium_of_the_system


@pytest.fixture(scope="module")  # its event loop must not stand in the way of other tests'
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium for the tests of a file."""
    with chromium_of_the_system() as browser:
        yield browser


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Serve the labeling page on a local engine's home, for the tests of a file."""
    with Laptop.serving(tmp_path_factory.mktemp("laptop")) as laptop:
        yield laptop
