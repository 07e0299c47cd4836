"""What stands for good parts where there are few, and what is left where one of two models does not know a class."""

from dataclasses import replace

import numpy as np

from cloud_side.training.evaluation.verdicts import PART, parts_of, verdicts
from cloud_side.training.gate.selecting import FEW_CLEAN, with_good_parts, without_classes
from cloud_side.training.predictions import Predictions
from tests.cloud.training.gate.run_files import THRESHOLDS, all_of_them, found, with_another_box


def test_enough_good_parts_stand_for_themselves() -> None:
    predictions = found(all_of_them, groups=FEW_CLEAN)
    assert with_good_parts(predictions) is predictions


def test_each_defective_part_counts_as_a_good_one_too_without_what_was_found_on_its_defects() -> None:
    predictions = with_another_box(found(all_of_them, groups=FEW_CLEAN - 1), every=6)
    seen = verdicts(with_good_parts(predictions), THRESHOLDS)
    assert (seen.defective, seen.clean) == (38, 38 + 19)
    assert seen.overkill.value == 10 / 57  # each sixth image of 57, good ones as they are


def test_images_of_one_part_stay_together_in_what_stands_for_it() -> None:
    images = found(lambda *_: 0.9, clean=False, groups=2).images
    for part, expected in (("7", 2), ("", 6)):
        of_part = tuple(replace(image, slices={PART: part}) for image in images)
        parts = parts_of(with_good_parts(Predictions(("scratch",), of_part)))
        assert (int(parts.defective.sum()), int((~parts.defective).sum())) == (expected, expected)


def test_images_of_a_class_are_left_out_whatever_else_they_show() -> None:
    first, second, *others = found(lambda *_: 0.9, clean=False, groups=1).images
    other = replace(second, truth_class_id=np.array([1]))
    both = replace(
        first, truth_xyxy=np.tile(first.truth_xyxy, (2, 1)), truth_class_id=np.array([0, 1]), name="both.png"
    )
    left = without_classes(Predictions(("scratch", "dent"), (both, first, other, *others)), ["dent"])
    assert left.images == (first, *others)
