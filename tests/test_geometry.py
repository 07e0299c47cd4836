import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_inspector.geometry import area, as_boxes, clip, cxcywh_to_xyxy, iou, nms, xywh_to_xyxy

Scored = list[tuple[tuple[float, float, float, float], float, int]]

_side = st.floats(0, 1000, width=32)
_box = st.tuples(_side, _side, _side, _side).map(
    lambda sides: (*(min(pair) for pair in _pairs(sides)), *(max(pair) for pair in _pairs(sides)))
)
_boxes = st.lists(_box, max_size=12).map(as_boxes)
_scored: st.SearchStrategy[Scored] = st.lists(
    st.tuples(_box, st.sampled_from([0.1, 0.5, 0.5, 0.9, 1.0]), st.integers(0, 2)), max_size=20
)
_threshold = st.floats(0, 1)


def _pairs(sides: tuple[float, float, float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    return (sides[0], sides[2]), (sides[1], sides[3])


def suppress(scored: Scored, iou_threshold: float) -> NDArray[np.int64]:
    boxes = as_boxes([box for box, _, _ in scored])
    return nms(boxes, _confidence(scored), _classes(scored), iou_threshold)


def _confidence(scored: Scored) -> NDArray[np.float32]:
    return np.array([confidence for _, confidence, _ in scored], np.float32)


def _classes(scored: Scored) -> NDArray[np.int64]:
    return np.array([class_id for _, _, class_id in scored], np.int64)


def test_overlap_of_known_boxes() -> None:
    first = as_boxes([[0, 0, 10, 10]])
    second = as_boxes([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [50, 50, 60, 60]])
    np.testing.assert_allclose(iou(first, second), [[1, 1 / 3, 0, 0]], rtol=1e-6)


@given(_boxes, _boxes)
def test_overlap_is_symmetric(first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(iou(first, second), iou(second, first).T)


@given(_boxes, _boxes)
def test_overlap_is_between_none_and_all(first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
    overlap = iou(first, second)
    assert overlap.shape == (len(first), len(second))
    assert ((overlap >= 0) & (overlap <= 1 + 1e-6)).all()


@given(_box)
def test_a_box_overlaps_itself_wholly_unless_it_is_empty(box: tuple[float, float, float, float]) -> None:
    boxes = as_boxes([box])
    # Below the smallest normal number an area is no longer exact.
    if area(boxes)[0] > 1e-30:
        assert iou(boxes, boxes)[0, 0] == 1
    elif area(boxes)[0] == 0:
        assert iou(boxes, boxes)[0, 0] == 0


def test_an_inverted_box_has_no_area_and_overlaps_nothing() -> None:
    inverted = as_boxes([[10, 10, 0, 0]])
    assert area(inverted) == [0]
    assert iou(inverted, as_boxes([[0, 0, 10, 10]])) == [[0]]


@given(_scored, _threshold)
def test_suppression_leaves_no_overlap_above_the_threshold_within_a_class(scored: Scored, threshold: float) -> None:
    kept = suppress(scored, threshold)
    boxes, classes = as_boxes([box for box, _, _ in scored]), _classes(scored)
    for class_id in set(classes[kept]):
        of_class = boxes[kept][classes[kept] == class_id]
        overlap = iou(of_class, of_class) - 2 * np.eye(len(of_class), dtype=np.float32)
        assert (overlap <= threshold).all()


@given(_scored, _threshold)
def test_suppression_never_drops_the_strongest_of_a_class(scored: Scored, threshold: float) -> None:
    kept = set(suppress(scored, threshold).tolist())
    for class_id in {class_id for _, _, class_id in scored}:
        of_class = [index for index, (_, _, other) in enumerate(scored) if other == class_id]
        assert max(of_class, key=lambda index: (scored[index][1], -index)) in kept


@given(_scored, _threshold)
def test_what_is_dropped_overlaps_a_kept_box_of_its_class_that_is_at_least_as_strong(
    scored: Scored, threshold: float
) -> None:
    kept = suppress(scored, threshold).tolist()
    boxes = as_boxes([box for box, _, _ in scored])
    for index in set(range(len(scored))) - set(kept):
        _, confidence, class_id = scored[index]
        assert any(
            scored[other][2] == class_id
            and scored[other][1] >= confidence
            and iou(boxes[index : index + 1], boxes[other : other + 1])[0, 0] > threshold
            for other in kept
        )


@given(_scored, _threshold)
def test_what_survives_comes_most_confident_first_and_ties_in_the_order_of_the_input(
    scored: Scored, threshold: float
) -> None:
    kept = suppress(scored, threshold).tolist()
    assert kept == sorted(kept, key=lambda index: (-scored[index][1], index))


@given(_scored, _threshold)
def test_classes_are_suppressed_as_if_the_others_were_not_there(scored: Scored, threshold: float) -> None:
    together = {index for index in suppress(scored, threshold).tolist() if scored[index][2] == 1}
    of_class = [index for index, (_, _, class_id) in enumerate(scored) if class_id == 1]
    alone = {of_class[index] for index in suppress([scored[index] for index in of_class], threshold).tolist()}
    assert together == alone


def test_the_first_of_equal_boxes_survives() -> None:
    same: Scored = [((0, 0, 10, 10), 0.5, 0)] * 5
    assert suppress(same, 0.5).tolist() == [0]


def test_a_box_that_was_suppressed_suppresses_no_other() -> None:
    chain: Scored = [((0, 0, 10, 10), 0.9, 0), ((4, 0, 14, 10), 0.8, 0), ((8, 0, 18, 10), 0.7, 0)]
    assert suppress(chain, 0.3).tolist() == [0, 2]


def test_a_threshold_of_one_keeps_everything() -> None:
    assert suppress([((0, 0, 10, 10), 0.5, 0)] * 5, 1.0).tolist() == [0, 1, 2, 3, 4]


@given(_boxes, st.tuples(st.integers(1, 800), st.integers(1, 800)))
def test_clipped_boxes_lie_inside_the_frame(boxes: NDArray[np.float32], image_wh: tuple[int, int]) -> None:
    clipped = clip(boxes - 100, image_wh)
    assert (clipped >= 0).all()
    assert (clipped <= [*image_wh, *image_wh]).all()
    np.testing.assert_array_equal(clip(clipped, image_wh), clipped)


def test_formats_of_a_known_box() -> None:
    expected = [[10, 20, 40, 60]]
    np.testing.assert_array_equal(cxcywh_to_xyxy(as_boxes([[25, 40, 30, 40]])), expected)
    np.testing.assert_array_equal(xywh_to_xyxy(as_boxes([[10, 20, 30, 40]])), expected)


def test_no_boxes_are_an_empty_array_of_four_columns() -> None:
    assert as_boxes([]).shape == (0, 4)
    assert as_boxes([]).dtype == np.float32
    assert iou(as_boxes([]), as_boxes([[0, 0, 1, 1]])).shape == (0, 1)
    assert suppress([], 0.5).size == 0


@pytest.mark.parametrize("values", [[1, 2, 3, 4], [[1, 2, 3]], [[[1, 2, 3, 4]]]])
def test_another_shape_is_refused_with_what_was_found(values: object) -> None:
    with pytest.raises(ValueError, match=r"expected shape \(n, 4\), found \("):
        as_boxes(values)
