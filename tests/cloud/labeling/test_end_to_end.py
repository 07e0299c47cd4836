"""The whole way on one machine: a real station's samples become a dataset version, by people in a browser."""

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cloud_side.cli import main
from cloud_side.engines import ENGINE_VARIABLE
from tests.cloud.labeling.loop import BUCKET, Site, opened, site, wait_until, write_samples
from tests.daemons import PATIENCE_S
from tests.page.browser.tablet import PATIENCE_MS, chromium_of_the_system

SAMPLES = 4
SHIPPED = Path("src/edge_inspector/shipped_model")


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with chromium_of_the_system() as browser:
        yield browser


def dataset(home: Site, *arguments: str) -> Any:
    """Run a command of the family `dataset` and return what it prints as JSON."""
    printed = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.delenv(ENGINE_VARIABLE, raising=False)  # taken back, after the command has set it
        assert main(["dataset", *arguments, "--home", str(home.folder), "--json"]) == 0
    return json.loads(printed.getvalue())


def sign_in(browser: Browser, link: str) -> Page:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(link, wait_until="domcontentloaded")
    return page


def answer_all(page: Page, *first: str, kind: str, number: int) -> None:
    """Open the work order of a round and answer what is shown, until all is answered.

    Args:
        page: Of the person.
        first: Keys for the first image; all others are taken as they are, those without boxes as free of defects.
        kind: Of the work.
        number: Of the round.
    """
    order = page.locator(f"a[href*='/{number}/{kind}']")
    wait_until(lambda: is_shown(page, order), PATIENCE_S, f"the order {number}/{kind} is open")
    order.click()
    page.wait_for_function("() => document.querySelector('#stage')?.dataset.item")
    for key in first:
        page.keyboard.press(key)
    over = page.get_by_role("link", name="To the list")
    wait_until(lambda: bool(over.count()) or take_as_it_is(page, kind), PATIENCE_S, f"{number}/{kind} is answered")
    over.click()


def take_as_it_is(page: Page, kind: str) -> bool:
    """Answer the image that is shown, whichever that is by now; return that there may be more."""
    page.wait_for_timeout(300)
    has_boxes = page.get_by_role("list", name="Boxes").locator(".entry").count() > 0
    page.keyboard.press("Enter" if has_boxes or kind == "verify" else "n")
    return False


def is_shown(page: Page, order: Locator) -> bool:
    """Look again, sooner than the page does by itself."""
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("h1")).to_be_attached()
    page.wait_for_timeout(300)
    return bool(order.count())


@pytest.mark.nightly  # each function of the workflow begins cold: 20 s
def test_samples_of_a_station_become_a_dataset_version(tmp_path: Path, chromium: Browser) -> None:
    """On the way page and engine are killed, and one image is rejected and labeled again."""
    with site(tmp_path / "home") as home:
        written = write_samples(tmp_path, home.samples, SHIPPED, SAMPLES)
        links = home.links()
        arn = home.start("first", budget=SAMPLES)
        home.kill_engine()
        home.start_engine()
        ana, ben = (sign_in(chromium, links[name]) for name in ("ana", "ben"))
        answer_all(ana, "n", kind="label", number=1)
        home.kill_page()
        home.start_page()
        assert home.links() == links, "who was sent a link keeps it"
        answer_all(ben, "r", "1", kind="verify", number=1)
        answer_all(ana, kind="label", number=2)
        answer_all(ben, kind="verify", number=2)
        wait_until(lambda: home.execution(arn)["status"] != "RUNNING", PATIENCE_S, "the batch ends")
        check(home, arn, written)


def check(home: Site, arn: str, written: list[str]) -> None:
    told = home.execution(arn)
    assert told["status"] == "SUCCEEDED", (told.get("error"), told.get("cause"))
    with opened(home.folder) as session:
        kept = session.client("s3").get_object(Bucket=BUCKET, Key="labeling/batches/first/report.json")
        report = json.loads(kept["Body"].read())
    counts = {name: report[name] for name in ("taken", "labeled", "accepted", "rejected", "unlabeled", "failed")}
    assert counts == {"taken": 4, "labeled": 4, "accepted": 4, "rejected": 1, "unlabeled": 0, "failed": 0}
    made = dataset(home, "create", "tags", "--shares", "100/0/0", "--wait-for", "first")
    assert (made["is_new"], made["counts"]["images"], made["class_names"]) == (True, SAMPLES, ["scratch"])
    assert dataset(home, "create", "tags")["version"] == made["version"], "the same data is the same version"
    listed = dataset(home, "show", "tags", "--image", made_image(home))
    origin = listed["lineage"]["origin"]
    shipped = json.loads((SHIPPED / "model.json").read_text())
    assert (origin["station"], origin["model"]) == ("station-2", f"{shipped['name']}/{shipped['version']}")
    assert origin["inspection_id"] in " ".join(written)
    assert (listed["lineage"]["labeled_by"], listed["lineage"]["verified_by"]) == (["ana"], "ben")


def made_image(home: Site) -> str:
    """Return the hash of some image of the batch."""
    with opened(home.folder) as session:
        taken = session.client("s3").get_object(Bucket=BUCKET, Key="labeling/batches/first/taken.jsonl")["Body"]
        return str(json.loads(taken.readline())["sha256"])
