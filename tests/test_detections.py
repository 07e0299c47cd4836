import numpy as np
import pytest

from edge_inspector.detections import Detections


def three() -> Detections:
    xyxy = np.arange(12, dtype=np.float32).reshape(3, 4)
    return Detections(xyxy, np.array([0.9, 0.5, 0.1], np.float32), np.array([0, 1, 0]))


def test_nothing_found_has_the_shapes_of_something_found() -> None:
    nothing = Detections.empty()
    assert len(nothing) == 0
    assert nothing.xyxy.shape == (0, 4)
    assert (nothing.xyxy.dtype, nothing.confidence.dtype, nothing.class_id.dtype) == (np.float32, np.float32, np.int64)


@pytest.mark.parametrize(
    ("boxes", "scores", "classes"),
    [((2, 3), (2,), (2,)), ((2, 4), (3,), (2,)), ((2, 4), (2,), (1,)), ((2, 4), (2, 1), (2,)), ((0,), (0,), (0,))],
)
def test_arrays_that_do_not_belong_together_are_refused_with_their_shapes(
    boxes: tuple[int, ...], scores: tuple[int, ...], classes: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"expected shapes \(n, 4\), \(n,\), \(n,\), found") as error:
        Detections(np.zeros(boxes, np.float32), np.zeros(scores, np.float32), np.zeros(classes, np.int64))
    assert f"{boxes}, {scores}, {classes}" in str(error.value)


def test_some_are_taken_by_index_in_the_order_asked_for() -> None:
    taken = three().take(np.array([2, 0]))
    assert taken.confidence.tolist() == pytest.approx([0.1, 0.9])
    assert taken.xyxy[:, 0].tolist() == [8, 0]


def test_some_are_taken_by_mask() -> None:
    found = three()
    taken = found.take(found.confidence >= 0.5)
    assert taken.class_id.tolist() == [0, 1]
    assert len(found.take(found.confidence > 1)) == 0
