from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.page.browser.tablet import looking
from tests.page.people import people
from tests.page.stations import PageStation, port_of, serving

pytestmark = pytest.mark.thorough

DASH = "\N{EN DASH}"


def test_figures_follow_the_station_by_themselves(chromium: Browser, tmp_path: Path) -> None:
    with (
        PageStation.open(tmp_path, people()) as station,
        serving(station, tmp_path) as served,
        looking(chromium, port_of(served), "health", user="vera", is_clock_moved=True) as page,
    ):
        frames = page.locator("[data-section=frames]")
        expect(frames.get_by_role("row", name="Captured")).to_contain_text("12")
        expect(frames.get_by_role("row", name="Came faster than can be inspected")).to_contain_text("1")
        expect(page.locator("[data-section=alarms]")).to_contain_text("Look at its cable.")
        expect(page.locator("[data-section=latency]").get_by_role("row", name="In all")).to_contain_text("14.5")

        dropped = {"queue_overflow": 1, "frozen": 7}
        station.values = {
            **station.values,
            "frames": {"captured": 40, "inspected": 31, "dropped": dropped, "in_flight": 1},
        }
        page.clock.run_for(2_000)
        expect(frames.get_by_role("row", name="Captured")).to_contain_text("40")
        expect(frames.get_by_role("row", name="The camera repeated an old picture")).to_contain_text("7")


def test_what_is_not_known_is_a_dash_and_what_is_new_is_told_by_its_name(chromium: Browser, tmp_path: Path) -> None:
    with PageStation.open(tmp_path, people()) as station, serving(station, tmp_path) as served:
        without = {name: value for name, value in station.values.items() if name not in {"journal", "health", "total"}}
        station.values = {**without, "samples": None, "latency_ms": {"polish": {"p50": 1.0}}}
        with looking(chromium, port_of(served), "health", user="vera") as page:
            expect(page.locator("[data-section=journal] .facts div", has_text="Events on record")).to_contain_text(DASH)
            expect(page.locator("[data-section=checks] .facts div", has_text="over the deadline")).to_contain_text(DASH)
            expect(page.locator("[data-section=samples]")).to_contain_text("No samples are kept")
            expect(page.locator("[data-section=latency]").get_by_role("row", name="polish")).to_contain_text(DASH)
