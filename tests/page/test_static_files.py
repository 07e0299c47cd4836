from pathlib import Path

import pytest

from edge_inspector.page import static_files
from edge_inspector.page.application import application
from tests.page.asking import Browser
from tests.page.people import entrance_of, people


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    folder = tmp_path / "static"
    for name in ("index.html", "favicon.svg", "app.js", "style.css", "texts/en.json", "notes.txt", ".hidden.js"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(f"content of {name}")
    (tmp_path / "secret.json").write_text("secret")
    return Browser(application(static_files.doors(folder), entrance_of(people()).guard))


@pytest.mark.parametrize(
    ("path", "name", "media"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/favicon.svg", "favicon.svg", "image/svg+xml"),
        ("/static/app.js", "app.js", "text/javascript; charset=utf-8"),
        ("/static/style.css", "style.css", "text/css; charset=utf-8"),
        ("/static/texts/en.json", "texts/en.json", "application/json"),
    ],
)
def test_a_file_comes_to_everybody_with_its_type(browser: Browser, path: str, name: str, media: str) -> None:
    answer = browser.get(path)
    assert (answer.status, answer.content.decode()) == (200, f"content of {name}")
    assert answer.header("content-type") == media
    assert answer.header("cache-control") == "no-cache"


def test_a_file_that_the_browser_has_already_does_not_come_again(browser: Browser) -> None:
    tag = browser.get("/static/app.js").header("etag") or ""
    for found in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = browser.get("/static/app.js", if_none_match=found)
        assert (answer.status, answer.content, answer.header("etag")) == (304, b"", tag)
    assert browser.get("/static/app.js", if_none_match='"other"').status == 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "missing.js",
        "notes.txt",
        ".hidden.js",
        "../secret.json",
        "texts/../../secret.json",
        "/etc/passwd",
        "texts",
        "texts/",
        "..",
        "%2e%2e/secret.json",
        "app.js/",
        "app.js\0",
        "./app.js",
        "//app.js",
    ],
)
def test_nothing_else_comes(browser: Browser, name: str) -> None:
    answer = browser.get(f"/static/{name}")
    assert (answer.status, answer.code) == (404, "unknown")


def test_the_page_that_is_shipped_is_there() -> None:
    browser = Browser(application(static_files.doors(), entrance_of(people()).guard))
    assert browser.get("/").status == 200
    assert browser.get("/favicon.svg").status == 200
