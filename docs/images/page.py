"""Takes pictures of the operator page: a simulated line with the shipped model, judged a little. By `make pictures`."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from edge_inspector.demo.port import HOST, free_port
from edge_inspector.page.access.passwords import hash_password

_FOLDER = Path(__file__).parent
_TABLET, _PASSWORD = (1280, 800), "correct horse"
_RATE_HZ, _PARTS = 8, 480
_USERS = {"ada": "admin", "otto": "operator"}
_SETTLE_MS = 1500  # charts and pictures are there then


def main() -> None:
    """Run the line, judge some results, and take one picture of each page."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("the pictures of the operator page need a browser: apt install chromium")
    with tempfile.TemporaryDirectory() as name, _station(Path(name)) as port:
        _wait_for_parts(port)
        _judge(port)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            take(browser, port)
            browser.close()


def take(browser: Browser, port: int) -> None:
    """Take the pictures, signed in as an admin."""
    with _page(browser, port, "light") as page:
        newest = _ask(port, "results?outcome=reject&judged=false&limit=1")["results"][0]["inspection_id"]
        for route in ("line", f"defects/{newest}", "quality?range=today", "health", "model", "settings"):
            _open(page, port, route)
            if route == "line":
                page.locator(".big[data-outcome=reject]").wait_for()
            _shoot(page, route.partition("/")[0].partition("?")[0])
        _open(page, port, "report")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 794, "height": 1123})  # A4
        _shoot(page, "report")
    with _page(browser, port, "dark") as page:
        _open(page, port, "line")
        page.locator(".big[data-outcome=reject]").wait_for()
        _shoot(page, "line-dark")


@contextmanager
def _page(browser: Browser, port: int, theme: str) -> Iterator[Page]:
    width, height = _TABLET
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale="en-GB",
        reduced_motion="reduce",
    )
    try:
        context.request.post(f"http://{HOST}:{port}/api/v1/session", data={"user": "ada", "password": _PASSWORD})
        yield context.new_page()
    finally:
        context.close()


def _open(page: Page, port: int, route: str) -> None:
    page.goto(f"http://{HOST}:{port}/#/{route}", wait_until="domcontentloaded")
    page.wait_for_timeout(_SETTLE_MS)


def _shoot(page: Page, name: str) -> None:
    page.screenshot(path=_FOLDER / f"page-{name}.png")


@contextmanager
def _station(folder: Path) -> Iterator[int]:
    port = free_port()
    document = {
        "station": {
            "site": "augsburg",
            "line": "line-1",
            "station": "station-3",
            "camera": "top",
            "product": "metal-tag",
        },
        "source": {"type": "simulated", "rate_hz": _RATE_HZ, "defect_rate": 0.08, "seed": 11},
        "samples": {"random_share": 0.2},
        "state": {"dir": str(folder / "state")},
        "health": {"clock_synchronized": False},
        "log": {"level": "warning"},
        "page": {
            "port": port,
            "open_view": True,
            "users": {name: {"role": role, "password": str(hash_password(_PASSWORD))} for name, role in _USERS.items()},
        },
    }
    file = folder / "station.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-m", "edge_inspector", "run", "-c", str(file)])  # noqa: S603 - ours
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for_parts(port: int) -> None:
    while True:
        with suppress(OSError):
            if _ask(port, "line")["shift"]["parts"] >= _PARTS:
                return
        time.sleep(0.5)


def _judge(port: int) -> None:
    """Say something of what is there, as operators would over a shift."""
    answer = _ask(port, "session", method="POST", body={"user": "otto", "password": _PASSWORD}, keep=True)
    for number, item in enumerate(_ask(port, "results?outcome=reject&limit=40")["results"][4:]):
        word = "false_reject" if number % 9 == 4 else "true_reject"
        _say(port, item["inspection_id"], word, answer)
    for item in _ask(port, "results?audit=true&limit=80")["results"]:
        _say(port, item["inspection_id"], "true_accept", answer)


def _say(port: int, inspection_id: str, disposition: str, session: dict[str, Any]) -> None:
    path = f"results/{inspection_id}/disposition"
    _ask(port, path, method="PUT", body={"disposition": disposition, "boxes": []}, session=session)


def _ask(  # noqa: PLR0913 - what an HTTP request has
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: object = None,
    keep: bool = False,
    session: dict[str, Any] | None = None,
) -> dict[str, Any]:
    headers = {} if session is None else {"Cookie": session["cookie"], "X-CSRF-Token": session["csrf"]}
    headers |= {} if body is None else {"Content-Type": "application/json"}
    connection = HTTPConnection(HOST, port, timeout=20)
    try:
        connection.request(method, f"/api/v1/{path}", None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        document: dict[str, Any] = json.loads(response.read())
        if keep:
            document["cookie"] = str(response.headers["Set-Cookie"]).partition(";")[0]
        return document
    finally:
        connection.close()


if __name__ == "__main__":
    main()
