"""A person at the labeling page: a browser, what was pressed in it, and what went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.cloud.labeling.browser.laptop import IMAGE_WH, Laptop

PATIENCE_MS = 20_000
DESK, TABLET = (1024, 700), (820, 1180)


@dataclass(slots=True)
class Person:
    """One person with one browser.

    Attributes:
        page: What Playwright drives.
        laptop: Serves it.
        pressed: Keys that were pressed, and clicks; a drag is none.
        problems: Errors of scripts, and what the policy of the page forbade.
        hosts: Who was asked for anything.
    """

    page: Page
    laptop: Laptop
    pressed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def at(cls, browser: Browser, laptop: Laptop, name: str, *, wh: tuple[int, int] = DESK) -> Iterator[Self]:
        """Follow the person's secret link."""
        context = browser.new_context(
            viewport={"width": wh[0], "height": wh[1]},
            color_scheme="light",
            reduced_motion="reduce",
            locale="en-US",
            timezone_id="UTC",
            has_touch=wh == TABLET,
        )
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            person = cls(context.new_page(), laptop)
            person.page.on("pageerror", lambda error: person.problems.append(f"{error}"))
            person.page.on("console", lambda message: person._hear(message))  # noqa: PLW0108 - a method is written to
            person.page.on("request", lambda request: person.hosts.add(request.url.split("/")[2]))
            person.page.goto(laptop.links[name], wait_until="domcontentloaded")
            expect(person.page.locator("h1")).to_be_attached()
            yield person
        finally:
            context.close()

    @contextmanager
    def at_the_list(self) -> Iterator[None]:
        """Begin at the list of work; whatever goes wrong in the block fails the test."""
        self.page.context.set_offline(False)
        self.open("#/")
        expect(self.page.get_by_role("heading", name="Work")).to_be_visible()
        self.page.evaluate(
            "performance.clearResourceTimings(); document.getElementById('toasts').replaceChildren();"
            "document.querySelectorAll('dialog').forEach(dialog => dialog.close());"
        )
        self.pressed.clear()
        self.problems.clear()
        yield
        assert not self.problems
        assert self.hosts == {self.laptop.links["ana"].split("/")[2]}

    def open(self, route: str) -> Self:
        """Go to a page by its hash."""
        self.page.evaluate("hash => { location.hash = hash; }", route)
        return self

    def look_again(self) -> None:
        """Open the list of work once more, instead of waiting for its next look."""
        self.open("#/again")

    def sees(self, batch: str, number: int) -> None:
        """Wait until an image is shown."""
        expect(self.page.locator("#stage")).to_have_attribute("data-item", self.laptop.item(batch, number))

    def has_fetched(self, batch: str, number: int) -> None:
        """Wait until an image is there, shown or not."""
        is_there = "item => performance.getEntriesByType('resource').some(each => each.name.includes(`${item}/image`))"
        self.page.wait_for_function(is_there, arg=self.laptop.item(batch, number))

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.pressed.append(key)
            self.page.keyboard.press(key)

    def click(self, target: Locator | tuple[float, float]) -> None:
        """Click a control, or a pixel of the image."""
        self.pressed.append("click")
        if isinstance(target, Locator):
            target.click()
        else:
            self.page.mouse.click(*self.place(*target))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pixel of the image is on the screen."""
        shown = self.page.locator(".picture img").bounding_box()
        assert shown is not None
        return shown["x"] + x * shown["width"] / IMAGE_WH[0], shown["y"] + y * shown["height"] / IMAGE_WH[1]

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one pixel of the image to another."""
        mouse = self.page.mouse
        mouse.move(*self.place(*begin))
        mouse.down()
        mouse.move(*self.place(*end), steps=4)
        mouse.up()

    def zoom(self, at: tuple[float, float], wheel: int) -> None:
        """Turn the wheel over a pixel of the image; negative: nearer."""
        before = self.page.locator(".picture").get_attribute("style")
        self.page.mouse.move(*self.place(*at))
        self.page.mouse.wheel(0, wheel)
        expect(self.page.locator(".picture")).not_to_have_attribute("style", before or "")

    def entries(self) -> Locator:
        """Return the list of boxes."""
        return self.page.get_by_role("list", name="Boxes").locator(".entry")

    def faults(self) -> list[str]:
        """Return what axe-core finds that keeps somebody from using what is shown."""
        violations = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in violations]

    def _hear(self, message: ConsoleMessage) -> None:
        is_answer = "Failed to load resource" in message.text  # what was not granted is tested where it is asked
        if message.type in {"error", "warning"} and not is_answer:
            self.problems.append(message.text)
