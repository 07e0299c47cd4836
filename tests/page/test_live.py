import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from math import nan

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Verdict
from edge_inspector.detections import Detections
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding, FrameRecord
from edge_inspector.page import audience
from edge_inspector.page import live as live_module
from edge_inspector.page.live import LiveView
from edge_inspector.page.live_picture import TALLEST, picture_of, shrink
from edge_inspector.settings import PageSettings
from tests.mosquitto import eventually
from tests.page.watching import Pictures, Stream, served

ACCEPTED = Decision(Verdict.ACCEPT)
QUICK = PageSettings(port=0, live_hz=30, live_width=160)


def looked_at(
    image: NDArray[np.uint8], *, outcome: Outcome = ACCEPTED, boxes: list[list[float]] | None = None, full: int = 1
) -> tuple[Frame, FrameFinding]:
    """Return a frame and what was found on it; with `full` it is a copy reduced by so much."""
    height, width = image.shape[:2]
    at = datetime(2026, 3, 1, tzinfo=UTC)
    frame = Frame(image, 0, at, 0, "camera", full_wh=None if full == 1 else (full * width, full * height))
    xyxy = np.array(boxes or [], np.float32).reshape(-1, 4)
    found = Detections(xyxy, np.full(len(xyxy), 0.9, np.float32), np.zeros(len(xyxy), np.int64))
    record = FrameRecord(0, at, "host", "camera", frame.image_wh, outcome)
    return frame, FrameFinding(record, found, {}, 0)


