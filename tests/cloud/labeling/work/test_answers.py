"""Answers are taken as they were meant, or turned down in words that say why."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_side.catalog.labels import Box, Origin
from cloud_side.labeling.items import Item, Verdict
from cloud_side.labeling.places import WorkKind
from cloud_side.labeling.work.answers import Answer, AnswerError, parse_answer, person_key, read_answer

AT = datetime(2026, 3, 2, 10, 11, 12, tzinfo=UTC)
ITEM = Item("s3://b/k.png", "0" * 64, 320, 240, "part-1", ("dent", "scratch"), (), (), Origin())
BOX = {"label": "dent", "x": 10, "y": 20, "width": 30, "height": 40}


def label(document: Any) -> Answer:
    return parse_answer(document, ITEM, WorkKind.LABEL, "ana", AT)


def verify(document: Any) -> Answer:
    return parse_answer(document, ITEM, WorkKind.VERIFY, "ben", AT)


def test_boxes_are_taken() -> None:
    answer = label({"no_defect": False, "boxes": [BOX], "seconds": 4.25})
    assert (answer.boxes, answer.seconds, answer.unusable) == ((Box("dent", 10, 20, 30, 40),), 4.25, None)


def test_no_defect_is_an_answer_of_its_own() -> None:
    answer = label({"no_defect": True, "boxes": [], "seconds": 1})
    assert answer.boxes == ()
    assert answer.said() == {"no_defect": True, "boxes": []}


def test_a_time_that_no_float_can_hold_is_a_day_at_most() -> None:
    assert label({"no_defect": True, "seconds": 10**400}).seconds == 86_400


def test_a_box_at_the_edge_stays_inside_whatever_the_fractions() -> None:
    answer = label({"boxes": [{**BOX, "x": 319.7 - 299.6, "width": 299.9, "y": -0.1, "height": 240.1}]})
    assert answer.boxes == (Box("dent", 20, 0, 300, 240),)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"verdict": "accept"}, {"verdict": "accept"}),
        ({"verdict": "accept", "reason": "well  done"}, {"verdict": "accept", "reason": "well done"}),
        ({"verdict": "reject", "reason": "a dent is missing"}, {"verdict": "reject", "reason": "a dent is missing"}),
        ({"verdict": "adjust", "boxes": [BOX]}, {"verdict": "adjust", "no_defect": False, "boxes": [BOX]}),
        ({"verdict": "adjust", "no_defect": True}, {"verdict": "adjust", "no_defect": True, "boxes": []}),
        ({"unusable": "blurred"}, {"unusable": "blurred"}),
    ],
)
def test_a_verdict_says_again_what_was_said(document: Any, told: Any) -> None:
    answer = verify(document)
    assert answer.said() == told
    assert read_answer(answer.content()) == answer


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "expected an object"),
        ({}, "found neither"),
        ({"no_defect": True, "boxes": [BOX]}, "found both"),
        ({"no_defect": "yes"}, "no_defect: expected true or false, found 'yes'"),
        ({"boxes": {}}, "boxes: expected a list"),
        ({"boxes": [BOX] * 301}, "boxes: expected a list of at most 300"),
        ({"boxes": [BOX, {**BOX, "label": "rust"}]}, "box 2: expected a class among dent, scratch, found 'rust'"),
        ({"boxes": [{**BOX, "x": 300}]}, "box 1: reaches outside the image of 320 x 240 pixels: x 300 to 330"),
        ({"boxes": [{**BOX, "x": -1}]}, "box 1: reaches outside"),
        ({"boxes": [{**BOX, "width": 0.5}]}, "box 1: expected at least 1 x 1 pixel, found 0.5 x 40"),
        ({"boxes": [{**BOX, "height": -3}]}, "box 1: expected at least 1 x 1 pixel"),
        ({"boxes": [{**BOX, "y": float("nan")}]}, "box 1: y: expected a number of pixels, found nan"),
        ({"boxes": [{**BOX, "y": True}]}, "box 1: y: expected a number of pixels"),
        ({"boxes": [{"label": "dent"}]}, "box 1: expected label, x, y, width and height"),
        ({"boxes": [BOX], "colour": 1}, "expected no_defect, boxes or unusable, and seconds; found colour"),
        ({"boxes": [BOX], "seconds": -1}, "seconds: expected how long it took"),
        ({"boxes": [BOX], "seconds": float("inf")}, "seconds: expected how long it took"),
        ({"unusable": "half of a character: \ud83d"}, "unusable: expected words"),
        ({"unusable": "a\0b"}, "unusable: expected words"),
        ({"unusable": "x" * 501}, "unusable: expected words"),
        ({"unusable": " "}, "unusable: expected words that say why the image cannot be used"),
        ({"unusable": "blurred", "boxes": []}, "unusable stands alone; found boxes"),
        ({"verdict": "accept"}, "found neither"),
    ],
)
def test_a_label_that_cannot_be_is_turned_down_in_words(document: Any, words: str) -> None:
    with pytest.raises(AnswerError) as caught:
        label(document)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "verdict: expected accept, reject or adjust, found None"),
        ({"verdict": "maybe"}, "found 'maybe'"),
        ({"verdict": ["accept"]}, "found ['accept']"),
        ({"verdict": "reject"}, "reason: expected words that say what is wrong with the boxes"),
        ({"verdict": "accept", "boxes": [BOX]}, "expected nothing more with accept; found boxes"),
        ({"verdict": "adjust"}, "found neither"),
    ],
)
def test_a_verdict_that_cannot_be_is_turned_down_in_words(document: Any, words: str) -> None:
    with pytest.raises(AnswerError) as caught:
        verify(document)
    assert words in str(caught.value)


def test_only_boxes_and_their_adjustment_say_what_is_there() -> None:
    assert label({"no_defect": True}).has_boxes
    assert verify({"verdict": Verdict.ADJUST.value, "no_defect": True}).has_boxes
    assert not verify({"verdict": "accept"}).has_boxes
    assert not label({"unusable": "blurred"}).has_boxes


@pytest.mark.parametrize("name", ["ana", "Ana Díaz", "ana@plant.example", "../x", "a/b", "~", "x" * 500, "%41"])
def test_a_name_becomes_part_of_a_key_that_is_its_own(name: str) -> None:
    key = person_key(name)
    assert "/" not in key
    assert "%" not in key
    assert len(key) <= 200
    assert key != person_key(f"{name}!")
