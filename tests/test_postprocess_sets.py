"""Queries and chosen boxes: golden vectors worked out by hand, with the values that graphs give on a bad day."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.errors import ModelError
from edge_inspector.postprocess import Activation, Background, BoxFormat, Limits, decode_detr, decode_end2end

WH = (200, 100)
BOXES = [[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.5, 1.0], [0.9, 0.1, 0.0, 0.0]]
IN_PIXELS = [[80, 30, 120, 70], [0, 0, 100, 100], [180, 10, 180, 10]]
CHOSEN = [[10, 20, 30, 40], [0, 0, 5, 5], [50, 60, 70, 80]]
LARGEST = float(np.finfo(np.float32).max)


def floats(rows: Any) -> NDArray[np.float32]:
    return np.asarray(rows, np.float32)[None]


def queries(logits: Any, limits: Limits | None = None, boxes: Any = BOXES, **options: Any) -> Detections:
    options.setdefault("normalized_wh", WH)
    return decode_detr(floats(boxes), floats(logits), limits or Limits(0.5), **options)


def chosen(scores: Any, classes: Any, limits: Limits | None = None, boxes: Any = CHOSEN, **options: Any) -> Detections:
    ids = np.asarray(classes)[None]
    return decode_end2end(floats(boxes), floats(scores), ids, limits or Limits(0.5), class_count=3, **options)


def test_each_query_gives_its_best_class_by_sigmoid_most_confident_first() -> None:
    found = queries([[1.0, 0.5], [-3.0, 2.0], [-0.1, -9.0]])
    assert found.class_id.tolist() == [1, 0]
    assert found.confidence.tolist() == pytest.approx([1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-1))])
    assert found.xyxy.tolist() == pytest.approx(np.array([IN_PIXELS[1], IN_PIXELS[0]]), abs=1e-4)


def test_softmax_is_over_all_logits_with_the_background() -> None:
    logits = [[2.0, 1.0, 0.0], [0.0, 1.0, 5.0], [0.0, 3.0, 0.0]]
    found = queries(logits, activation=Activation.SOFTMAX, background=Background.LAST)
    assert found.class_id.tolist() == [1, 0]
    total = math.exp(2) + math.exp(1) + 1
    assert found.confidence.tolist() == pytest.approx([math.exp(3) / (math.exp(3) + 2), math.exp(2) / total])


@pytest.mark.parametrize(("background", "class_ids"), [(None, [0, 2]), (Background.LAST, [0]), (Background.FIRST, [1])])
def test_the_background_is_no_class_and_the_others_count_from_0(
    background: Background | None, class_ids: list[int]
) -> None:
    found = queries([[3.0, -1.0, -4.0], [-4.0, -4.0, 2.0], [-9.0, -9.0, -9.0]], background=background)
    assert found.class_id.tolist() == class_ids


def test_scores_that_are_scores_already_are_taken_as_they_are_and_boxes_in_pixels_too() -> None:
    boxes = [[100, 50, 40, 40], [50, 50, 20, 20], [0, 0, 0, 0]]
    found = queries([[0.1, 0.7], [0.2, 0.3], [0, 0]], boxes=boxes, activation=Activation.NONE, normalized_wh=None)
    assert found.confidence.tolist() == pytest.approx([0.7])
    assert found.xyxy.tolist() == [[80, 30, 120, 70]]


@pytest.mark.parametrize("activation", [Activation.SIGMOID, Activation.SOFTMAX])
@pytest.mark.parametrize("huge", [100.0, 1e4, 1e30, LARGEST])
def test_huge_logits_are_sure_and_no_overflow(activation: Activation, huge: float) -> None:
    found = queries([[huge, -huge, -huge], [-huge, -huge, huge], [-huge] * 3], activation=activation)
    assert found.confidence.tolist()[:2] == [1.0, 1.0]
    assert found.class_id.tolist()[:2] == [0, 2]


def test_a_weak_logit_keeps_its_small_score() -> None:
    found = queries([[-20.0], [-40.0], [-80.0]], Limits(0.0))
    assert found.confidence.tolist() == pytest.approx([math.exp(-20), math.exp(-40), math.exp(-80)], rel=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("activation", [*Activation])
def test_a_logit_that_is_not_finite_is_an_error_also_in_a_weak_class_and_in_the_background(
    bad: float, column: int, activation: Activation
) -> None:
    logits = np.zeros((3, 3), np.float32)
    logits[1, column] = bad
    with pytest.raises(ModelError, match="expected finite"):
        queries(logits, Limits(1.0), activation=activation, background=Background.LAST)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30])
def test_a_box_that_is_not_finite_is_an_error_also_without_a_score(bad: float) -> None:
    boxes = np.array(BOXES)
    boxes[1, 2] = bad
    with pytest.raises(ModelError, match="expected finite boxes"):
        queries(np.full((3, 2), -9.0), boxes=boxes)


def test_boxes_in_pixels_where_fractions_were_promised_are_an_error_once_confident() -> None:
    boxes = [[100, 50, 40, 40], [0.5, 0.5, 0.1, 0.1], [0, 0, 0, 0]]
    with pytest.raises(ModelError, match=r"expected boxes as fractions of the model input, found 100\.0: is it in pix"):
        queries([[2.0], [2.0], [-9.0]], boxes=boxes)
    assert len(queries([[-2.0], [2.0], [-9.0]], boxes=boxes)) == 1


def test_a_confident_query_of_negative_size_is_an_error() -> None:
    with pytest.raises(ModelError, match="expected confident boxes with x1 <= x2"):
        queries([[2.0], [-9.0], [-9.0]], boxes=[[0.5, 0.5, -0.2, 0.2], *BOXES[1:]])


def test_queries_on_the_same_object_are_both_kept_and_at_most_the_asked_number() -> None:
    boxes = [BOXES[0]] * 3
    assert len(queries([[2.0], [1.0], [3.0]], boxes=boxes)) == 3
    found = queries([[2.0], [1.0], [3.0]], Limits(0.5, max_detections=2), boxes=boxes)
    assert found.confidence.tolist() == pytest.approx([1 / (1 + math.exp(-3)), 1 / (1 + math.exp(-2))])


@pytest.mark.parametrize(
    ("boxes", "logits"),
    [((1, 3, 5), (1, 3, 2)), ((1, 3, 4), (1, 2, 2)), ((2, 3, 4), (2, 3, 2)), ((3, 4), (3, 2)), ((1, 3, 4), (1, 3, 1))],
)
def test_queries_of_another_shape_are_an_error_that_shows_it(boxes: tuple[int, ...], logits: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="detr output: expected shapes") as error:
        decode_detr(np.zeros(boxes, np.float32), np.zeros(logits, np.float32), Limits(0.5), background=Background.LAST)
    assert f"{boxes} and {logits}" in str(error.value)


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.int32])
def test_chosen_boxes_are_taken_as_they_are_most_confident_first(kind: type) -> None:
    found = chosen([0.6, 0.4, 0.9], np.array([2, 0, 1], kind))
    assert found.xyxy.tolist() == [CHOSEN[2], CHOSEN[0]]
    assert found.confidence.tolist() == pytest.approx([0.9, 0.6])
    assert found.class_id.tolist() == [1, 2]
    assert found.class_id.dtype == np.int64


def test_chosen_boxes_may_be_centres_and_fractions() -> None:
    found = chosen([0.9, 0, 0], [0, 0, 0], boxes=BOXES, box_format=BoxFormat.CXCYWH, normalized_wh=WH)
    assert found.xyxy.tolist() == pytest.approx(np.array([IN_PIXELS[0]]), abs=1e-4)


@pytest.mark.parametrize(("score", "class_id"), [(0, 0), (0, -1), (-1, -1), (0, 77), (0, -5)])
@pytest.mark.parametrize("confidence", [0.0, 0.5])
def test_padding_is_dropped(score: float, class_id: int, confidence: float) -> None:
    assert len(chosen([0.9, score, score], [0, class_id, class_id], Limits(confidence))) == 1


@pytest.mark.parametrize(("score", "class_id"), [(0.9, -1), (0.9, 3), (0.001, 3), (0.3, 10**12), (-0.0005, 3)])
def test_a_class_id_that_the_model_does_not_have_is_an_error_whatever_its_score(score: float, class_id: int) -> None:
    with pytest.raises(ModelError, match="expected class ids from 0 to 2, found"):
        chosen([0.9, score, 0], [0, class_id, 0])


@pytest.mark.parametrize("class_id", [0.5, 1.002, math.nan, math.inf, -math.inf, 1e30])
def test_a_class_id_that_is_no_whole_number_is_an_error_also_in_a_row_of_padding(class_id: float) -> None:
    with pytest.raises(ModelError, match="expected whole numbers as class ids, found"):
        chosen([0.9, 0, 0], [0, class_id, 0])


def test_a_class_id_with_the_rounding_of_a_float_is_that_class() -> None:
    assert chosen([0.9, 0.8, 0], [1.0000001, 1.9999999, 0.0]).class_id.tolist() == [1, 2]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 1.5, -0.5])
def test_a_score_that_is_none_is_an_error(score: float) -> None:
    with pytest.raises(ModelError, match=r"expected finite scores in \[0, 1\], found"):
        chosen([0.9, score, 0], [0, 0, 0], Limits(1.0))


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30])
def test_a_coordinate_that_is_none_is_an_error_also_in_a_row_of_padding(bad: float) -> None:
    with pytest.raises(ModelError, match="expected finite boxes"):
        chosen([0.9, 0, 0], [0, -1, -1], boxes=[CHOSEN[0], [0, 0, bad, 0], CHOSEN[2]])


def test_rows_behind_the_count_may_hold_anything() -> None:
    boxes = [CHOSEN[0], [math.nan] * 4, [math.inf] * 4]
    assert len(chosen([0.9, math.nan, 7], [0, 55, -9], boxes=boxes, count=1)) == 1
    assert len(chosen([0.9, math.nan, 7], [0, 55, -9], boxes=boxes, count=0)) == 0


@pytest.mark.parametrize("count", [-1, 4])
def test_a_count_that_cannot_be_is_an_error(count: int) -> None:
    with pytest.raises(ModelError, match=f"expected a count from 0 to 3, found {count}"):
        chosen([0.9, 0.9, 0.9], [0, 0, 0], count=count)


def test_a_confident_chosen_box_with_its_corners_in_the_wrong_order_is_an_error_and_a_weak_one_is_not() -> None:
    boxes = [[30, 20, 10, 40], *CHOSEN[1:]]
    with pytest.raises(ModelError, match=r"x1 <= x2 and y1 <= y2, found \[30\.0, 20\.0, 10\.0, 40\.0\]"):
        chosen([0.6, 0, 0], [0, 0, 0], boxes=boxes)
    assert len(chosen([0.4, 0.9, 0], [0, 0, 0], boxes=boxes)) == 1


def test_no_rows_at_all_are_nothing_found() -> None:
    empty = np.zeros((1, 0), np.float32)
    assert len(decode_end2end(np.zeros((1, 0, 4), np.float32), empty, empty, Limits(0.0), class_count=1)) == 0


@pytest.mark.parametrize(
    ("boxes", "scores", "classes"),
    [
        ((1, 3, 5), (1, 3), (1, 3)),
        ((1, 3, 4), (1, 2), (1, 3)),
        ((1, 3, 4), (1, 3), (3,)),
        ((3, 4), (3,), (3,)),
        ((), (), ()),
    ],
)
def test_chosen_boxes_of_another_shape_are_an_error_that_shows_it(
    boxes: tuple[int, ...], scores: tuple[int, ...], classes: tuple[int, ...]
) -> None:
    arrays = [np.zeros(shape, np.float32) for shape in (boxes, scores, classes)]
    with pytest.raises(ModelError, match="end2end output: expected boxes") as error:
        decode_end2end(*arrays, Limits(0.5), class_count=1)  # type: ignore[misc]
    assert f"{boxes}, {scores} and {classes}" in str(error.value)
