import numpy as np
import pytest

from cloud_side.training.evaluation.verdicts import (
    ACCEPTED,
    REJECTED,
    REVIEWED,
    class_recall,
    image_verdicts,
    part_verdicts,
    parts_of,
    verdicts,
)
from tests.cloud.training.evaluation.images import DEFECT, ELSEWHERE, image, limits, predictions

LIMITS = {"scratch": limits(0.3, 0.6)}


def test_a_part_without_an_id_is_an_image() -> None:
    found = predictions(image("a", group="lot"), image("b", [(DEFECT, 0)], group="lot"))
    assert parts_of(found).names == ("a", "b")
    assert parts_of(found).defective.tolist() == [False, True]


def test_a_part_with_several_images_gets_the_worst_of_their_verdicts() -> None:
    found = predictions(
        image("a", [(DEFECT, 0)], [], group="lot", slices={"part_id": "1"}),
        image("b", (), [(DEFECT, 0.7, 0)], group="lot", slices={"part_id": "1"}),
        image("c", (), [(DEFECT, 0.4, 0)], group="lot", slices={"part_id": "2"}),
        image("d", (), [], group="lot 2", slices={"part_id": "1"}),
    )
    assert image_verdicts(found, LIMITS).tolist() == [ACCEPTED, REJECTED, REVIEWED, ACCEPTED]
    assert part_verdicts(found, LIMITS).tolist() == [REJECTED, REVIEWED, ACCEPTED]
    result = verdicts(found, LIMITS, rounds=20)
    assert (result.defective, result.clean) == (1, 2)
    assert (result.escapes.value, result.overkill.value, result.rejected_clean.value) == (0, 0.5, 0)


def test_a_part_that_is_stopped_for_another_defect_is_stopped() -> None:
    found = predictions(
        image("a", [(DEFECT, 0), (ELSEWHERE, 1)], [(DEFECT, 0.9, 0)]),
        image("b", [(ELSEWHERE, 1)], []),
        classes=("scratch", "dent"),
    )
    recall = class_recall(found, {"scratch": limits(0.3, 0.6), "dent": limits(0.3, 0.6)}, rounds=20)
    assert recall["scratch"].value == 1
    assert recall["dent"].value == 0.5


def test_a_score_at_the_threshold_counts_as_on_the_device() -> None:
    at = float(np.float32(0.3))
    found = predictions(image("a", (), [(DEFECT, 0.3, 0)]))
    assert image_verdicts(found, {"scratch": limits(at, 0.6)}).tolist() == [REVIEWED]
    assert image_verdicts(found, {"scratch": limits(np.nextafter(at, 1), 0.6)}).tolist() == [ACCEPTED]


def test_no_images_have_no_verdicts() -> None:
    result = verdicts(predictions(), LIMITS, rounds=5)
    assert (result.defective, result.clean) == (0, 0)
    assert (result.escapes.low, result.escapes.high) == pytest.approx((0, 1))
