from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from edge_inspector.commands import Answer, CommandStatus
from edge_inspector.page.page import OperatorPage
from tests.mosquitto import eventually
from tests.page.browser.tablet import looking
from tests.page.stations import PageStation, port_of

pytestmark = pytest.mark.thorough


class Line:
    """A station, where its page is, and what it answers to commands."""

    def __init__(self, station: PageStation, port: int) -> None:
        self.station, self.port = station, port

    def answer(self, status: CommandStatus, text: str) -> None:
        """Answer the newest command, once it is there."""
        eventually(lambda: bool(self.station.commands), what="the command")
        request_id = f"page-{len(self.station.commands)}"
        answer = Answer("model-rollback", request_id, status, text)
        self.station.journal.append([self.station.writer.command_answered(datetime.now(UTC), answer)])


@pytest.fixture
def line(station: PageStation, page: OperatorPage) -> Line:
    return Line(station, port_of(page))


def test_it_shows_what_runs_what_was_good_and_what_is_in_shadow(chromium: Browser, line: Line) -> None:
    with looking(chromium, line.port, "model", user="vera") as page:
        expect(page.locator("[data-model=running]")).to_contain_text("metal-tags 1.1.0")
        expect(page.locator("[data-model=previous]")).to_contain_text("metal-tags 1.0.0")
        candidate = page.locator("[data-model=candidate]")
        expect(candidate).to_contain_text("metal-tags/1.2.0 is in shadow")
        expect(candidate).to_contain_text("On 2 of 40 frames the candidate says something else")


def test_an_admin_rolls_back_after_a_question_and_is_told_what_came_of_it(chromium: Browser, line: Line) -> None:
    with looking(chromium, line.port, "model", user="ada") as page:
        expect(page.locator(".connection")).to_have_attribute("data-state", "live")
        button = page.get_by_role("button", name="Roll back")
        button.click()
        question = page.get_by_role("dialog")
        expect(question).to_contain_text("Go back to metal-tags 1.0.0?")
        question.get_by_role("button", name="Cancel").click()
        expect(question).to_be_hidden()
        assert not line.station.commands

        button.click()
        question.get_by_role("button", name="Roll back").click()
        expect(page.locator(".came-of-it")).to_contain_text("Going back")
        line.answer(CommandStatus.DONE, "model-rollback: done in 812 ms")
        expect(page.locator(".came-of-it")).to_contain_text("Done. model-rollback: done in 812 ms")
        assert line.station.commands == [("model-rollback", {"to_sha256": "cd" * 32, "by": "ada"})]


def test_a_rollback_that_is_refused_says_why(chromium: Browser, line: Line) -> None:
    with looking(chromium, line.port, "model", user="ada") as page:
        expect(page.locator(".connection")).to_have_attribute("data-state", "live")
        page.get_by_role("button", name="Roll back").click()
        page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
        line.answer(CommandStatus.REFUSED, "expected a good model before it")
        expect(page.locator(".came-of-it")).to_have_text("It was not rolled back: expected a good model before it")


@pytest.mark.parametrize("user", ["vera", "otto"])
def test_who_is_no_admin_sees_the_way_back_and_why_it_is_not_theirs(chromium: Browser, line: Line, user: str) -> None:
    with looking(chromium, line.port, "model", user=user) as page:
        button = page.get_by_role("button", name="Roll back")
        expect(button).to_be_disabled()
        expect(button).to_have_accessible_description("Only an admin can roll back. Sign in as one, or ask one.")
        button.click(force=True)
        expect(page.get_by_role("dialog")).to_have_count(0)
