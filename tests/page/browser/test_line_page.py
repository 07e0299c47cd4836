"""The Line page in a browser: what it tells of the line, and that it says so when it is not new."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, expect

from edge_inspector.decision import NoVerdict, NoVerdictCause, Verdict
from tests.mosquitto import eventually, free_port
from tests.page.browser.tablet import PHONE, TABLET, UPRIGHT, Tablet, put
from tests.page.indexed import part
from tests.page.people import Person, people
from tests.page.stations import PageStation, port_of, serving

expect.set_options(timeout=20_000)
HEAR = """() => {
    window.said = [];
    const region = document.getElementById("polite");
    new MutationObserver(() => window.said.push(region.textContent)).observe(region, {childList: true});
}"""  # what is said to a screen reader from now on


@contextmanager
def looking_at(chromium: Browser, folder: Path, user: str = "vera") -> Iterator[tuple[PageStation, Tablet]]:
    """Let somebody look at the line of a station with a few parts."""
    with PageStation.open(folder, people()) as station:
        put(station)
        put(station, "accept")
        with serving(station, folder) as page, Tablet.at(chromium, port_of(page), user=user) as tablet:
            tablet.open("line")
            expect(big(tablet)).to_contain_text("part-00002")
            yield station, tablet


def big(tablet: Tablet) -> Locator:
    return tablet.page.get_by_role("region", name="Last part")


def strip(tablet: Tablet) -> Locator:
    return tablet.page.get_by_role("region", name="Latest not accepted").get_by_role("listitem")


def test_an_alert_arrives_while_the_page_is_open(chromium: Browser, tmp_path: Path) -> None:
    """A part that is turned down fills the screen, joins the latest ones, and is said to a screen reader."""
    with looking_at(chromium, tmp_path) as (station, tablet):
        expect(big(tablet)).to_contain_text("Accept")
        expect(strip(tablet)).to_have_count(1)

        put(station, label="dent")

        expect(big(tablet)).to_contain_text(re.compile("Reject.*dent 0.9", re.DOTALL))
        expect(big(tablet)).to_have_attribute("data-outcome", "reject")
        expect(strip(tablet)).to_have_count(2)
        expect(strip(tablet).first).to_contain_text("part-00003")
        expect(tablet.page.locator("#polite")).to_have_text("part-00003: Reject. dent")
        assert not tablet.problems


def test_a_part_without_a_verdict_says_why_and_what_becomes_of_it(chromium: Browser, tmp_path: Path) -> None:
    """It is never taken for a good one, and its cause is told in words."""
    with looking_at(chromium, tmp_path) as (station, tablet):
        station.put(cause=NoVerdict(NoVerdictCause.DEADLINE_MISSED, "too late", Verdict.REJECT), pictures=0)

        expect(big(tablet)).to_contain_text("No verdict")
        expect(big(tablet)).to_contain_text("The inspection took too long. It is treated as rejected.")
        expect(strip(tablet).first).to_contain_text("No verdict")


def test_long_names_leave_the_rest_of_the_screen_alone(chromium: Browser, tmp_path: Path) -> None:
    """They are cut where there is no room; the part's own page has them whole."""
    with looking_at(chromium, tmp_path) as (station, tablet):
        name = "CARRIER-000193/SERIAL-" + "0123456789" * 8
        station.journal.append(station.writer.of_result(part(3, "scratch", "dent", lot="L" * 60, part_id=name)))
        expect(big(tablet)).to_contain_text(name)

        assert big(tablet).evaluate("big => big.scrollHeight <= big.clientHeight && big.scrollWidth <= big.clientWidth")
        live = tablet.page.locator(".live")
        assert live.evaluate("live => live.scrollHeight <= live.clientHeight")


def test_alarms_tell_what_to_do(chromium: Browser, tmp_path: Path) -> None:
    """The page and the bell at the top have the same words."""
    with looking_at(chromium, tmp_path) as (_, tablet):
        region = tablet.page.get_by_role("region", name="Warnings and alarms")
        expect(region).to_contain_text("Critical: the camera does not answer")
        expect(region).to_contain_text("Look at its cable.")

        tablet.page.get_by_role("button", name="1 alarm").click()

        expect(tablet.page.locator("#menu-alarms")).to_contain_text("Look at its cable.")


@pytest.mark.thorough
def test_a_screen_that_shows_old_data_says_so_and_misses_nothing(chromium: Browser, tmp_path: Path) -> None:
    """While the station does not answer the page says since when; what came meanwhile is there afterwards."""
    settings = people(port=free_port())
    with PageStation.open(tmp_path, settings) as station:
        put(station)
        with serving(station, tmp_path) as page:
            tablet_at = Tablet.at(chromium, port_of(page))
            tablet = tablet_at.__enter__()
            tablet.open("line").sign_in("vera")
            expect(strip(tablet)).to_have_count(1)
        try:
            expect(tablet.page.get_by_text("Reconnecting since")).to_be_visible()
            expect(tablet.page.get_by_text("What you see is from")).to_be_visible()
            for _ in range(3):
                put(station, label="dent")

            with serving(station, tmp_path):
                expect(tablet.page.locator(".connection")).to_have_text("Live")
                expect(big(tablet)).to_contain_text("part-00004")
                expect(strip(tablet)).to_have_count(4)
                expect(tablet.page.get_by_text("What you see is from")).to_be_hidden()
        finally:
            tablet_at.__exit__(None, None, None)


