import numpy as np
import pytest

from cloud_side.training.dataset import Example
from cloud_side.training.evaluation.limits import Limits, choose_thresholds
from edge_inspector.detections import Detections

BOX = (10.0, 10.0, 50.0, 50.0)


def image(*, defective: bool) -> Example:
    boxes = np.array([BOX] if defective else [], np.float32).reshape(-1, 4)
    return Example(np.zeros((80, 80), np.uint8), boxes, np.zeros(len(boxes), np.int64), "g", "g")


def scored(*scores: float) -> list[Detections]:
    box = np.array([BOX], np.float32)
    return [Detections(box, np.array([score], np.float32), np.zeros(1, np.int64)) for score in scores]


def test_separable_scores_are_parted_in_the_middle() -> None:
    examples = [image(defective=True)] * 2 + [image(defective=False)] * 2
    chosen = choose_thresholds(examples, scored(0.7, 0.9, 0.1, 0.3), Limits())
    assert chosen.review_at == pytest.approx(0.5, abs=0.02)
    assert chosen.reject_at == chosen.review_at


def test_fewest_defects_escape_that_the_false_alarms_allow() -> None:
    examples = [image(defective=True)] * 10 + [image(defective=False)] * 10
    found = scored(*[0.25], *[0.8] * 9, *[0.35], *[0.1] * 9)
    strict = choose_thresholds(examples, found, Limits(overkill=0.0))
    lenient = choose_thresholds(examples, found, Limits(overkill=0.1))
    assert lenient.review_at <= 0.25
    assert 0.35 < strict.review_at <= 0.8


def test_what_is_reviewed_only_is_what_a_clean_part_may_score() -> None:
    examples = [image(defective=True)] * 10 + [image(defective=False)] * 10
    chosen = choose_thresholds(examples, scored(*[0.3], *[0.9] * 9, *[0.5], *[0.1] * 9), Limits(overkill=0.1))
    assert chosen.review_at <= 0.3
    assert 0.5 < chosen.reject_at <= 0.9


def test_where_no_score_is_safe_the_one_that_fewest_clean_parts_reach_is_taken() -> None:
    examples = [image(defective=True), image(defective=False)]
    chosen = choose_thresholds(examples, scored(0.5, 0.99), Limits())
    assert chosen.reject_at >= chosen.review_at


def test_there_is_no_choice_without_clean_images() -> None:
    with pytest.raises(ValueError, match="expected defective and clean images, found 1 and 0"):
        choose_thresholds([image(defective=True)], scored(0.9), Limits())
