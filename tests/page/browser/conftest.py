"""The browser of the tests of the operator page, started once for each of their files."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.page.browser.tablet import chromium_of_the_system


@pytest.fixture(scope="module")  # its event loop must not stand in the way of other tests'
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium for the tests of a file."""
    with chromium_of_the_system() as browser:
        yield browser
