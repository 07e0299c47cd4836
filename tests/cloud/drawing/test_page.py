"""The page: it holds what happened, bounded, and nothing of what is told in it becomes markup."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from cloud_side.drawing.markup import Markup, element
from cloud_side.drawing.reason import reason_of
from tests.cloud.drawing import workflows
from tests.cloud.drawing.conftest import Recorded
from tests.cloud.drawing.recorded import Told


class Elements(HTMLParser):
    """Which elements and attributes a page has, and what is written in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_names_and_payloads_never_become_markup(recorded: Recorded) -> None:
    page = recorded.page(workflows.hostile())
    found = Elements(page)

    assert found.tags["script"] == found.tags["style"] == 1
    assert found.tags["img"] == found.tags["b"] == found.tags["main"] - 1 == 0
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    links = {value for name, value in found.attributes if name == "href"}
    assert all(re.fullmatch(r"#state-\d+", link) for link in links)
    assert "\u202e" not in page
    assert "\x07" not in page
    assert "javascript:alert(1)" in found.texts


@pytest.mark.parametrize("tag", ["script", "style"])
def test_scripts_and_styles_are_those_of_the_package(recorded: Recorded, tag: str) -> None:
    def raw(page: str) -> list[str]:
        return re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)

    assert len(raw(recorded.page(workflows.hostile()))) == 1
    if tag == "script":
        assert raw(recorded.page(workflows.hostile())) == raw(recorded.page(workflows.linear()))


def test_why_a_job_failed_stands_before_all_that_is_known_of_it(recorded: Recorded) -> None:
    page = recorded.page(workflows.failing())

    assert (
        "<strong>SageMaker.AlgorithmError</strong><p>AlgorithmError: CUDA out of memory, batch 64</p><details><summary>"
        in page
    )


@pytest.mark.parametrize("cause", ["", "plain", "[1]", "{", '{"FailureReason": 1}', "[" * 30_000, '{"Cause": ""}'])
def test_another_cause_is_told_as_it_is(cause: str) -> None:
    assert reason_of(cause) == ""


def test_the_page_asks_for_nothing(recorded: Recorded) -> None:
    found = Elements(recorded.page(workflows.fan_out()))

    assert not [value for name, value in found.attributes if name in {"src", "srcset", "data", "action"}]
    assert not {"link", "iframe", "object", "embed", "form", "base", "image", "use"} & found.tags.keys()
    policy = next(value for name, value in found.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'")


def test_a_long_payload_is_cut_and_says_how_long_it_is(recorded: Recorded) -> None:
    told = Told("t", "t", workflows.FAILING, {"text": "x" * 240_000})
    told.enter("Task", "Prepare", told.input)
    page = recorded.page(told)

    assert len(page) < 60_000
    assert "the first 6,000 of 240,012 characters" in page


def test_many_visits_and_events_make_no_boundless_page(recorded: Recorded) -> None:
    told = Told("t", "t", workflows.LOOP)
    for number in range(500):
        told.step("Wait", "Pause", {"number": number, "text": "y" * 2_000})
    page = recorded.page(told)

    assert len(page) < 700_000
    assert "8 of 500 visits are told here" in page
    assert page.count("<details open") <= 3


def test_an_execution_that_entered_nothing_yet_has_a_page(recorded: Recorded) -> None:
    page = recorded.page(Told("t", "t", workflows.LINEAR))

    assert page.count('class="state not-entered"') == 4
    assert "this page does not change" in page


def test_every_state_is_told_by_words_and_a_sign_too(recorded: Recorded) -> None:
    found = Elements(recorded.page(workflows.fan_out()))
    labels = {
        value.partition(":")[0]: value for name, value in found.attributes if name == "aria-label" and ": " in value
    }

    assert labels["DeployModel"] == "DeployModel: Task · lambda:invoke, 2 succeeded, 1 failed"
    assert labels["CompareShadow"] == "CompareShadow: Task · lambda:invoke, not entered"


def test_elements_escape_what_is_no_element() -> None:
    inner = element("b", "<i>&", title='"x"')
    assert inner == '<b title="&quot;x&quot;">&lt;i&gt;&amp;</b>'
    assert (
        element("p", [inner, None, ["a", "<"]], class_="c", hidden=None, width=2.0)
        == f'<p class="c" width="2">{inner}a&lt;</p>'
    )
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert isinstance(inner, Markup)
    assert element("p", "\x00\x1b[31m\ud800\u2066") == "<p>␀␛[31m?\ufffd</p>"


@pytest.mark.nightly
def test_the_largest_execution_that_aws_allows_has_a_page_that_a_browser_opens(recorded: Recorded) -> None:
    """100 states, 25,000 events with payloads."""
    told = workflows.large()
    page = recorded.page(told)

    assert len(told.events) > 24_900
    assert len(page) < 8_000_000
    assert page.count("<tr") == 2 + 500 + len(told.events) % 500  # what is between is text
    assert "\n 12345  " in page
