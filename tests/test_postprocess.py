"""Every decoder is compared with a slow reference that shares no code with it."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.errors import ModelError
from edge_inspector.postprocess import Limits, decode_xyxy_scores, decode_yolov5, decode_yolov8

Decoder = Callable[[NDArray[np.float32], Limits], Detections]
Row = tuple[float, float, float, float, float, int]


def reference(boxes: NDArray[np.float32], scores: NDArray[np.float32], limits: Limits) -> list[Row]:
    """Return (x1, y1, x2, y2, confidence, class) of what survives, from (n, 4) xyxy boxes and (n, classes) scores."""
    rows = []
    for box, row in zip(boxes.astype(np.float64), scores, strict=True):
        best = int(np.argmax(row))
        if row[best] >= np.float32(limits.confidence):
            rows.append((*(float(side) for side in box), float(row[best]), best))
    rows.sort(key=lambda row: -row[4])
    kept: list[Row] = []
    for row in rows:
        if all(row[5] != other[5] or overlap(row, other) <= limits.iou_threshold for other in kept):
            kept.append(row)
    return kept[: limits.max_detections]


def overlap(first: Row, second: Row) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(row[2] - row[0]) * (row[3] - row[1]) for row in (first, second)]
    return shared / (sum(areas) - shared)


def scene(seed: int, anchors: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return boxes with whole sides, so that no overlap hangs on rounding, and scores that differ from each other."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, 60, (anchors, 2))
    sizes = 2 * random.integers(1, 20, (anchors, 2))
    scores = random.permutation(np.linspace(0.001, 0.999, anchors * classes)).reshape(anchors, classes)
    return np.hstack([corners, corners + sizes]).astype(np.float32), scores.astype(np.float32)


def yolov8(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.ascontiguousarray(np.hstack([centres, sizes, scores]).T[None])


def xyxy_scores(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.hstack([boxes, scores])[None]


def yolov5(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    columns = yolov8(boxes, scores)[0].T
    return np.ascontiguousarray(np.hstack([columns[:, :4], np.ones((len(boxes), 1), np.float32), columns[:, 4:]])[None])


each = pytest.mark.parametrize(
    ("decode", "pack"),
    [(decode_yolov8, yolov8), (decode_yolov5, yolov5), (decode_xyxy_scores, xyxy_scores)],
    ids=["yolov8", "yolov5", "xyxy_scores"],
)
Pack = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def rows_of(found: Detections) -> list[Row]:
    return [
        (*box, confidence, class_id)
        for box, confidence, class_id in zip(
            found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist(), strict=True
        )
    ]


@each
@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    anchors=st.integers(1, 60),
    classes=st.integers(1, 5),
    confidence=st.sampled_from([0.0, 0.25, 0.5, 0.9]),
    iou_threshold=st.sampled_from([0.1, 0.45, 0.7]),
    most=st.sampled_from([3, 100]),
)
def test_a_decoder_agrees_with_the_slow_reference(  # noqa: PLR0913, PLR0917 - what a law ranges over
    decode: Decoder,
    pack: Pack,
    seed: int,
    anchors: int,
    classes: int,
    confidence: float,
    iou_threshold: float,
    most: int,
) -> None:
    limits = Limits(confidence, iou_threshold, most)
    boxes, scores = scene(seed, anchors, classes)
    found = decode(pack(boxes, scores), limits)
    expected = reference(boxes, scores, limits)
    np.testing.assert_allclose(np.array(rows_of(found)).reshape(-1, 6), np.array(expected).reshape(-1, 6), atol=1e-4)
    assert (found.xyxy.dtype, found.confidence.dtype, found.class_id.dtype) == (np.float32, np.float32, np.int64)


@each
def test_thousands_of_candidates_give_at_most_the_asked_number_of_boxes_and_the_strongest(
    decode: Decoder, pack: Pack
) -> None:
    count = 20_000
    corners = np.stack([np.arange(count) % 200 * 10, np.arange(count) // 200 * 10], axis=1)
    boxes = np.hstack([corners, corners + 8]).astype(np.float32)
    scores = np.random.default_rng(1).permutation(np.linspace(0.01, 1, count)).astype(np.float32)[:, None]
    found = decode(pack(boxes, scores), Limits(0.0, max_detections=50))
    strongest = np.argsort(-scores[:, 0])[:50]
    np.testing.assert_array_equal(found.confidence, scores[strongest, 0])
    np.testing.assert_allclose(found.xyxy, boxes[strongest])


@each
def test_a_frame_full_of_equal_boxes_of_two_classes_leaves_one_of_each(decode: Decoder, pack: Pack) -> None:
    boxes = np.tile(np.array([[4, 4, 20, 20]], np.float32), (5000, 1))
    scores = np.tile(np.array([[0.5, 0.0], [0.0, 0.5]], np.float32), (2500, 1))
    assert sorted(decode(pack(boxes, scores), Limits(0.1)).class_id.tolist()) == [0, 1]


@each
def test_nothing_above_the_threshold_is_nothing_found(decode: Decoder, pack: Pack) -> None:
    boxes, scores = scene(0, 10, 2)
    found = decode(pack(boxes, scores * 0.1), Limits(0.5))
    assert found.xyxy.shape == (0, 4)


@each
def test_a_model_without_anchors_finds_nothing(decode: Decoder, pack: Pack) -> None:
    assert len(decode(pack(np.empty((0, 4), np.float32), np.empty((0, 2), np.float32)), Limits(0.5))) == 0


@each
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.01, 7.0, -0.01, -5.0])
def test_scores_that_are_no_scores_are_an_error_even_if_no_box_would_be_kept(
    decode: Decoder, pack: Pack, bad: float
) -> None:
    boxes, scores = scene(0, 10, 1)
    scores[3, 0] = bad
    with pytest.raises(ModelError, match=r"expected finite scores in \[0, 1\], found"):
        decode(pack(boxes, scores), Limits(1.0))


@each
def test_a_score_of_another_class_that_is_not_a_number_is_an_error(decode: Decoder, pack: Pack) -> None:
    boxes, scores = scene(0, 10, 3)
    scores[3] = [0.9, np.nan, 0.1]
    with pytest.raises(ModelError, match=r"expected finite scores in \[0, 1\], found nan"):
        decode(pack(boxes, scores), Limits(0.5))


@each
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("anchor", [0, 3])
def test_boxes_that_are_no_boxes_are_an_error_even_if_their_score_is_low(
    decode: Decoder, pack: Pack, bad: float, anchor: int
) -> None:
    boxes, scores = scene(0, 10, 1)
    scores[3] = 0
    output = pack(boxes, scores)
    side = (0, 2, anchor) if decode is decode_yolov8 else (0, anchor, 2)
    output[side] = bad
    with pytest.raises(ModelError, match=r"expected finite boxes within 1000000 px, found"):
        decode(output, Limits(0.1))


@each
def test_rounding_just_above_one_is_one(decode: Decoder, pack: Pack) -> None:
    boxes, scores = scene(0, 1, 1)
    scores[0, 0] = 1.0005
    assert decode(pack(boxes, scores), Limits(0.5)).confidence.tolist() == [1.0]


@each
@pytest.mark.parametrize("shape", [(), (5,), (5, 6), (2, 6, 6), (1, 4, 4), (1, 6, 6, 1), (0, 6, 6)])
def test_an_output_of_another_shape_is_an_error_that_shows_it(
    decode: Decoder, pack: Pack, shape: tuple[int, ...]
) -> None:
    del pack
    with pytest.raises(ModelError, match=r"output: expected shape \(1, .*with at least one class, found") as error:
        decode(np.zeros(shape, np.float32), Limits(0.5))
    assert str(error.value).endswith(str(shape))


@pytest.mark.parametrize(("objectness", "score"), [(-0.9, -0.9), (1.5, 0.6), (0.6, 1.5), (np.nan, 0.0), (np.inf, 0.0)])
def test_an_objectness_that_is_no_score_is_an_error_even_if_the_product_looks_like_one(
    objectness: float, score: float
) -> None:
    output = np.array([[[8, 8, 4, 4, objectness, score]]], np.float32)
    with pytest.raises(ModelError, match=r"expected finite scores in \[0, 1\], found"):
        decode_yolov5(output, Limits(0.5))


def test_a_score_is_the_objectness_times_the_best_class() -> None:
    output = np.array([[[8, 10, 4, 6, 0.5, 0.2, 0.9], [30, 30, 4, 4, 0.9, 0.6, 0.1]]], np.float32)
    found = decode_yolov5(output, Limits(0.4))
    assert found.confidence.tolist() == pytest.approx([0.54, 0.45])
    assert found.class_id.tolist() == [0, 1]
    assert found.xyxy.tolist() == [[28, 28, 32, 32], [6, 7, 10, 13]]


@each
@pytest.mark.parametrize(("index", "side"), [(0, 70.0), (3, -5.0)])
def test_a_confident_box_with_its_corners_in_the_wrong_order_is_an_error_and_a_weak_one_is_not(
    decode: Decoder, pack: Pack, index: int, side: float
) -> None:
    boxes = np.array([[10, 10, 20, 20], [40, 40, 50, 50]], np.float32)
    boxes[0, index] = side
    scores = np.array([[0.6], [0.9]], np.float32)
    with pytest.raises(ModelError, match="expected confident boxes with x1 <= x2 and y1 <= y2, found"):
        decode(pack(boxes, scores), Limits(0.5))
    assert decode(pack(boxes, scores), Limits(0.7)).xyxy.tolist() == [[40, 40, 50, 50]]


@each
def test_a_box_without_a_size_is_a_box(decode: Decoder, pack: Pack) -> None:
    boxes = np.array([[10, 10, 10, 20]], np.float32)
    assert decode(pack(boxes, np.array([[0.6]], np.float32)), Limits(0.5)).xyxy.tolist() == [[10, 10, 10, 20]]
