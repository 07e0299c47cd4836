"""The page in a browser: chosen by mouse and by keyboard, with and without scripts, and for everybody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.cloud.drawing import workflows
from tests.cloud.drawing.conftest import Recorded
from tests.cloud.drawing.recorded import Told
from tests.page.browser.tablet import PATIENCE_MS, PHONE, chromium_of_the_system

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_of_the_system() as browser:
        yield browser


@pytest.fixture
def write(recorded: Recorded, tmp_path: Path) -> Callable[[Told], str]:
    def write_(told: Told) -> str:
        file = tmp_path / f"{told.machine}.html"
        file.write_text(recorded.page(told), encoding="utf-8")
        return file.as_uri()

    return write_


@contextmanager
def opened(
    browser: Browser, address: str, *, theme: str = "light", has_script: bool = True, wh: tuple[int, int] = (1400, 900)
) -> Iterator[Page]:
    """Open a file; whatever it asks for, or goes wrong in it, fails the test."""
    context = browser.new_context(
        viewport={"width": wh[0], "height": wh[1]},
        color_scheme="dark" if theme == "dark" else "light",
        java_script_enabled=has_script,
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"{error}"))
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda request: problems.append(request.url) if request.url != address else None)
    try:
        page.goto(address)
        yield page
        assert not problems
    finally:
        context.close()


@pytest.mark.parametrize("has_script", [True, False], ids=["scripted", "plain"])
def test_a_chosen_state_tells_its_input(chromium: Browser, write: Callable[[Told], str], has_script: bool) -> None:  # noqa: FBT001
    with opened(chromium, write(workflows.linear()), has_script=has_script) as page:
        expect(page.get_by_role("heading", name="The execution")).to_be_visible()
        page.get_by_role("link", name="CreateManifest:").click()

        expect(page.get_by_role("heading", name="CreateManifest")).to_be_visible()
        expect(page.get_by_role("group", name="Input of CreateManifest")).to_contain_text('"samples": 212')
        expect(page.get_by_role("heading", name="The execution")).to_be_hidden()
        chosen = page.locator(".state", has_text="CreateManifest").locator(".box")
        assert chosen.evaluate("box => getComputedStyle(box).strokeWidth") == "3px"


def test_the_keyboard_goes_from_state_to_state_and_into_what_is_told(
    chromium: Browser, write: Callable[[Told], str]
) -> None:
    with opened(chromium, write(workflows.fan_out())) as page:
        page.locator(".state").first.focus()
        expect(page.get_by_role("heading", name="Plan")).to_be_visible()
        for state in ("EachStation", "Prepare", "Both", "WatchRejects"):
            page.keyboard.press("ArrowDown")
            expect(page.get_by_role("heading", name=state)).to_be_visible()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("heading", name="DeployModel")).to_be_visible()

        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.className").startswith("panel")
        assert page.evaluate("location.hash") == page.locator(".state", has_text="DeployModel").get_attribute("href")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.ariaLabel").startswith("DeployModel:")


def test_the_list_of_events_leads_to_its_states(chromium: Browser, write: Callable[[Told], str]) -> None:
    with opened(chromium, write(workflows.failing())) as page:
        page.get_by_role("row", name="TaskFailed").get_by_role("link", name="Train").click()

        panel = page.get_by_role("heading", name="Train")
        expect(panel).to_be_in_viewport()
        expect(page.locator(".panel.shown .fault strong")).to_have_text("SageMaker.AlgorithmError")


def test_everybody_can_use_it(chromium: Browser, write: Callable[[Told], str]) -> None:
    """In both colors axe-core finds nothing at all."""
    with opened(chromium, write(workflows.failing())) as page:
        page.locator(".state", has_text="Train").click()
        assert not _faults(page)
        page.emulate_media(color_scheme="dark")
        assert not _faults(page, "color-contrast")  # the rest is the same


@pytest.mark.nightly
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_all_of_it(chromium: Browser, write: Callable[[Told], str], theme: str) -> None:
    for told in (workflows.fan_out(), workflows.choices(), workflows.loop(), workflows.linear()):
        with opened(chromium, write(told), theme=theme) as page:
            assert not _faults(page)
            for state in page.locator(".state").all():
                state.click()
            assert not _faults(page)


def test_a_wide_graph_scrolls_in_its_own_box(chromium: Browser, write: Callable[[Told], str]) -> None:
    with opened(chromium, write(workflows.fan_out()), wh=PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator(".graph").evaluate("graph => graph.scrollWidth > graph.clientWidth")
        expect(page.locator(".terminal").first).to_be_in_viewport(ratio=1)  # the start is seen first


def test_texts_that_want_to_be_markup_are_read_as_they_are(chromium: Browser, write: Callable[[Told], str]) -> None:
    with opened(chromium, write(workflows.hostile())) as page:
        assert page.title() == "h-</style> · hostile"
        page.locator(".state").first.click()
        expect(page.locator(".panel.shown h2")).to_have_text('</title><script>document.title="taken"</script>')
        assert page.locator("img").count() == 0
        assert page.title() == "h-</style> · hostile"


def test_what_is_written_in_a_box_stays_in_it(chromium: Browser, write: Callable[[Told], str]) -> None:
    with opened(chromium, write(workflows.fan_out())) as page:
        beyond = page.locator(".state").evaluate_all(
            """states => states.flatMap(state => {
                const box = state.querySelector(".box").getBBox();
                return [...state.querySelectorAll("text")]
                    .filter(text => text.getBBox().x + text.getBBox().width > box.x + box.width)
                    .map(text => text.textContent);
            })"""
        )
        assert not beyond


def _faults(page: Page, *rules: str) -> list[str]:
    violations = Axe().run(page, options={"runOnly": rules} if rules else None).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in violations]
