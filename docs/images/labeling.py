"""Takes pictures of the labeling page: simulated tags, labeled and verified by two people. By `make pictures`.

A local engine's home holds the images and the work; the page is served as `edge-inspector-cloud labeling page` does.
"""

import hashlib
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import cv2
from playwright.sync_api import Browser, Page, sync_playwright

from cloud_side.catalog.labels import Box, Origin
from cloud_side.labeling.items import Item, write_items
from cloud_side.labeling.page.running import PageOptions, serve
from cloud_side.labeling.places import WorkKind, input_key
from cloud_side.labeling.work.opening import open_work
from cloud_side.labeling.work.orders import Order
from cloud_side.local.home import REGION
from cloud_side.local.installing import BUCKET
from cloud_side.local.opening import open_local
from cloud_side.objects import Bucket
from edge_inspector.simulation import Tag, plan_tag, render_tag

_FOLDER = Path(__file__).parent
_WINDOW = (1400, 860)
_PEOPLE = ("ana", "ben")
_BATCH, _SEED, _IMAGE_WH = "2026-03-02-press-3", 4, (1200, 800)
_PARTS = (0, 2, 3, 4, 5, 6, 17, *range(7, 17))
_SHOWN = 6  # of them: with three scratches, of which the model has missed one
_CLASSES = ("dent", "missing_hole", "scratch", "stain")


def main() -> None:
    """Open the work, do some of it, and take a picture of each kind."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("the pictures of the labeling page need a browser: apt install chromium")
    with tempfile.TemporaryDirectory() as name, _served(Path(name)) as links, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        take(browser, links)
        browser.close()


def take(browser: Browser, links: Sequence[str]) -> None:
    """Take the pictures: ana labels, ben verifies."""
    with _page(browser, links[0], "light", "Label") as page:
        for _ in range(_SHOWN):
            _answer(page)
        page.keyboard.press("3")
        _drag(page, _tag(_PARTS[_SHOWN]).defects[-1].xyxy)
        page.mouse.move(0, 0)
        page.screenshot(path=_FOLDER / "labeling.png")
    with _page(browser, links[1], "dark", "Verify") as page:
        for _ in range(2):
            _answer(page)
        page.keyboard.press("r")
        page.screenshot(path=_FOLDER / "labeling-verify.png")


@contextmanager
def _page(browser: Browser, link: str, theme: str, kind: str) -> Iterator[Page]:
    width, height = _WINDOW
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale="en-GB",
        reduced_motion="reduce",
    )
    try:
        page = context.new_page()
        page.goto(link)
        page.get_by_role("link", name=f"{kind} {_BATCH}").click()
        _wait_for_image(page)
        yield page
    finally:
        context.close()


def _answer(page: Page) -> None:
    page.locator("#stage").evaluate("stage => { stage.dataset.item = ''; }")
    has_boxes = page.locator(".entry").count() > 0 or "Verify" in page.locator("h1").inner_text()
    page.keyboard.press("Enter" if has_boxes else "n")
    _wait_for_image(page)


def _wait_for_image(page: Page) -> None:
    page.locator("#stage:not([data-item=''])[data-item]").wait_for()


def _drag(page: Page, xyxy: Sequence[float]) -> None:
    """Draw a box, given in pixels of the image."""
    script = "image => { const { x, y, width } = image.getBoundingClientRect(); return [x, y, width]; }"
    x, y, width = page.locator(".picture img").evaluate(script)
    x1, y1, x2, y2 = (side * width / _IMAGE_WH[0] for side in xyxy)
    page.mouse.move(x + x1, y + y1)
    page.mouse.down()
    page.mouse.move(x + x2, y + y2, steps=5)
    page.mouse.up()


@contextmanager
def _served(folder: Path) -> Iterator[list[str]]:
    """Serve the page, with work on it; yields each person's link."""
    cloud = open_local(folder / "engine")
    s3 = cloud.session.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    _open_work(Bucket(s3, BUCKET))
    options = PageOptions(BUCKET, _PEOPLE, folder / "links.json", None, None, None, "127.0.0.1", 0, ())
    told, stop = SimpleQueue[str](), threading.Event()
    page = threading.Thread(target=serve, args=(cloud.session, options, told.put, stop))
    page.start()
    try:
        told.get(timeout=30)  # the heading
        yield [told.get(timeout=30).split()[1] for _ in _PEOPLE]
    finally:
        stop.set()
        page.join()
        cloud.close()


def _open_work(bucket: Bucket) -> None:
    items = [_item(bucket, _tag(number), number) for number in _PARTS]
    drawn = [replace(item, confidences=(None,) * len(item.proposal), excluded=("ana",)) for item in items]
    now = datetime.now(UTC)
    until = now + timedelta(days=7)
    missed = items[_SHOWN]
    items[_SHOWN] = replace(missed, proposal=missed.proposal[:-1], confidences=missed.confidences[:-1])
    for kind, of_kind in ((WorkKind.LABEL, items), (WorkKind.VERIFY, drawn)):
        key = input_key(_BATCH, 1, kind)
        bucket.write(key, "".join(write_items(of_kind)).encode())
        order = Order(
            _BATCH, 1, kind, "nobody waits", key, now, until, 1, 0.5, second_person=True, class_names=_CLASSES
        )
        open_work(bucket, order)


def _tag(number: int) -> Tag:
    return plan_tag(_SEED, number, image_wh=_IMAGE_WH, defect_rate=0.7)


def _item(bucket: Bucket, tag: Tag, number: int) -> Item:
    content = cv2.imencode(".jpg", render_tag(tag))[1].tobytes()
    sha256 = hashlib.sha256(content).hexdigest()
    bucket.write(f"samples/{sha256}.jpg", content, media="image/jpeg")
    return Item(
        f"s3://{BUCKET}/samples/{sha256}.jpg",
        sha256,
        *_IMAGE_WH,
        f"part-{number}",
        _CLASSES,
        tuple(_box(defect.label, defect.xyxy) for defect in tag.defects),
        tuple(0.62 + 0.07 * (number % 5) for number, _ in enumerate(tag.defects)),
        Origin(station="press-3", part_id=f"part-{number:05}", reason="uncertain", model="metal-tags/1.4.0"),
    )


def _box(label: str, xyxy: tuple[float, float, float, float]) -> Box:
    x1, y1, x2, y2 = (round(side) for side in xyxy)
    return Box(label, x1, y1, x2 - x1, y2 - y1)


if __name__ == "__main__":
    main()
