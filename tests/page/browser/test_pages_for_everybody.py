"""The pages that are read and set: by eye on any screen, by keyboard, and by screen readers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.page.browser.tablet import PHONE, TABLET, Tablet, put
from tests.page.stations import PageStation, serving, settings_with_people

OWN = "range=own&since=2026-03-01T12:00:00.000Z&until=2026-03-01T12:05:00.000Z"
PAGES = (f"quality?{OWN}", f"report?{OWN}", "health", "model", "settings")
SIZED = ":is(button, a.button, select, input, .pareto-names a, .out-list a, .hits a)"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    home = tmp_path_factory.mktemp("home")
    settings = settings_with_people(open_view=True)
    with PageStation.open(home, settings) as station, serving(station, home) as page:
        for number in range(60):
            put(station, "reject" if number % 3 == 0 else "accept", label="dent" if number % 2 else "scratch")
        assert page.port is not None
        yield page.port


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("where", PAGES)
def test_axe_finds_nothing_that_keeps_somebody_out(chromium: Browser, port: int, where: str, theme: str) -> None:
    with Tablet.at(chromium, port, theme=theme) as tablet:
        _settled(tablet.open(where).page)
        assert not tablet.faults()


@pytest.mark.parametrize("wh", [TABLET, PHONE], ids=["tablet", "phone"])
@pytest.mark.parametrize("where", PAGES)
def test_nothing_is_too_wide_for_the_screen_nor_too_small_for_a_finger(
    chromium: Browser, port: int, where: str, wh: tuple[int, int]
) -> None:
    with Tablet.at(chromium, port, wh=wh) as tablet:
        page = _settled(tablet.open(where).page)
        assert page.evaluate(
            "document.querySelector('.page').scrollWidth <= document.querySelector('.page').clientWidth"
        )
        controls = page.locator(f".content {SIZED}:visible")
        assert controls.count() or where == "health"
        heights = controls.evaluate_all("each => each.map(one => [one.outerHTML, one.getBoundingClientRect().height])")
        assert not [html for html, height in heights if height < 43.5]
        assert not tablet.problems


def test_no_page_asks_another_host(chromium: Browser, port: int) -> None:
    with Tablet.at(chromium, port) as tablet:
        for where in PAGES:
            _settled(tablet.open(where).page)
        assert tablet.asked
        assert not [address for address in tablet.asked if not address.startswith(tablet.address)]


def _settled(page: Page) -> Page:
    page.locator(".content h1").first.wait_for(state="attached")
    page.locator(".content .card").first.wait_for()
    page.wait_for_function("document.querySelectorAll('.plot:not(:has(canvas))').length === 0")
    return page
