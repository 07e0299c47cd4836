from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.exporting.agreement import agreement_of_outputs, agreement_of_predictions
from cloud_side.training.exporting.int8_rules import Int8Evidence, Int8Limits, reasons_against, told
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.geometry import as_boxes

GOOD = Int8Evidence(0.90, 0.895, Interval(0.01, -0.02, 0.04), 0.7, 0.02)
LIMITS = Int8Limits()


def test_a_file_that_finds_as_much_in_less_time_is_kept_and_the_numbers_are_told() -> None:
    assert reasons_against(GOOD, LIMITS) == ()
    assert told(GOOD, ()).startswith("INT8 is kept: mAP50 0.895 beside 0.900 in float, 0.70 times the time of a frame")


@pytest.mark.parametrize(
    ("worse", "expected"),
    [
        ({"map50_int8": 0.8899}, "mAP50 falls from 0.900 to 0.890, by more than the 0.01 that is allowed"),
        ({"map50_int8": float("nan")}, "no mAP50 could be measured: nothing tested has a defect"),
        ({"escapes": Interval(0.03, 0.005, 0.06)}, "accepted rises by 3.0% (0.5% to 6.0%), which is more than chance"),
        (
            {"escapes": Interval(float("nan"), float("nan"), float("nan"))},
            "whether more defective parts are accepted: none was tested",
        ),
        ({"speed_ratio": 0.91}, "a frame takes 0.91 times as long as in float"),
        ({"speed_ratio": float("nan")}, "the time of a frame was not measured"),
        ({"score": 0.051}, "scores differ from those of the float file by 0.051 on average, by more than the 0.05"),
        ({"score": float("nan")}, "no score could be compared: the two files find nothing in common"),
    ],
)
def test_each_failing_is_a_reason_of_its_own(worse: dict[str, float], expected: str) -> None:
    evidence = replace(GOOD, **worse)  # type: ignore[arg-type]
    (reason,) = reasons_against(evidence, LIMITS)
    assert expected in reason
    assert "nan" not in reason
    assert told(evidence, (reason,)) == f"INT8 is left out: {reason}"


def test_all_reasons_are_told_and_the_limit_itself_is_allowed() -> None:
    evidence = Int8Evidence(0.9, 0.5, Interval(0.5, 0.4, 0.6), 1.2, 0.1)
    assert len(reasons_against(evidence, LIMITS)) == 4
    edge = Int8Evidence(0.90, 0.89, Interval(0.0, 0.0, 0.0), 0.9, 0.05)
    assert reasons_against(edge, LIMITS) == ()


share = st.floats(0, 1)


@settings(max_examples=50)
@given(st.tuples(share, share, st.floats(-1, 1), st.floats(0, 3), share), st.tuples(share, share, share, share))
def test_a_worse_number_never_brings_a_file_in(
    numbers: tuple[float, float, float, float, float], worse: tuple[float, float, float, float]
) -> None:
    exact, found, low, ratio, score = numbers
    less, more, slower, apart = worse
    before = Int8Evidence(exact, found, Interval(low, low, 1), ratio, score)
    after = Int8Evidence(exact, found - less, Interval(low + more, low + more, 2), ratio + slower, score + apart)
    assert len(reasons_against(after, LIMITS)) >= len(reasons_against(before, LIMITS))


def test_outputs_are_compared_where_either_has_a_score() -> None:
    first = np.array([[[0, 0, 10, 10, 0.9], [5, 5, 9, 9, 0.01], [1, 1, 2, 2, 0.04]]], np.float32)
    second = np.array([[[0, 0, 10, 13, 0.8], [50, 5, 9, 9, 0.02], [1, 1, 2, 2, 0.06]]], np.float32)
    found = agreement_of_outputs(first, second)
    assert (found.images, found.detections, found.unmatched) == (1, 2, 0)
    assert found.confidence == pytest.approx(0.1, abs=1e-5)
    assert found.confidence_mean == pytest.approx(0.06, abs=1e-5)
    assert found.box_px == pytest.approx(3)


def predictions(boxes: list[tuple[float, ...]], classes: list[int]) -> Predictions:
    """Return one image with boxes and, as the fifth number, their confidence."""
    image = Prediction(
        "a.png", "0", "g", 99, 99, as_boxes([]), np.empty(0, np.int64),
        as_boxes([box[:4] for box in boxes]), np.array([box[4] for box in boxes], np.float32), np.array(classes),
    )  # fmt: skip
    return Predictions(("scratch", "dent"), (image,))


def test_detections_are_the_same_where_boxes_of_a_class_overlap_by_half() -> None:
    first = predictions([(0, 0, 10, 10, 0.9), (50, 50, 60, 60, 0.7), (80, 80, 90, 90, 0.04)], [0, 1, 0])
    second = predictions([(0, 0, 10, 12, 0.8), (50, 50, 60, 60, 0.7), (80, 80, 90, 90, 0.03)], [0, 0, 0])
    found = agreement_of_predictions(first, second)
    # The second box is of another class: each of the two forms has one that the other lacks.
    assert (found.detections, found.unmatched) == (1, 2)
    assert (found.confidence, found.box_px) == (pytest.approx(0.1), pytest.approx(2))
    assert agreement_of_predictions(first, first).document() == {
        "images": 1, "detections": 2, "unmatched": 0,
        "confidence": 0.0, "confidence_mean": 0.0, "box_px": 0.0, "box_px_mean": 0.0,
    }  # fmt: skip


def test_a_box_whose_score_is_near_the_lowest_in_one_form_is_the_same_box_in_both_orders() -> None:
    first, second = (predictions([(0, 0, 10, 10, score)], [0]) for score in (0.06, 0.04))
    for found in (agreement_of_predictions(first, second), agreement_of_predictions(second, first)):
        assert (found.detections, found.unmatched, found.confidence) == (1, 0, pytest.approx(0.02))
