from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from edge_inspector.decision import Verdict
from edge_inspector.page.desk import ClassLimits, Tried
from edge_inspector.page.page import OperatorPage
from tests.page.browser.tablet import looking
from tests.page.indexed import MODEL
from tests.page.people import Person
from tests.page.stations import BEGAN, LIMITS, PageStation, port_of

pytestmark = pytest.mark.thorough


@dataclass(frozen=True)
class Line:
    """A station, and where its page is."""

    station: PageStation
    port: int


@pytest.fixture
def line(station: PageStation, page: OperatorPage) -> Line:
    station.thresholds.tried = [
        Tried(f"{number:026}", f"part-{number}", BEGAN + timedelta(seconds=number), Verdict.REJECT, after)
        for number, after in enumerate([Verdict.REVIEW, Verdict.REJECT, Verdict.REVIEW, Verdict.REJECT])
    ]
    return Line(station, port_of(page))


def _field(page: Page, label: str, name: str) -> Locator:
    return page.locator(f"[data-label={label}] [data-limit={name}] input[type=number]")


def _set(page: Page, label: str, name: str, value: float) -> None:
    _field(page, label, name).fill(f"{value}")
    _field(page, label, name).press("Tab")


def test_an_admin_sees_what_would_change_before_anything_does(chromium: Browser, line: Line) -> None:
    with looking(chromium, line.port, "settings", user="ada") as page:
        _set(page, "scratch", "reject_at", 0.95)
        preview = page.locator(".preview")
        expect(preview.locator(".preview-says")).to_have_text("2 of the last 4 parts would have got another verdict.")
        expect(preview.locator(".changed li")).to_have_count(2)
        expect(preview.locator(".changed a").first).to_have_attribute("href", f"#/defects/{0:026}")
        expect(preview.get_by_role("row", name="Reject")).to_contain_text("-2")
        classes, _ = line.station.thresholds.asked[-1]
        assert classes == {**LIMITS, "scratch": ClassLimits(0.4, 0.95)}
        assert line.station.thresholds.now is not None
        assert line.station.thresholds.now.classes == LIMITS


def test_thresholds_are_changed_after_a_question_that_repeats_them(chromium: Browser, line: Line) -> None:
    with looking(chromium, line.port, "settings", user="ada") as page:
        _set(page, "scratch", "reject_at", 0.95)
        expect(page.locator(".preview-says")).to_be_visible()
        page.get_by_role("button", name="Apply").click()
        question = page.get_by_role("dialog")
        expect(question).to_contain_text("scratch: reject only from 0.95, until now from 0.7")
        expect(question).to_contain_text("2 of the last 4 parts")
        question.get_by_role("button", name="Cancel").click()
        expect(question).to_be_hidden()
        assert line.station.thresholds.now is not None
        assert line.station.thresholds.now.classes == LIMITS

        page.get_by_role("button", name="Apply").click()
        question.get_by_role("button", name="Apply").click()
        expect(page.locator(".about")).to_contain_text("Set here by ada")
        expect(page.locator(".preview-body")).not_to_have_attribute("aria-busy", "true")
        assert line.station.thresholds.now.classes["scratch"] == ClassLimits(0.4, 0.95)
        assert line.station.thresholds.now.set_by == "ada"

        page.get_by_role("button", name="Back to the model's").click()
        question.get_by_role("button", name="Back to the model's").click()
        expect(_field(page, "scratch", "reject_at")).to_have_value("0.7")
        assert line.station.thresholds.now.classes == LIMITS


def test_review_is_never_above_reject(chromium: Browser, line: Line) -> None:
    with looking(chromium, line.port, "settings", user="ada") as page:
        _set(page, "dent", "review_at", 0.8)
        expect(_field(page, "dent", "reject_at")).to_have_value("0.8")
        _set(page, "dent", "reject_at", 0.3)
        expect(_field(page, "dent", "review_at")).to_have_value("0.3")
        slider = page.locator("[data-label=dent] [data-limit=review_at] input[type=range]")
        slider.press("ArrowRight")
        expect(_field(page, "dent", "reject_at")).to_have_value("0.31")


@pytest.mark.parametrize("user", ["vera", "otto"])
def test_who_is_no_admin_sees_them_and_why_they_stay(chromium: Browser, line: Line, user: str) -> None:
    with looking(chromium, line.port, "settings", user=user) as page:
        expect(_field(page, "scratch", "review_at")).to_have_value("0.4")
        expect(_field(page, "scratch", "review_at")).not_to_be_editable()
        expect(page.locator("[data-label=scratch] input[type=range]").first).to_be_disabled()
        expect(page.locator(".about")).to_contain_text("Only an admin can change thresholds")
        expect(page.get_by_role("button", name="Apply")).to_have_count(0)
        expect(page.locator(".preview")).to_have_count(0)


def test_a_change_by_somebody_else_takes_nothing_out_of_a_persons_hands(chromium: Browser, line: Line) -> None:
    with looking(chromium, line.port, "settings", user="ada") as page:
        expect(page.locator(".connection")).to_have_attribute("data-state", "live")
        _set(page, "scratch", "reject_at", 0.95)
        other = {label: {"review_at": 0.2, "reject_at": 0.6} for label in LIMITS}
        answer = Person(line.port).sign_in("ada").put("/thresholds", {"classes": other, "model_sha256": MODEL.sha256})
        assert answer[0] == 200
        pairs = dict.fromkeys(LIMITS, (0.2, 0.6))
        line.station.journal.append(
            [
                line.station.writer.thresholds_changed(
                    BEGAN, model=MODEL, product=None, thresholds=pairs, previous=pairs, by="ada"
                )
            ]
        )
        note = page.get_by_text("have changed meanwhile")
        expect(note).to_be_visible()
        expect(_field(page, "scratch", "reject_at")).to_have_value("0.95")
        page.get_by_role("button", name="Drop my changes").click()
        expect(_field(page, "scratch", "reject_at")).to_have_value("0.6")
