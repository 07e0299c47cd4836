"""What comes late, stops or fails: pages say so, ask again, and lose nobody's attention over it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from edge_inspector.detectors.none import NO_MODEL
from tests.mosquitto import eventually
from tests.page.browser.tablet import Tablet, looking, picture, put
from tests.page.people import Person, people
from tests.page.stations import PageStation, port_of, serving

pytestmark = pytest.mark.thorough

expect.set_options(timeout=20_000)
_TIMES = 20
_HURRIED = f"const inTime = setTimeout; window.setTimeout = (run, ms, ...rest) => inTime(run, ms / {_TIMES}, ...rest);"
MULTIPART = "multipart/x-mixed-replace; boundary=picture"


@contextmanager
def watching(
    chromium: Browser, folder: Path, *, user: str = "vera", parts: int = 2
) -> Iterator[tuple[PageStation, Tablet]]:
    """Let somebody sit at a station that inspects a frame a second, before a page is opened; the clock can be moved."""
    with PageStation.open(folder, people()) as station:
        station.desk = replace(station.desk, inspected=count().__next__)
        for _ in range(parts):
            put(station)
        with serving(station, folder) as page, Tablet.at(chromium, port_of(page), user=user) as tablet:
            tablet.page.clock.install()
            yield station, tablet


def by_and_by(tablet: Tablet, is_so: Callable[[], bool], *, what: str) -> None:
    """Let the time of the page run ahead, as often as it takes: what it tries again later comes soon."""

    def is_so_now() -> bool:
        tablet.page.clock.run_for(100)  # so slow that the station is never silent for long
        return is_so()

    eventually(is_so_now, what=what)


def newest(tablet: Tablet) -> Locator:
    strip = tablet.page.get_by_role("region", name="Latest not accepted")
    return strip.get_by_role("listitem").first


def test_a_live_picture_whose_stream_has_ended_is_asked_for_anew(chromium: Browser, tmp_path: Path) -> None:
    """A browser says nothing of that; a picture that stands still while the line inspects is no live one."""

    def ended(route: Route) -> None:
        jpeg = picture().content
        part = b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg)
        route.fulfill(
            headers={"Content-Type": MULTIPART, "Cache-Control": "no-store"}, body=part * 2 + b"--picture\r\n"
        )

    def asked() -> int:
        return sum("/api/v1/live" in address for address in tablet.asked)

    with watching(chromium, tmp_path) as (station, tablet):
        tablet.page.route("**/api/v1/live*", ended)
        tablet.open("line")
        expect(tablet.page.locator(".live-box p")).to_have_count(0)
        expect(tablet.page.locator(".counters small").first).to_have_text(re.compile(r"at [1-9]"))
        assert asked() == 1

        for number in range(3, 8):
            put(station)
            expect(tablet.page.locator(".big")).to_contain_text(f"part-{number:05}")
            tablet.page.clock.run_for(4_000)

        eventually(lambda: asked() == 2, what="the live picture is asked for once more: it is the same again")
        assert not tablet.problems


def test_many_alerts_are_said_at_the_pace_of_a_listener(chromium: Browser, tmp_path: Path) -> None:
    """The first one at once, then the newest with how many came before it."""
    with watching(chromium, tmp_path) as (station, tablet):
        tablet.open("line")
        expect(newest(tablet)).to_contain_text("part-00002")
        said = tablet.page.locator("#polite")
        put(station, label="dent")
        expect(said).to_have_text("part-00003: Reject. dent")

        for number in range(4, 8):
            put(station)
            expect(tablet.page.locator(".big")).to_contain_text(f"part-{number:05}")
        expect(said).to_have_text("part-00003: Reject. dent")
        tablet.page.clock.run_for(5_100)

        expect(said).to_have_text("3 more, then part-00007: Reject. scratch")


def test_a_picture_that_is_stored_a_little_later_is_shown(chromium: Browser, tmp_path: Path) -> None:
    """The newest part is told of before its picture is on the disk."""
    with watching(chromium, tmp_path) as (station, tablet):
        tablet.open("line")
        expect(newest(tablet).locator("img")).to_be_visible()

        own = station.put(pictures=0)
        expect(newest(tablet)).to_contain_text("part-00003")
        expect(newest(tablet).locator("img")).to_have_count(0)
        station.pictures.kept[own] = {0: picture()}

        by_and_by(tablet, newest(tablet).locator("img").is_visible, what="the small picture")
        expect(newest(tablet)).to_contain_text("part-00003")


def test_a_small_picture_that_fails_is_asked_for_again(chromium: Browser, tmp_path: Path) -> None:
    """What was moved to the disk a moment ago, or came over a bad network, is there the next time."""
    tries = count(1)

    def fails_once(route: Route) -> None:
        if next(tries) == 1:
            route.fulfill(status=404)
        else:
            route.continue_()

    with watching(chromium, tmp_path, parts=1) as (_, tablet):
        tablet.page.route("**/picture?*width=192*", fails_once)
        tablet.open("line")
        image = newest(tablet).locator("img")
        by_and_by(tablet, lambda: image.evaluate("image => image.naturalWidth") > 0, what="the small picture")
        assert next(tries) == 3


def test_a_picture_that_is_gone_says_so_and_goes_on_saying_it(chromium: Browser, tmp_path: Path) -> None:
    """Nobody looks at a black field, also after what else is known of the part has changed."""
    with watching(chromium, tmp_path, user="otto") as (station, tablet):
        oldest = next(iter(station.pictures.kept))
        tablet.page.route("**/picture?frame=0", lambda route: route.fulfill(status=404))
        tablet.open(f"defects/{oldest}")
        gone = tablet.page.get_by_text("The picture cannot be shown")
        by_and_by(tablet, gone.is_visible, what="it says so")

        ada = Person(tablet.port).sign_in("ada")
        assert ada.put(f"/results/{oldest}/disposition", {"disposition": "unsure"})[0] == 200

        expect(tablet.page.locator(".word-said")).to_contain_text("ada")
        expect(gone).to_be_visible()


def test_a_screen_that_nobody_touches_tries_again_by_itself(chromium: Browser, tmp_path: Path) -> None:
    """A page that could not be opened is there once the station answers, and nothing of the failed try goes on."""
    with watching(chromium, tmp_path) as (_, tablet):
        tablet.page.route("**/api/v1/results?*", lambda route: route.abort())
        tablet.open("defects")
        expect(tablet.page.get_by_role("alert").get_by_text("The station does not answer.")).to_be_visible()
        tablet.page.unroute_all()

        tablet.page.clock.run_for(10_000)

        expect(tablet.page.get_by_role("region", name="Results").get_by_role("listitem")).to_have_count(2)


def test_a_line_whose_latest_parts_cannot_be_looked_up_is_shown_all_the_same(chromium: Browser, tmp_path: Path) -> None:
    """What is looked up follows when it can be."""
    with watching(chromium, tmp_path) as (_, tablet):
        tablet.page.route("**/api/v1/results?*", lambda route: route.fulfill(status=503, json={}))
        tablet.open("line")
        expect(tablet.page.locator(".big")).to_contain_text("part-00002")
        tablet.page.unroute_all()

        by_and_by(tablet, newest(tablet).is_visible, what="the latest parts are looked up")
        expect(newest(tablet)).to_contain_text("part-00002")


@pytest.mark.parametrize("missing", ["dom.js", "texts.en.json"])
def test_a_page_of_which_something_did_not_come_is_loaded_again(
    chromium: Browser, tmp_path: Path, missing: str
) -> None:
    """A screen at the line stays not empty because its network was gone for a moment, and has nobody to reload it."""
    with PageStation.open(tmp_path, people()) as station:
        put(station)
        with serving(station, tmp_path) as page, Tablet.at(chromium, port_of(page), user="vera") as tablet:
            screen, what = tablet.page, f"**/static/{missing}"
            screen.add_init_script(_HURRIED)  # the installed clock of Playwright does not outlive a page that reloads
            screen.route(what, lambda route: route.abort())
            with screen.expect_request(what):
                tablet.open("line")
            with screen.expect_request(what):
                pass
            screen.unroute_all()

            expect(screen.locator(".big")).to_contain_text("part-00001")
            tablet.asked.clear()
            screen.wait_for_timeout(60_000 / _TIMES)
            assert not [address for address in tablet.asked if address.endswith("/app.js")]


def test_tab_leads_past_a_long_list_and_arrows_through_it(chromium: Browser, tmp_path: Path) -> None:
    """Who has no mouse, and has turned single keys off, reaches the picture and every part."""
    with watching(chromium, tmp_path, parts=60) as (_, tablet):
        tablet.open("defects")
        title = tablet.page.locator("#result-title")
        expect(title).to_contain_text("part-00060")
        tablet.page.evaluate("localStorage.setItem('keys', 'off')")
        rows = tablet.page.get_by_role("region", name="Results").get_by_role("link")

        rows.first.focus()
        tablet.page.keyboard.press("j")
        tablet.page.keyboard.press("ArrowDown")
        expect(title).to_contain_text("part-00059")
        expect(rows.nth(1)).to_be_focused()
        tablet.page.keyboard.press("Tab")

        expect(tablet.page.get_by_role("link", name="Save as a table")).to_be_focused()


def test_the_worst_alarm_stands_first(chromium: Browser, tmp_path: Path) -> None:
    """There is not always room for all of them."""
    alarms = [
        {"name": name, "severity": severity, "text": name, "what_to_do": "", "raised_at": "2026-03-01T12:00:00.000Z"}
        for name, severity in (("slow", "warning"), ("lost", "critical"), ("late", "warning"))
    ]
    with watching(chromium, tmp_path) as (_, tablet):
        tablet.open("line")
        expect(tablet.page.locator(".big")).to_be_visible()
        names = """async alarms => {
            const { alarmList } = await import("/static/bar.js");
            return [...alarmList(alarms).querySelectorAll(".alarm-text")].map(each => each.lastChild.textContent);
        }"""
        assert tablet.page.evaluate(names, alarms) == ["lost", "slow", "late"]


def test_where_no_model_judges_yet_the_page_says_so(chromium: Browser, tmp_path: Path) -> None:
    """A name that stands for none is nobody's model."""
    with PageStation.open(tmp_path, people()) as station:
        model = {"name": NO_MODEL.name, "version": NO_MODEL.version, "sha256": NO_MODEL.sha256}
        now = {"running": model, "previous": None, "candidate": None, "probation": None, "rejected": 0}
        station.values = {**station.values, "model": now}
        station.desk = replace(station.desk, class_names=lambda: ())
        with serving(station, tmp_path) as page, looking(chromium, port_of(page), "model", user="vera") as screen:
            running = screen.locator("[data-model=running]")
            expect(running).to_contain_text("No model judges")
            expect(running).not_to_contain_text("0.0.0")
