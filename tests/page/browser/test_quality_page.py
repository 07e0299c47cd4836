from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from edge_inspector.decision import NoVerdict, NoVerdictCause
from edge_inspector.ports import StoredPicture
from tests.mosquitto import eventually
from tests.page.browser.tablet import looking
from tests.page.people import Person, people
from tests.page.stations import PageStation, port_of, serving

pytestmark = pytest.mark.thorough

SINCE, UNTIL = "2026-03-01T12:00:00.000Z", "2026-03-01T12:05:00.000Z"
OWN = f"range=own&since={SINCE}&until={UNTIL}"
PARTS = 299  # one a second from 12:00:01 on
GRAY = StoredPicture(cv2.imencode(".jpg", np.full((300, 450, 3), 128, np.uint8))[1].tobytes(), "jpg")
BAD_MINUTE = range(120, 180)  # of these every second one is rejected, of the others every 30th


@dataclass(frozen=True)
class Shift:
    """Five minutes of a line that went wrong for one of them."""

    port: int
    rejects: int


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    home = tmp_path_factory.mktemp("home")
    with PageStation.open(home, people()) as station, serving(station, home) as page:
        rejected = [station.put(*_outcome(number), label=_label(number)) for number in range(1, PARTS)]
        station.put(cause=NoVerdict(NoVerdictCause.DEADLINE_MISSED))
        station.pictures.kept = {each: {0: GRAY} for each in rejected}
        otto = Person(port_of(page)).sign_in("otto")
        eventually(lambda: otto.get("/quality", since=SINCE, until=UNTIL)[1]["totals"]["parts"] == PARTS, what="shown")
        for number, inspection_id in enumerate([rejected[29], rejected[119], rejected[121], rejected[123]]):
            said = {"disposition": "false_reject" if number == 0 else "true_reject", "boxes": [], "note": None}
            assert otto.put(f"/results/{inspection_id}/disposition", said)[0] == 200
        count = otto.get("/quality", since=SINCE, until=UNTIL)[1]["totals"]["reject"]
        yield Shift(port_of(page), count)


def _outcome(number: int) -> tuple[str]:
    is_reject = number % 2 == 0 if number in BAD_MINUTE else number % 30 == 0
    return ("reject",) if is_reject else ("accept",)


def _label(number: int) -> str:
    return "dent" if number % 60 == 0 else "scratch"


def test_a_shift_is_told_in_figures_and_in_words(chromium: Browser, shift: Shift) -> None:
    with looking(chromium, shift.port, f"quality?{OWN}", user="vera") as page:
        expect(page.locator("[data-tile=parts] dd")).to_have_text(f"{PARTS}")
        expect(page.locator("[data-tile=reject] dd b")).to_have_text(f"{shift.rejects}")
        expect(page.locator("[data-tile=no_verdict] dd b")).to_have_text("1")
        expect(page.locator("[data-figure=over_time] .figure-says")).to_contain_text(
            f"{shift.rejects} of {PARTS} rejected"
        )
        expect(page.locator("[data-figure=heat_map] .figure-says")).to_contain_text("at the top left")


def test_a_minute_out_of_the_limits_is_named_and_leads_to_its_parts(chromium: Browser, shift: Shift) -> None:
    with looking(chromium, shift.port, f"quality?{OWN}", user="vera") as page:
        named = page.locator("[data-figure=p_chart] .out-list a")
        expect(named).to_have_count(1)
        expect(named).to_contain_text("above the limit")
        assert "12:02" in (named.text_content() or "")
        link = named.get_attribute("href") or ""
        assert link.startswith("#/defects?since=2026-03-01T12%3A02%3A00")


def test_a_class_leads_to_its_parts(chromium: Browser, shift: Shift) -> None:
    with looking(chromium, shift.port, f"quality?{OWN}", user="vera") as page:
        page.locator("[data-figure=pareto]").get_by_role("link", name="scratch").first.click()
        page.wait_for_url("**/#/defects?**")
        assert "label=scratch" in page.url


def test_what_a_chart_shows_a_table_says(chromium: Browser, shift: Shift) -> None:
    with looking(chromium, shift.port, f"quality?{OWN}", user="vera") as page:
        for name in ("over_time", "p_chart", "pareto", "heat_map"):
            figure = page.locator(f"[data-figure={name}]")
            expect(figure.get_by_role("table")).to_have_count(0)
            figure.get_by_role("button", name="Show as table").click()
            assert figure.get_by_role("table").locator("tbody tr").count() > 0
        minutes = page.locator("[data-figure=over_time] tbody tr")
        parts = [int(minutes.nth(row).locator("td").first.inner_text()) for row in range(minutes.count())]
        assert sum(parts) == PARTS
        page.locator("[data-figure=over_time]").get_by_role("button", name="Show as chart").click()
        expect(page.locator("[data-figure=over_time]").get_by_role("table")).to_have_count(0)


def test_the_arrow_keys_read_a_chart_value_by_value(chromium: Browser, shift: Shift) -> None:
    with looking(chromium, shift.port, f"quality?{OWN}", user="vera") as page:
        chart = page.locator("[data-figure=p_chart]")
        chart.locator("canvas").wait_for()
        chart.locator(".plot").focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(chart.locator(".readout")).to_contain_text("outside the limits")
        page.keyboard.press("ArrowRight")
        expect(chart.locator(".readout")).not_to_contain_text("outside the limits")


def test_a_measured_rate_says_how_sure_it_is_and_where_to_judge_more(chromium: Browser, shift: Shift) -> None:
    with looking(chromium, shift.port, f"quality?{OWN}", user="vera") as page:
        rejects = page.locator("[data-judged=false_rejects]")
        expect(rejects).to_contain_text("1 of 4 judged rejects were good parts: 25%.")
        expect(rejects).to_contain_text("If nobody picked which to judge")
        expect(rejects).to_contain_text("Only 4 were judged")
        link = rejects.get_by_role("link").get_attribute("href") or ""
        assert "judged=false" in link
        assert "outcome=reject" in link
        expect(page.locator("[data-judged=escapes]")).to_contain_text("no accepted part was drawn for the audit")


def test_a_time_that_is_chosen_can_be_sent_as_a_link(chromium: Browser, shift: Shift) -> None:
    with looking(chromium, shift.port, "quality", user="vera") as page:
        page.get_by_role("button", name="7 days").click()
        page.wait_for_url("**range=days7")
        expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    with looking(chromium, shift.port, "quality?range=days7", user="vera") as page:
        expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("[data-figure=over_time]")).to_contain_text("No part came in this time")


def test_a_dark_screen_prints_its_report_on_white_paper(chromium: Browser, shift: Shift, tmp_path: Path) -> None:
    with looking(chromium, shift.port, f"quality?{OWN}", user="vera") as page:
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.get_by_role("link", name="Shift report").click()
        expect(page.get_by_role("heading", name="Shift report")).to_be_visible()
        expect(page.locator(".sheet [data-tile=reject] dd b")).to_have_text(f"{shift.rejects}")
        page.emulate_media(media="print", color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        for hidden in ("#bar", "#rail", ".no-paper"):
            expect(page.locator(hidden)).to_be_hidden()
        widest = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.plot canvas')].map(each => each.clientWidth))"
        )
        assert widest <= 688  # CSS pixels between the margins of A4
        page.emulate_media(media="screen", color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
