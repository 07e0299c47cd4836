"""The page of the gate, as the person reads it who decides."""

import html
import re
from dataclasses import replace

from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.gate.evidence import Evidence, Parity
from cloud_side.training.gate.judgement import Judgement
from cloud_side.training.gate.limits import Limits
from cloud_side.training.gate.page import page_of
from cloud_side.training.gate.rules import judge
from tests.cloud.training.gate.evidence import FIRST, GOOD, exactly, with_scores, with_tested


def text_of(evidence: Evidence) -> str:
    """Return what the page says, a line a block, without its style."""
    page = page_of(judge(evidence, Limits()), evidence).decode()
    body = page[page.index("<header") :]
    return html.unescape(re.sub(r"<[^>]+>", "\n", body)).replace("\N{NO-BREAK SPACE}", " ")


def lines(evidence: Evidence) -> list[str]:
    return [line for line in text_of(evidence).split("\n") if line.strip()]


def test_the_verdict_comes_first_and_then_what_was_found_against_what_is_asked() -> None:
    verdict, short = lines(GOOD)[:2]
    assert verdict == "tags 1.2.0 may go to the line, once a person approves it"
    assert short == (
        "Tested on 400 images of 40 groups of parts. Defective parts that would be let through: 1.0 %, at most 5.0 % "
        "is asked; parts that would be stopped without need: 2.0 %, at most 10.0 % is asked."
    )


def test_reasons_stand_before_all_else_that_is_told() -> None:
    told = lines(with_scores(map50=exactly(0.3)))
    reason = next(line for line in told if line.startswith("How well defects are found"))
    assert "at least 0.500 is asked" in reason
    assert told.index(reason) < told.index("Data")


def test_every_number_has_its_limit_beside_it() -> None:
    text = text_of(FIRST)
    for limit in ("at least 0.500 is asked", "at most 5.0 % is asked; of the upper end of the range, at most 30.0 %"):
        assert limit in text[text.index("The numbers") : text.index("All checks")]


def test_with_few_good_parts_the_limit_of_overkill_is_that_of_its_stand_in() -> None:
    few = replace(FIRST, tested=with_tested(clean=3).tested)
    assert "without need: 2.0 %, at most 10.0 % is asked" in text_of(few)


def test_checks_have_names_in_plain_words_and_those_that_failed_come_first() -> None:
    told = lines(with_scores(latency_ms=900.0))
    table = told[len(told) - told[::-1].index("All checks") :]
    assert table[2] == "Time against the approved model"
    assert not [line for line in table if re.fullmatch(r"[a-z]+_[a-z_]+.*", line)]


def test_a_number_that_was_not_measured_is_said_to_be_so() -> None:
    assert "let through: not measured, at most 5.0 % is asked" in text_of(with_scores(escapes=exactly(float("nan"))))


def test_a_test_is_called_too_small_only_if_it_is_no_worse_than_that() -> None:
    unsure, bad = Interval(0.0, 0.0, 0.5), Interval(0.5, 0.4, 0.6)
    small = "the test is too small to be trusted"
    assert small in text_of(with_scores(escapes=unsure))
    assert small not in text_of(with_scores(escapes=bad))


def test_look_alikes_that_somebody_said_are_apart_are_told_and_hold_nothing_back() -> None:
    accepted = replace(GOOD, leaks=replace(GOOD.leaks, accepted=3))
    assert judge(accepted, Limits()).passed
    assert "3 pairs of them; whoever made the version" in text_of(accepted)
    assert "whoever made the version" not in text_of(GOOD)


def test_a_judgement_without_any_check_has_a_page_too() -> None:
    assert b"does not go to the line" in page_of(Judgement("tags 1.2.0", ()), GOOD)


def test_a_model_that_finds_nothing_is_to_be_trained_for_longer() -> None:
    nothing = text_of(replace(FIRST, parity=Parity()))
    assert "train it for longer" in nothing
    assert "tell those who train" not in nothing
    assert "tell those who train" in text_of(replace(FIRST, parity=Parity(0.3, 9.0)))