def plain(level: int, *, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def pixels(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


def level_of(jpeg: bytes) -> int:
    """Return how bright a plain picture is in its middle, in steps of 10."""
    image = pixels(jpeg)
    return round(float(image[image.shape[0] // 2, image.shape[1] // 2].mean()) / 10) * 10


@contextmanager
def page(settings: PageSettings = QUICK) -> Iterator[tuple[int, LiveView]]:
    live = LiveView(settings)
    with served(live.doors(), on_loop=[live.on_loop]) as port, live:
        yield port, live


def watched_by(live: LiveView, count: int) -> None:
    eventually(lambda: live.viewers == count, what=f"{count} watch")


def test_who_watches_sees_what_is_inspected() -> None:
    with page() as (port, live), Pictures(port) as browser:
        assert browser.header("cache-control") == "no-store"
        watched_by(live, 1)
        for level in (50, 200):
            live.watch(*looked_at(plain(level)))
            while level_of(picture := browser.next()) != level:
                pass
            assert pixels(picture).shape == (120, 160, 3)


def test_five_viewers_cost_one_encoding() -> None:
    with page() as (port, live), ExitStack() as stack:
        browsers = [stack.enter_context(Pictures(port)) for _ in range(5)]
        watched_by(live, 5)
        live.watch(*looked_at(plain(100)))
        pictures = {browser.next() for browser in browsers}
        assert (len(pictures), live.encoded) == (1, 1)


def test_nothing_is_encoded_and_no_frame_is_held_while_nobody_watches() -> None:
    with page() as (port, live):
        live.watch(*looked_at(plain(100)))
        with Pictures(port) as browser:
            watched_by(live, 1)
            live.watch(*looked_at(plain(100)))
            browser.next()
            browser.hang_up()
        watched_by(live, 0)
        encoded = live.encoded
        for _ in range(10):
            live.watch(*looked_at(plain(100)))
        assert not live._newest
        with Pictures(port) as browser:
            watched_by(live, 1)
            live.watch(*looked_at(plain(200)))
            while level_of(browser.next()) != 200:
                pass
        assert live.encoded == encoded + 1


def test_who_comes_later_sees_the_last_picture_at_once() -> None:
    with page() as (port, live):
        with Pictures(port) as browser:
            watched_by(live, 1)
            live.watch(*looked_at(plain(100)))
            browser.next()
            with Pictures(port) as later:
                assert level_of(later.next()) == 100
        watched_by(live, 0)
        with Pictures(port) as alone:  # nothing was inspected since
            assert level_of(alone.next()) == 100
        watched_by(live, 0)
        live.watch(*looked_at(plain(150)))
        with Pictures(port) as alone:  # an old picture is never shown as what is there now
            watched_by(live, 1)
            live.watch(*looked_at(plain(200)))
            assert level_of(alone.next()) == 200


def test_a_frame_that_was_not_shown_when_the_last_one_left_is_neither_held_nor_hidden_by_an_older_one() -> None:
    with page(PageSettings(port=0, live_hz=0.01, live_width=160)) as (port, live):
        with Pictures(port) as browser:
            watched_by(live, 1)
            live.watch(*looked_at(plain(100)))
            browser.next()
            live.watch(*looked_at(plain(200)))
        watched_by(live, 0)
        assert not live._newest
        with Pictures(port):
            watched_by(live, 1)
            assert live._picture is None


def test_a_still_picture_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "_AGAIN_S", 0.05)
    with page() as (port, live), Pictures(port) as browser:
        watched_by(live, 1)
        live.watch(*looked_at(plain(100)))
        assert [level_of(browser.next()) for _ in range(3)] == [100, 100, 100]
        assert live.encoded == 1


def test_of_a_burst_the_last_one_is_shown_and_few_of_the_others() -> None:
    with page(PageSettings(port=0, live_hz=0.01, live_width=160)) as (port, live), Pictures(port) as browser:
        watched_by(live, 1)
        live.watch(*looked_at(plain(20)))
        browser.next()
        for level in range(30, 250, 10):
            live.watch(*looked_at(plain(level)))
        assert live.encoded == 1
        frame, _ = live._newest[0]
        assert frame.image[0, 0, 0] == 240


def test_a_viewer_that_does_not_read_holds_up_nobody_and_gets_the_newest_when_it_does() -> None:
    settings = PageSettings(port=0, live_hz=30, live_width=1280)
    noise = np.random.default_rng(1).integers(0, 255, (960, 1280, 3), np.uint8)  # a megabyte as JPEG
    with page(settings) as (port, live), Pictures(port) as sleeper, Pictures(port) as browser:
        watched_by(live, 2)
        for _ in range(30):
            live.watch(*looked_at(noise))
            browser.next()
        live.watch(*looked_at(plain(100, width=1280, height=960)))
        while level_of(browser.next()) != 100:
            pass
        seen = 1
        while level_of(sleeper.next()) != 100:
            seen += 1
        assert seen < 25


def test_a_single_picture_is_there_for_other_tools() -> None:
    with page() as (port, live):
        pictures: list[bytes] = []

        def ask() -> None:
            with Stream(port, "/api/v1/live.jpg") as browser:
                assert browser.header("content-type") == "image/jpeg"
                pictures.append(browser.rest())

        thread = threading.Thread(target=ask)
        thread.start()
        watched_by(live, 1)
        live.watch(*looked_at(plain(100)))
        thread.join()
        assert level_of(pictures[0]) == 100
        watched_by(live, 0)


def test_where_nothing_is_inspected_there_is_no_single_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "_STILL_WAITS_S", 0.05)
    with page() as (port, live):
        with Stream(port, "/api/v1/live.jpg") as browser:
            assert browser.status == 404
            assert b"expected a frame within 0.05 s, found none" in browser.rest()
        watched_by(live, 0)


def test_viewers_are_few_and_one_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "MOST_VIEWERS", 1)
    with page() as (port, live), Pictures(port):
        watched_by(live, 1)
        for path in ("/api/v1/live", "/api/v1/live.jpg"):
            with Stream(port, path) as browser:
                assert browser.status == 503
                assert b"too_many_viewers" in browser.rest()


def test_closing_ends_the_streams() -> None:
    live = LiveView(QUICK)
    with served(live.doors(), on_loop=[live.on_loop]) as port, ExitStack() as stack:
        with live:
            browsers = [stack.enter_context(Pictures(port)) for _ in range(2)]
            watched_by(live, 2)
        for browser in browsers:
            browser.rest()
        watched_by(live, 0)
    assert not any(thread.name == "page-live" for thread in threading.enumerate())


def test_a_picture_that_cannot_be_made_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    live = LiveView(QUICK)
    with served(live.doors(), on_loop=[live.on_loop]) as port, live, Pictures(port) as browser:
        watched_by(live, 1)
        live.watch(*looked_at(plain(100), boxes=[[nan] * 4]))
        eventually(lambda: "invalid value" in caplog.text, what="it is told")
        live.watch(*looked_at(plain(200)))
        assert level_of(browser.next()) == 200


REJECTED = Decision(Verdict.REJECT)
NO_VERDICT = NoVerdict(NoVerdictCause.FRAME_MISSING, "gone", Verdict.REJECT)


@pytest.mark.parametrize("outcome", [ACCEPTED, Decision(Verdict.REVIEW), REJECTED, NO_VERDICT])
def test_each_outcome_has_an_edge_of_its_own(outcome: Outcome) -> None:
    others = [each for each in (ACCEPTED, Decision(Verdict.REVIEW), REJECTED, NO_VERDICT) if each != outcome]
    shown = [picture_of(*looked_at(plain(0), outcome=each), width=320) for each in (outcome, *others)]
    corners = {tuple(picture[-1, -1].tolist()) for picture in shown}
    assert len(corners) == 4


@pytest.mark.parametrize("full", [1, 3])
def test_boxes_are_drawn_where_they_are_on_the_frame_as_captured(full: int) -> None:
    box = [full * each for each in (800.0, 600.0, 1200.0, 900.0)]
    frame, finding = looked_at(plain(0, width=2448, height=2048), boxes=[box], full=full)
    picture = picture_of(frame, finding, width=612)
    edge = picture[200:500, 230:270].max(axis=2) > 100  # a strip over the middle of the box
    rows = 200 + np.flatnonzero(edge.all(axis=1))
    assert abs(int(rows[-1]) - 225) <= 2
    columns = np.flatnonzero((picture[180:200].max(axis=2) > 100).all(axis=0))
    columns = columns[(columns > 10) & (columns < 600)]
    assert abs(int(columns[0]) - 200) <= 2
    assert abs(int(columns[-1]) - 300) <= 2


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((2048, 2448, 3), (803, 960, 3)),
        ((240, 320, 3), (240, 320, 3)),
        ((2048, 2448), (803, 960)),
        ((16_000, 2048), (2 * 960, 246)),
        ((3, 9000), (1, 960)),
        ((9000, 1), (2 * 960, 1)),
        ((1, 1), (1, 1)),
        ((1921, 960, 3), (1920, 960, 3)),
    ],
)
def test_pictures_of_any_shape_become_small(shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    image = np.full(shape, 77, np.uint8)
    small = shrink(image, (960, TALLEST * 960))
    assert small.shape == wanted
    assert small.min() == small.max() == 77
    picture = picture_of(*looked_at(image, boxes=[[0, 0, 1, 1]]), width=960)
    assert picture.shape == (*wanted[:2], 3)


def test_a_scratch_of_one_pixel_is_still_seen_on_a_small_picture() -> None:
    for column in range(1000, 1010):
        image = np.zeros((2048, 2448), np.uint8)
        image[:, column] = 255
        assert shrink(image, (480, 960)).max() >= 20
