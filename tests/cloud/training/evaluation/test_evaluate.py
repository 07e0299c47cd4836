import numpy as np
import pytest

from cloud_side.training.dataset import Example
from cloud_side.training.evaluation.evaluate import accuracy, average_precision, verdicts
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Thresholds

LIMITS = {"scratch": Thresholds(review_at=0.3, reject_at=0.6)}


def example(*boxes: tuple[int, int, int, int], group: str = "g") -> Example:
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return Example(np.zeros((100, 100), np.uint8), array, np.zeros(len(boxes), np.int64), group, group)


def found(*rows: tuple[float, float, float, float, float]) -> Detections:
    array = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(array[:, :4], array[:, 4], np.zeros(len(rows), np.int64))


def test_a_perfect_detector_scores_one_and_a_blind_one_zero() -> None:
    examples = [example((10, 10, 50, 50)), example((20, 20, 60, 40))]
    perfect = [found((10, 10, 50, 50, 0.9)), found((20, 20, 60, 40, 0.8))]
    assert average_precision(examples, perfect) == pytest.approx((1, 1))
    assert average_precision(examples, [found(), found()]) == (0, 0)


def test_a_box_at_two_thirds_overlap_counts_for_map50_only() -> None:
    map50, map50_95 = average_precision([example((0, 0, 60, 40))], [found((0, 0, 40, 40, 0.9))])
    assert map50 == pytest.approx(1)
    assert map50_95 == pytest.approx(0.4)


def test_precision_and_recall_count_boxes_from_the_threshold_on() -> None:
    examples = [example((0, 0, 40, 40), (50, 50, 90, 90))]
    detections = found((0, 0, 40, 40, 0.9), (0, 60, 20, 90, 0.5), (50, 50, 90, 90, 0.2))
    result = accuracy(examples, [detections], threshold=0.3)
    assert (result.precision, result.recall) == (0.5, 0.5)


def test_escapes_and_overkill_are_counted_by_image() -> None:
    examples = [example((0, 0, 40, 40))] * 2 + [example()] * 4
    result = verdicts(
        examples, [found((0, 0, 40, 40, 0.7)), found(), found(), found((0, 0, 9, 9, 0.4)), found(), found()], LIMITS
    )
    assert (result.defective, result.clean) == (2, 4)
    assert (result.escapes.value, result.overkill.value, result.rejected_clean.value) == (0.5, 0.25, 0)
