"""What stands for good parts where there are few."""

from dataclasses import replace

from cloud_side.training.evaluation.thresholds import FEW_CLEAN, with_good_parts
from cloud_side.training.evaluation.verdicts import PART, parts_of, verdicts
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
