"""What the model on the line finds on the tested images, as if it had seen none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cloud_side.training.dataset import LabeledImage
from cloud_side.training.evaluation.detecting import ClassMatch, Report, detect, sha256_of
from cloud_side.training.predictions import Prediction, Predictions, pooled, read_predictions
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage, Thresholds

KEPT: Final = "predictions.jsonl"
_NEVER: Final = Thresholds(review_at=1.0, reject_at=1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Champion:
    """The model on the line, on the tested images.

    Attributes:
        package: Its package.
        thresholds: Its own, by class of the data.
        predictions: With the truth of the data.
        kept: Images whose predictions were kept from its own evaluation.
        pairing: Its classes beside those of the data.
    """

    package: ModelPackage
    thresholds: dict[str, Thresholds]
    predictions: Predictions
    kept: int
    pairing: ClassMatch


def champion_on(
    folder: Path, images: Sequence[LabeledImage], class_names: Sequence[str], *, package: ModelPackage, report: Report
) -> Champion:
    """Return what the champion finds.

    What it found when it was evaluated itself is taken where the image is the same: it was not trained on that image
    then, but may have been since, with all images. On the others its package is run; on all of them where it knows a
    class that it was not evaluated with. The truth is always that of the data.

    Args:
        folder: With its predictions, if they were kept.
        images: Labeled.
        class_names: Of the data.
        package: The champion's.
        report: Gets lines of progress.

    Raises:
        ConfigError: If its predictions or an image cannot be read.
        ModelError: If its package is damaged.
    """
    pairing = ClassMatch.of(package.manifest.class_names, class_names)
    kept = read_predictions(folder / KEPT) if (folder / KEPT).is_file() else Predictions(tuple(class_names), ())
    translation = ClassMatch.of(kept.class_names, class_names)
    is_whole = set(translation.missing) <= set(pairing.missing)
    known = {image.sha256: image for image in kept.images if is_whole}
    again, fresh = [], []
    for image in images:
        found = known.get(sha256_of(image))
        if found is None:
            fresh.append(image)
        else:
            again.append(_again(image, found, translation))
    parts = [Predictions(tuple(class_names), tuple(again))]
    report(f"champion: {len(again)} predictions kept, {len(fresh)} images to run it on")
    if fresh:
        parts.append(detect(package, fresh, class_names=class_names, report=report))
    own = package.thresholds(package.file("float32"))
    thresholds = {name: own.get(name, _NEVER) for name in class_names}
    return Champion(package, thresholds, pooled(parts), len(again), pairing)


def _again(image: LabeledImage, found: Prediction, translation: ClassMatch) -> Prediction:
    detections = translation.translated(Detections(found.xyxy, found.confidence, found.class_id))
    return Prediction(
        image.name,
        found.sha256,
        image.group,
        image.width,
        image.height,
        image.boxes,
        np.asarray(image.class_ids, np.int64),
        detections.xyxy,
        detections.confidence,
        detections.class_id,
        dict(image.slices),
    )
