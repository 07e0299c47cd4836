from dataclasses import replace

import cv2
import numpy as np
import pytest

from cloud_side.training.evaluation.failures import MOST_BYTES, OF_A_KIND, Kind, failures, picture_of, pictures
from tests.cloud.training.evaluation.images import DEFECT, ELSEWHERE, image, limits, predictions, scored

LIMITS = {"scratch": limits(0.3, 0.6)}


def test_the_surest_mistakes_come_first_and_each_kind_is_bounded() -> None:
    found = failures(scored(clean=[0.4, 0.9, 0.1, *[0.35] * 20], defective=[0.2, 0.05, 0.8]), LIMITS)
    told = [(each.kind, each.measured) for each in found]
    assert told[:2] == [(Kind.ESCAPE, pytest.approx(0.05)), (Kind.ESCAPE, pytest.approx(0.2))]
    overkill = [measured for kind, measured in told if kind is Kind.OVERKILL]
    assert overkill[:2] == pytest.approx([0.9, 0.4])
    assert len(overkill) == OF_A_KIND


def test_a_box_beside_its_defect_is_loose() -> None:
    (loose,) = failures(predictions(image("a", [(DEFECT, 0)], [((30, 10, 70, 50), 0.9, 0)])), LIMITS)
    assert (loose.kind, loose.measured) == (Kind.LOOSE, pytest.approx(1 / 3))


def test_one_image_of_a_stopped_part_is_no_escape() -> None:
    found = predictions(
        image("a", [(DEFECT, 0)], [], group="lot", slices={"part_id": "1"}),
        image("b", [(DEFECT, 0)], [(DEFECT, 0.9, 0)], group="lot", slices={"part_id": "1"}),
    )
    assert failures(found, LIMITS) == []


def test_a_picture_shows_truth_in_white_and_the_strongest_box_below_the_threshold() -> None:
    missed = image("a", [(DEFECT, 0)], [(ELSEWHERE, 0.1, 0), ((0, 0, 9, 9), 0.05, 0)])
    drawn = cv2.imdecode(
        np.frombuffer(picture_of(missed, np.full((100, 100), 90, np.uint8), ("scratch",), LIMITS), np.uint8),
        cv2.IMREAD_COLOR,
    )
    assert drawn.shape == (100, 100, 3)
    assert drawn[30, 9].min() > 180
    colored = drawn.max(axis=2).astype(int) - drawn.min(axis=2)
    assert colored[75:85, 58:63].max() > 60
    assert colored[40:48, 20:40].max() < 30


def test_pictures_of_large_images_are_small_and_all_of_them_are_bounded() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    found = failures(scored(clean=[0.9] * OF_A_KIND, defective=[0.1] * OF_A_KIND), LIMITS) * 4
    large = [replace(each, image=replace(each.image, width=2000, height=1500)) for each in found]
    drawn = pictures(large, lambda _: noise, ("scratch",), LIMITS)
    assert len(drawn) < len(large)
    assert 0.8 * MOST_BYTES < sum(len(picture) for _, picture in drawn) <= MOST_BYTES
