"""The pages that are read and set: by eye on any screen, by keyboard, and by screen readers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.browser.tablet import PHONE, Tablet, put
from tests.page.people import people
from tests.page.stations import PageStation, port_of, serving

pytestmark = pytest.mark.thorough

OWN = "range=own&since=2026-03-01T12:00:00.000Z&until=2026-03-01T12:05:00.000Z"
PAGES = (f"quality?{OWN}", f"report?{OWN}", "health", "model", "settings")
SIZED = ":is(button, a.button, select, input, .pareto-names a, .out-list a, .hits a)"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    home = tmp_path_factory.mktemp("home")
    settings = people(open_view=True)
    with PageStation.open(home, settings) as station, serving(station, home) as page:
        for number in range(60):
            put(station, "reject" if number % 3 == 0 else "accept", label="dent" if number % 2 else "scratch")
        yield port_of(page)


@pytest.mark.parametrize("where", PAGES)
def test_everybody_can_use_it(chromium: Browser, port: int, where: str) -> None:
    """In both colors axe-core finds nothing serious; on no screen is anything too wide, or too small for a finger."""
    with Tablet.at(chromium, port) as tablet:
        page = _settled(tablet.open(where).page)
        _fits(page, where)
        assert not tablet.problems  # before axe-core: its own style is one
        assert not tablet.faults()

        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert not tablet.faults()

        width, height = PHONE
        page.set_viewport_size({"width": width, "height": height})
        _fits(_settled(page), where)
        assert not [address for address in tablet.asked if not address.startswith(tablet.address)]


def _fits(page: Page, where: str) -> None:
    assert page.evaluate("document.querySelector('.page').scrollWidth <= document.querySelector('.page').clientWidth")
    controls = page.locator(f".content {SIZED}:visible")
    assert controls.count() or where == "health"
    heights = controls.evaluate_all("each => each.map(one => [one.outerHTML, one.getBoundingClientRect().height])")
    assert not [html for html, height in heights if height < 43.5]


@pytest.mark.parametrize(("theme", "word"), [("light", "t"), ("dark", "f")])
def test_axe_finds_nothing_in_what_opens_over_a_page(chromium: Browser, port: int, theme: str, word: str) -> None:
    """The list of keys, filters, a toast, the drawing, tables of charts, the question before a change."""
    with Tablet.at(chromium, port, user="ada", theme=theme) as tablet:
        page = tablet.open("defects").page
        page.get_by_role("button", name="Filter").click()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        assert not tablet.faults()
        page.keyboard.press("Escape")
        assert not tablet.faults()

        page.keyboard.press(word)
        expect(page.locator(".toast")).to_be_visible()
        page.keyboard.press("m")
        page.get_by_role("button", name="Place a box").press("Enter")
        assert not tablet.faults()

        _settled(tablet.open(PAGES[0]).page)
        for _ in range(4):
            page.get_by_role("button", name="Show as table").first.click()
        assert not tablet.faults()

        _settled(tablet.open("settings").page)
        page.get_by_role("spinbutton").first.fill("0.2")
        page.keyboard.press("Tab")
        expect(page.locator(".preview-body[aria-busy=true]")).to_have_count(0)
        page.get_by_role("button", name="Apply").click()
        assert not tablet.faults()


def _settled(page: Page) -> Page:
    page.locator(".content h1").first.wait_for(state="attached")
    page.locator(".content .card").first.wait_for()
    page.wait_for_function("document.querySelectorAll('.plot:not(:has(canvas))').length === 0")
    return page
