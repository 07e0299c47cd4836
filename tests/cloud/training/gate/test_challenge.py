"""What is left to compare where one of two models does not know a class."""

from dataclasses import replace

import numpy as np

from cloud_side.training.gate.challenge import without_classes
from cloud_side.training.predictions import Predictions
from tests.cloud.training.gate.run_files import found


def test_images_of_a_class_are_left_out_whatever_else_they_show() -> None:
    first, second, *others = found(lambda *_: 0.9, clean=False, groups=1).images
    other = replace(second, truth_class_id=np.array([1]))
    both = replace(
        first, truth_xyxy=np.tile(first.truth_xyxy, (2, 1)), truth_class_id=np.array([0, 1]), name="both.png"
    )
    left = without_classes(Predictions(("scratch", "dent"), (both, first, other, *others)), ["dent"])
    assert left.images == (first, *others)
