"""A tablet at the line: the system's Chromium with the operator page of a station, and what went wrong in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, sync_playwright

from edge_inspector.ports import StoredPicture
from tests.page.indexed import IMAGE_WH
from tests.page.people import PASSWORD, Person
from tests.page.stations import PageStation
from tests.requirements import require_program

PATIENCE_MS = 20_000
TABLET, UPRIGHT, PHONE = (1280, 800), (800, 1280), (390, 844)
WITHOUT = (
    "WebUIOmniboxPopup",  # of the line for addresses, which nobody sees here: a second of computing for each window
    "WebUIOmniboxAimPopup",
    # What Playwright turns off: Chromium heeds only the last list that it is given.
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)


def picture(number: int = 0) -> StoredPicture:
    """Return a picture that a browser can show."""
    width, height = IMAGE_WH
    image = np.full((height, width), 150 + number % 80, np.uint8)
    return StoredPicture(cv2.imencode(".jpg", image)[1].tobytes(), "jpg")


def put(station: PageStation, outcome: str = "reject", *, label: str = "scratch", pictures: int = 1) -> str:
    """Put the result of one more part on record, with pictures; return its inspection id."""
    own = station.put(outcome, label=label, pictures=pictures, frames=max(1, pictures))
    station.pictures.kept[own] = {number: picture(number) for number in range(pictures)}
    return own


@contextmanager
def chromium_of_the_system() -> Iterator[Browser]:
    """Start it; the test is skipped where it is not installed."""
    program = require_program("chromium", package="chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", f"--disable-features={','.join(WITHOUT)}"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Tablet:
    """One page in one browser.

    Attributes:
        page: What Playwright drives.
        port: Of the operator page.
        problems: Errors of scripts, and what the policy of the page forbade.
        asked: Everything that was asked for.
    """

    page: Page
    port: int
    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def at(
        cls,
        browser: Browser,
        port: int,
        *,
        user: str | None = None,
        wh: tuple[int, int] = TABLET,
        theme: str = "light",
    ) -> Iterator[Self]:
        """Open one, on which `user` of `tests.page.people` has signed in where one is named."""
        context: BrowserContext = browser.new_context(
            viewport={"width": wh[0], "height": wh[1]},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            locale="en-US",
            timezone_id="UTC",
            has_touch=wh != TABLET,
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            tablet = cls(context.new_page(), port)
            if user is not None:
                name, _, value = str(Person(port).sign_in(user).cookie).partition("=")
                context.add_cookies([{"name": name, "value": value, "url": tablet.address}])
            tablet.page.on("pageerror", lambda error: tablet.problems.append(f"{error}"))
            tablet.page.on("console", lambda message: tablet._hear(message))  # noqa: PLW0108 - a method is written to
            tablet.page.on("request", lambda request: tablet.asked.append(request.url))
            yield tablet
        finally:
            context.close()

    @property
    def address(self) -> str:
        """Return where the operator page is."""
        return f"http://127.0.0.1:{self.port}/"

    def open(self, route: str = "line") -> Self:
        """Go to a page by its hash."""
        self.page.goto(f"{self.address}#/{route}")
        return self

    def sign_in(self, user: str, password: str = PASSWORD) -> Self:
        """Fill in the dialog, which must be open."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(user)
        dialog.get_by_label("Password").fill(password)
        dialog.get_by_role("button", name="Sign in").click()
        return self

    def tap(self, target: Locator) -> None:
        """Tap when it stands still: Chromium takes a touch right after a scroll for one that stops it."""
        target.scroll_into_view_if_needed()
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        target.tap()

    def sleep(self) -> None:
        """Be put aside for long: the tab is hidden, and time passes. `page.clock` must be installed."""
        self._hide(hidden=True)
        self.page.clock.fast_forward(60_000)

    def wake(self) -> None:
        """Be taken up again."""
        self._hide(hidden=False)

    def faults(self) -> list[str]:
        """Return what axe-core finds that keeps somebody from using what is shown: serious or critical."""
        found: Mapping[str, object] = Axe().run(self.page).response
        violations = found["violations"]
        assert isinstance(violations, list)
        return [
            f"{each['id']}: {[node['html'] for node in each['nodes']]}"
            for each in violations
            if each["impact"] in {"serious", "critical"}
        ]

    def _hide(self, *, hidden: bool) -> None:
        self.page.evaluate(
            """hidden => {
                Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    def _hear(self, message: ConsoleMessage) -> None:
        is_answer = "Failed to load resource" in message.text  # what was not granted is tested where it is asked
        if message.type in {"error", "warning"} and not is_answer:
            self.problems.append(message.text)


@contextmanager
def looking(browser: Browser, port: int, where: str, *, user: str, is_clock_moved: bool = False) -> Iterator[Page]:
    """Let somebody who has signed in look at one page; whatever goes wrong in it fails the test.

    Args:
        browser: Runs it.
        port: Of the page.
        where: Its hash, for example `quality?range=today`.
        user: Of `tests.page.people`.
        is_clock_moved: Whether the test moves the clock of the page.
    """
    with Tablet.at(browser, port, user=user) as tablet:
        if is_clock_moved:
            tablet.page.clock.install()
        heading = tablet.open(where).page.locator(".content h1").first
        try:
            heading.wait_for(state="attached")
        except Error:
            shown = tablet.page.locator("body").inner_text()
            found = f"problems {tablet.problems}, asked {tablet.asked[-12:]}, shown {shown!r}"
            pytest.fail(f"{where} was not opened: {found}")
        yield tablet.page
        assert not tablet.problems
