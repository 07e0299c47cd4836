"""Other views of what was found: with the surface beside defects as good parts, and without classes that one lacks."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from cloud_side.training.evaluation.matching import overlaps
from cloud_side.training.evaluation.verdicts import PART, parts_of
from cloud_side.training.predictions import Prediction, Predictions

FEW_CLEAN: Final = 20  # good parts; of fewer one cannot tell how often a good one is stopped
_BESIDE: Final = "beside defects"


def with_good_parts(predictions: Predictions) -> Predictions:
    """Return predictions that have good parts to judge overkill by.

    Where fewer than 20 parts are good, each defective part counts as a good one, too, on which the boxes that touch no
    labeled defect were found; thresholds are chosen in the same way.
    """
    parts = parts_of(predictions)
    if int((~parts.defective).sum()) >= FEW_CLEAN:
        return predictions
    is_defective = parts.defective[parts.part_of_image].tolist()
    beside = (_beside(image) for image, is_one in zip(predictions.images, is_defective, strict=True) if is_one)
    return Predictions(predictions.class_names, (*predictions.images, *beside))


def without_classes(predictions: Predictions, names: Collection[str]) -> Predictions:
    """Return the images that show no defect of some classes."""
    ids = {number for number, name in enumerate(predictions.class_names) if name in names}
    images = tuple(image for image in predictions.images if not ids & {*image.truth_class_id.tolist()})
    return Predictions(predictions.class_names, images)


def _beside(image: Prediction) -> Prediction:
    kept = ~(overlaps(image.xyxy, image.truth_xyxy) > 0).any(axis=1)
    part = image.slices.get(PART)
    return replace(
        image,
        name=f"{image.name} {_BESIDE}",
        truth_xyxy=image.truth_xyxy[:0],
        truth_class_id=image.truth_class_id[:0],
        xyxy=image.xyxy[kept],
        confidence=image.confidence[kept],
        class_id=image.class_id[kept],
        slices={**image.slices, PART: f"{part} {_BESIDE}"} if part else image.slices,
    )
