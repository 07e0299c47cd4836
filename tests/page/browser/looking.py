"""One page of a station in a browser, looked at by a person; whatever goes wrong in it fails the test."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from tests.page.browser.tablet import PATIENCE_MS, TABLET
from tests.page.stations import Browser as Asking


@contextmanager
def looking(chromium: Browser, port: int, where: str, *, user: str | None = None) -> Iterator[Page]:
    """Open a page, as `user` where one is named, and check at the end that nothing failed in it.

    Args:
        chromium: The browser.
        port: Of the page.
        where: Its hash, for example `quality?range=today`.
        user: Of `tests.page.stations.PASSWORDS`.
    """
    problems: list[str] = []
    address = f"http://127.0.0.1:{port}"
    width, height = TABLET
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    if user is not None:
        cookie = Asking(port).sign_in(user).cookie
        assert cookie is not None
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": address}])
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"{error}"))
    page.on("console", lambda line: problems.append(line.text) if line.type in {"error", "warning"} else None)
    try:
        page.goto(f"{address}/#/{where}")
        page.locator(".content h1").first.wait_for(state="attached")
        yield page
        assert not problems
    finally:
        context.close()
