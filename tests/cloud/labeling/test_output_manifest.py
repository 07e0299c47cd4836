"""An output manifest, of our page or of Ground Truth: each known trap, line by line."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.catalog.labels import Box, LabelError, check_inside
from cloud_side.labeling.fitting import RawBox, fit
from cloud_side.labeling.items import Verdict
from cloud_side.labeling.output_manifest import (
    Answer,
    Drawn,
    People,
    Unanswered,
    Unreadable,
    Unusable,
    Verified,
    read_label,
    read_output,
    read_verification,
)
from tests.cloud.labeling.batches import annotation, drawn, item, lines, said

ONE = item(1)
AT = datetime(2026, 3, 3, 9, 10, 11, tzinfo=UTC)


def label(line: Mapping[str, Any] | bytes) -> Answer:
    return read_output(lines([line]).splitlines(), {ONE.source_ref: ONE}, read_label).of(ONE)


def verdict(line: Mapping[str, Any]) -> Answer:
    return read_output(lines([line]).splitlines(), {ONE.source_ref: ONE}, read_verification).of(ONE)


def boxes(answer: Answer) -> tuple[Box, ...]:
    assert isinstance(answer, Drawn), answer
    return answer.boxes


def test_a_label_is_its_boxes_and_who_drew_them() -> None:
    line = drawn(ONE, annotation(1, 2, 3, 4, 1), annotation(5, 6, 7, 8), by=("cleo", "ben"))
    people = People(("cleo", "ben"), (4.0, 4.0), AT.replace(microsecond=500_000))
    assert label(line) == Drawn((Box("dent", 1, 2, 3, 4), Box("scratch", 5, 6, 7, 8)), 0, people)


def test_no_boxes_are_an_answer() -> None:
    assert boxes(label(drawn(ONE))) == ()
    assert boxes(label(drawn(ONE, metadata={"class-map": None, "objects": None}))) == ()


def test_class_numbers_may_be_texts() -> None:
    assert boxes(label(drawn(ONE, annotation(1, 1, 5, 5, "1")))) == (Box("dent", 1, 1, 5, 5),)


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("2026-03-03T09:10:11", AT),
        ("2026-03-03T09:10:11.5", AT.replace(microsecond=500_000)),
        ("2026-03-03T09:10:11.500000", AT.replace(microsecond=500_000)),
        ("2026-03-03T09:10:11Z", AT),
        ("2026-03-03T11:10:11+02:00", AT),
        ("soon", None),
        (None, None),
        (7, None),
    ],
)
def test_a_creation_date_may_lack_fractions_and_zone(date: object, at: datetime | None) -> None:
    answer = label(drawn(ONE, metadata={"creation-date": date}))
    assert isinstance(answer, Drawn)
    assert answer.people.at == at


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        (annotation(-1, -0.5, 10, 10), Box("scratch", 0, 0, 9, 9.5)),
        (annotation(60, 40, 6, 9), Box("scratch", 60, 40, 4, 8)),
        (annotation(0.25, 0, 64, 49.5), Box("scratch", 0.25, 0, 63.75, 48)),
    ],
)
def test_a_box_that_goes_beyond_the_image_by_little_is_cut(box: Mapping[str, Any], cut: Box) -> None:
    answer = label(drawn(ONE, box, annotation(1, 1, 2, 2)))
    assert isinstance(answer, Drawn)
    assert (answer.boxes[0], answer.cut) == (cut, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (drawn(ONE, annotation(50, 1, 20, 5)), "expected boxes inside 64 x 48 pixels, found scratch of 20 x 5"),
        (drawn(ONE, annotation(-9, 1, 20, 5)), "inside 64 x 48"),
        (drawn(ONE, annotation(1, 1, 0, 5)), "a pixel or more"),
        (drawn(ONE, annotation(1, 1, -4, 5)), "a pixel or more"),
        (drawn(ONE, annotation(64, 1, 1, 5)), "a pixel or more"),
        (drawn(ONE, annotation(1, 1, 5, 5, 7)), "class-map"),
        (drawn(ONE, annotation(1, 1, 5, 5), metadata={"class-map": {"0": "hole"}}), "scratch, dent, found hole"),
        (drawn(ONE, annotation(1, 1, 5, 5), metadata={"class-map": {}}), "class-map"),
        (drawn(ONE, {"class_id": 0, "left": "1", "top": 1, "width": 5, "height": 5}), "expected a number"),
        (drawn(ONE, {"class_id": 0, "left": True, "top": 1, "width": 5, "height": 5}), "expected a number"),
        (drawn(ONE, {"class_id": 0}), "left"),
        (drawn(ONE, metadata={"edge-inspector": {"workers": 5}}), "expected 'label'"),
        ({**drawn(ONE), "label": {"annotations": 5}}, "expected 'label'"),
        ({**drawn(ONE), "label": None}, "expected 'label'"),
        ({**drawn(ONE), "label": {"image_size": [{"width": 640, "height": 480}], "annotations": []}}, "640 x 480"),
        ({**drawn(ONE), "label-metadata": []}, "label-metadata: expected an object"),
    ],
)
def test_a_label_that_nobody_can_use_says_why(line: Mapping[str, Any], reason: str) -> None:
    answer = label(line)
    assert isinstance(answer, Unreadable)
    assert reason in answer.reason


def test_numbers_that_json_does_not_have_are_no_pixels() -> None:
    line = json.dumps(drawn(ONE, annotation(1, 1, 5, 5))).replace('"left": 1', '"left": NaN').encode()
    assert isinstance(label(line), Unreadable)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({**ONE.document(), "label-metadata": {"failure-reason": "ClientError: expired"}}, "ClientError: expired"),
        (ONE.document(), "the line has no 'label'"),
        (drawn(item(2)), "the output manifest has no line of it"),
    ],
)
def test_an_image_that_nobody_labeled_in_time_says_so(line: Mapping[str, Any], reason: str) -> None:
    assert label(line) == Unanswered(reason)


def test_an_image_can_be_unusable_in_both_kinds_of_work() -> None:
    ours = {"unusable": "out of focus", "workers": ["ana"], "seconds": [3.0]}
    said_so = {"failure-reason": "out of focus", "edge-inspector": ours, "creation-date": "2026-03-03T09:10:11"}
    expected = Unusable("out of focus", People(("ana",), (3.0,), AT))
    assert label({**ONE.document(), "label-metadata": said_so}) == expected
    assert verdict({**ONE.document(), "verification-metadata": said_so}) == expected


@pytest.mark.parametrize(
    "line",
    [b"{broken", b"[]", b"5", b"null", b"{}", b"\xff\xfe", b'{"source-ref": "\\ud800"}', b"[" * 100_000],
    ids=range(8),
)
def test_a_broken_line_is_counted(line: bytes) -> None:
    output = read_output([line, *lines([drawn(ONE)]).splitlines()], {ONE.source_ref: ONE}, read_label)
    assert (output.broken, boxes(output.of(ONE))) == (1, ())


def test_of_two_lines_of_an_image_the_first_counts_and_strangers_are_passed_over() -> None:
    found = [drawn(item(2)), drawn(ONE, annotation(1, 1, 5, 5)), drawn(ONE)]
    output = read_output(lines(found).splitlines(), {ONE.source_ref: ONE}, read_label)
    assert boxes(output.of(ONE)) == (Box("scratch", 1, 1, 5, 5),)
    assert output.counts() == {"broken": 0, "duplicates": 1, "strangers": 1}


@pytest.mark.parametrize(("value", "word"), [(0, "accept"), ("0", "accept"), (0, None), ("0", "Accept"), (" 0", None)])
def test_acceptance_is_zero_as_number_or_text(value: object, word: str | None) -> None:
    answer = verdict(said(ONE, value, word))
    assert isinstance(answer, Verified)
    assert (answer.verdict, answer.people.names) == (Verdict.ACCEPT, ("ben",))


@pytest.mark.parametrize(("value", "word"), [(1, "reject"), ("1", "reject"), (1, None), ("1", None)])
def test_rejection_is_one_as_number_or_text(value: object, word: str | None) -> None:
    answer = verdict(said(ONE, value, word, reason="box too wide"))
    assert isinstance(answer, Verified)
    assert (answer.verdict, answer.reason) == (Verdict.REJECT, "box too wide")


def test_comments_of_ground_truths_workers_are_the_reason() -> None:
    feedback = {"worker-feedback": [{"comment": "too wide"}, {}, {"comment": "and a dent"}]}
    answer = verdict(said(ONE, "1", "reject", metadata=feedback))
    assert isinstance(answer, Verified)
    assert answer.reason == "too wide; and a dent"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (2, None), ("accept", "accept"), (None, None), (True, None), (False, "accept"), (0.0, None), (0, "reject"),
        (1, "accept"), (1, "adjust"), (0, "maybe"), (0, "adjust"),
    ],
)  # fmt: skip
def test_a_verdict_that_nobody_can_read_says_why(value: object, word: str | None) -> None:
    answer = verdict(said(ONE, value, word))
    assert isinstance(answer, Unreadable)
    assert "expected" in answer.reason


def test_corrected_boxes_are_held_to_the_image_as_labels_are() -> None:
    beyond = drawn(ONE, annotation(60, 2, 20, 9), name="adjusted")
    assert isinstance(verdict(said(ONE, 0, "adjust") | beyond), Unreadable)
    answer = verdict(said(ONE, 0, "adjust") | drawn(ONE, annotation(60, 2, 5, 9), name="adjusted"))
    assert isinstance(answer, Verified)
    assert boxes(answer.drawn or Unanswered("")) == (Box("scratch", 60, 2, 4, 9),)


SIDE = st.floats(-100, 400, allow_nan=False) | st.integers(-100, 400)


@given(x=SIDE, y=SIDE, width=SIDE, height=SIDE, wide=st.integers(1, 300), high=st.integers(1, 300))
def test_a_box_is_inside_its_image_or_refused(  # noqa: PLR0913, PLR0917 - what a box is
    x: float, y: float, width: float, height: float, wide: int, high: int
) -> None:
    raw = RawBox("dent", x, y, width, height)
    try:
        box = fit(raw, wide, high)
    except LabelError:
        return
    check_inside([box], wide, high)
    assert min(box.width, box.height) >= 1
    if raw.overhang(wide, high) == 0:
        assert (box.x, box.y, box.width, box.height) == (x, y, width, height)
