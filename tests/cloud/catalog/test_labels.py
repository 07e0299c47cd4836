"""What a label may be, and how it is written."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.catalog.labels import (
    AnnotatorType,
    Box,
    Label,
    LabelError,
    Origin,
    Verification,
    check_inside,
    label_sha256,
    strict_json,
)

BOX = Box("scratch", 10, 20, 30, 40)


def label(**changed: Any) -> Label:
    values: dict[str, Any] = {
        "image": "s3://edge-inspector/samples/a.jpg",
        "sha256": "0" * 64,
        "width": 450,
        "height": 300,
        "group": "P1",
        "class_names": ("dent", "scratch"),
        "boxes": (BOX,),
        "job": "batch-1",
        "annotator_type": AnnotatorType.HUMAN,
        "labeled_by": ("ana",),
        "verification": Verification.ACCEPTED,
        "verified_by": "ben",
        "reason": None,
        "event_time": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Label(**{**values, **changed})


@pytest.mark.parametrize(
    ("field", "value"),
    [("label", ""), ("x", -1), ("y", math.nan), ("width", 0), ("height", math.inf), ("width", -3)],
)
def test_a_box_that_cannot_be_is_not_built(field: str, value: object) -> None:
    values = {"label": "scratch", "x": 1, "y": 2, "width": 3, "height": 4, field: value}
    with pytest.raises(LabelError, match=f"box: .*{field if field != 'label' else 'a label'}"):
        Box(**values)  # type: ignore[arg-type]


def test_a_box_outside_its_image_is_named_with_both_sizes() -> None:
    with pytest.raises(LabelError, match=r"box 1: expected one inside 40 x 60 pixels, found xyxy \(10, 20, 41, 60\)"):
        check_inside([BOX, Box("scratch", 10, 20, 31, 40)], 40, 60)
    check_inside([BOX], 40, 60)


def test_a_class_that_nobody_looked_for_is_no_label() -> None:
    with pytest.raises(LabelError, match=r"expected classes among dent, found \['scratch'\]"):
        label(class_names=("dent",))


def test_whole_pixels_are_written_as_whole_numbers() -> None:
    assert Box("dent", 1.0, 2.5, 3, 4).document() == {"label": "dent", "x": 1, "y": 2.5, "width": 3, "height": 4}


@given(st.permutations([BOX, Box("dent", 1, 1, 2, 2), Box("dent", 5, 1, 2, 2)]))
def test_the_order_of_boxes_and_classes_says_nothing(boxes: list[Box]) -> None:
    assert label_sha256(("dent", "scratch"), boxes) == label_sha256(
        ("scratch", "dent"), [BOX, Box("dent", 1, 1, 2, 2), Box("dent", 5, 1, 2, 2)]
    )


def test_what_was_looked_for_is_part_of_a_label() -> None:
    """No boxes says more where more classes were looked for."""
    assert label_sha256(("dent",), ()) != label_sha256(("dent", "scratch"), ())
    assert label(boxes=()).label_sha256 != label().label_sha256


def test_who_said_it_and_when_is_no_part_of_what_it_says() -> None:
    assert label(labeled_by=("eve",), event_time=datetime(2027, 1, 1, tzinfo=UTC)).label_sha256 == label().label_sha256


def test_an_origin_is_written_and_read_again_and_takes_what_a_later_version_adds() -> None:
    origin = Origin(site="leipzig", station="press-7", model="tags/1.0.0")
    assert origin.document() == {"site": "leipzig", "station": "press-7", "model": "tags/1.0.0"}
    assert Origin.parse({**origin.document(), "shift": "night", "line": None}) == origin


def test_json_that_does_not_exist_is_not_written() -> None:
    assert strict_json({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'
    with pytest.raises(ValueError, match="JSON"):
        strict_json({"a": math.nan})