def test_a_tablet_that_slept_gets_every_alert(chromium: Browser, tmp_path: Path) -> None:
    """It lets go of its streams while nobody looks, and asks for what came meanwhile when it is taken up again."""
    with PageStation.open(tmp_path, people()) as station:
        put(station)
        with serving(station, tmp_path) as page, Tablet.at(chromium, port_of(page)) as tablet:
            tablet.page.clock.install()
            tablet.open("line").sign_in("vera")
            expect(strip(tablet)).to_have_count(1)
            station_side = Person(port_of(page)).sign_in("ada")
            viewers = lambda: station_side.get("/health")[1]["page"]  # noqa: E731 - short
            eventually(lambda: viewers()["viewers"] == 1, what="the tablet listens")

            tablet.sleep()
            eventually(lambda: viewers()["viewers"] == 0, what="the tablet has let go of its stream")
            eventually(lambda: viewers()["live_viewers"] == 0, what="the tablet has let go of the live picture")
            tablet.page.evaluate(HEAR)
            for _ in range(3):
                put(station, label="dent")
            tablet.wake()

            expect(tablet.page.locator(".connection")).to_have_text("Live")
            expect(strip(tablet)).to_have_count(4)
            tablet.page.clock.run_for(5_000)
            said = "window.said.some(text => text.includes('part-00004: Reject. dent'))"
            eventually(lambda: tablet.page.evaluate(said), what="the newest alert is said")


def test_nobody_sees_the_line_before_signing_in(chromium: Browser, tmp_path: Path) -> None:
    """The page asks who is there; what is wrong is said, and signing out takes everything away."""
    with PageStation.open(tmp_path, people()) as station:
        put(station)
        with serving(station, tmp_path) as page, Tablet.at(chromium, port_of(page)) as tablet:
            tablet.open("line").sign_in("vera", "not it")
            expect(tablet.page.get_by_text("This name and this password do not belong together.")).to_be_visible()
            expect(big(tablet)).to_have_count(0)

            tablet.sign_in("vera")
            expect(big(tablet)).to_contain_text("part-00001")

            tablet.page.get_by_role("button", name="Person: vera").click()
            tablet.page.get_by_role("button", name="Sign out").click()
            expect(tablet.page.get_by_role("heading", name="Sign in to see the line")).to_be_visible()
            expect(big(tablet)).to_have_count(0)


def test_a_session_that_ends_asks_to_sign_in_again(chromium: Browser, tmp_path: Path) -> None:
    """Nobody looks at a screen that silently stopped."""
    with looking_at(chromium, tmp_path) as (_, tablet):
        tablet.page.context.clear_cookies()

        tablet.page.keyboard.press("2")

        expect(tablet.page.get_by_text("Your session has ended.")).to_be_visible()
        tablet.sign_in("otto")
        expect(tablet.page.get_by_role("button", name="Person: otto")).to_be_visible()
        expect(tablet.page.get_by_role("region", name="Results")).to_be_visible()


def test_the_page_asks_no_other_host_and_keeps_to_its_policy(chromium: Browser, tmp_path: Path) -> None:
    """A line without a way out loses nothing, and no script comes from anywhere else."""
    with looking_at(chromium, tmp_path, "ada") as (_, tablet):
        for number in "123456":
            tablet.page.keyboard.press(number)
            expect(tablet.page.locator("#rail [aria-current=page]")).to_have_count(1)
            expect(tablet.page.get_by_text("Loading…").first).to_be_hidden()

        assert {urlsplit(asked).netloc for asked in tablet.asked} == {urlsplit(tablet.address).netloc}
        assert not tablet.problems


def test_the_colors_are_as_the_device_has_them_until_a_person_says_otherwise(chromium: Browser, tmp_path: Path) -> None:
    """The choice outlives the visit."""
    with (
        PageStation.open(tmp_path, people(open_view=True)) as station,
        serving(station, tmp_path) as page,
        Tablet.at(chromium, port_of(page), theme="dark") as tablet,
    ):
        root = tablet.open("line").page.locator("html")
        expect(root).to_have_attribute("data-theme", "dark")

        tablet.page.get_by_role("button", name="Colors: as on this device").click()
        expect(root).to_have_attribute("data-theme", "light")

        tablet.page.reload()
        expect(root).to_have_attribute("data-theme", "light")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wh", "theme"),
    [
        (TABLET, "light"),
        (PHONE, "dark"),
        pytest.param(UPRIGHT, "dark", marks=pytest.mark.nightly),
        pytest.param(PHONE, "light", marks=pytest.mark.nightly),
    ],
)
def test_everybody_can_use_it(chromium: Browser, tmp_path: Path, wh: tuple[int, int], theme: str) -> None:
    """axe-core finds nothing serious, nothing is wider than the screen, and fingers find the buttons."""
    with PageStation.open(tmp_path, people()) as station:
        for label in ("scratch", "dent", "scratch"):
            put(station, label=label)
        with serving(station, tmp_path) as page, Tablet.at(chromium, port_of(page), wh=wh, theme=theme) as tablet:
            tablet.open("line")
            expect(tablet.page.get_by_role("dialog")).to_be_visible()
            assert not tablet.faults()

            tablet.sign_in("vera")
            expect(strip(tablet)).to_have_count(3)
            assert not tablet.faults()
            assert tablet.page.evaluate("document.documentElement.scrollWidth") <= wh[0]
            for button in tablet.page.get_by_role("button").all():
                box = button.bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) >= 44, button.inner_text()
