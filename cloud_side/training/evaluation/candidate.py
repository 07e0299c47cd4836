"""What the new model finds on images that it has not seen: those of the test, or of each fold by that fold's model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import LabeledImage, Mode, TrainingData, read_labels
from cloud_side.training.evaluation.detecting import detect, labeled_only
from cloud_side.training.evaluation.slices import contrast
from cloud_side.training.places import FINAL, fold_run
from cloud_side.training.predictions import Predictions, pooled
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError

GIVEN: Final = "given"  # mode of a model from elsewhere where the data hold no images back
TRAIN, VALIDATION, TEST = "train", "validation", "test"
_REPORTS: Final = 10  # lines of progress at most
_LEAST_REPORTED: Final = 100  # images

Report = Callable[[str], object]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """The new model on the tested images.

    Attributes:
        package: Whose name, version and classes count.
        mode: `split`, `folds` or `given`.
        rows: The tested images.
        tested: What it found on them.
        chosen_on: What it found on the images to choose thresholds on; None where these are the tested ones.
        contrasts: (n,) of each tested image's defects, by the image's name.
    """

    package: ModelPackage
    mode: str
    rows: tuple[LabeledImage, ...]
    tested: Predictions
    chosen_on: Predictions | None
    contrasts: dict[str, NDArray[np.float64]]


class _Contrasts(dict[str, NDArray[np.float64]]):
    """Contrast of the defects of each image that it is shown."""

    def look(self, image: LabeledImage, picture: NDArray[np.uint8]) -> None:
        """Measure an image."""
        self[image.name] = contrast(picture, image.boxes)


def candidate_on(
    folder: Path, data: TrainingData, packages: Path, given: ModelPackage | None, report: Report
) -> Candidate:
    """Return what the new model finds.

    Args:
        folder: The data: `train`, `validation` and `test`.
        data: What is known of them.
        packages: Exported ones: `final`, and `fold-0` and so on where the data are in folds.
        given: A model from elsewhere, which takes the place of all of those.
        report: Gets lines of progress.

    Raises:
        ConfigError: If there are no images to test or to choose thresholds on, or one cannot be read.
        ModelError: If a package is missing or damaged.
    """
    package = given or ModelPackage.open(packages / FINAL)
    contrasts = _Contrasts()
    if data.mode is Mode.SPLIT:
        validation, test = _rows(folder, VALIDATION, data), _rows(folder, TEST, data)
        report(f"{package.manifest.name}: {len(validation)} images to choose thresholds on, {len(test)} to test")
        chosen_on = detect(package, validation, class_names=data.class_names)
        tested = _detected(package, test, data, contrasts, report)
        return Candidate(package, data.mode, tuple(test), tested, chosen_on, contrasts)
    rows = _rows(folder, TRAIN, data)
    if given is not None:
        report(f"{package.manifest.name}: {len(rows)} images to test; nobody knows which of them it was trained on")
        return Candidate(
            package, GIVEN, tuple(rows), _detected(package, rows, data, contrasts, report), None, contrasts
        )
    parts = []
    for fold, groups in enumerate(data.folds):
        held_out = [row for row in rows if row.group in groups]
        report(f"{fold_run(fold)}: {len(held_out)} images to test")
        fold_package = ModelPackage.open(packages / fold_run(fold))
        parts.append(_detected(fold_package, held_out, data, contrasts, report))
    tested = pooled(parts)
    if len(tested) != len(rows):
        msg = f"{folder}: expected each of {len(rows)} images in one fold, found {len(tested)} in folds"
        raise ConfigError(msg)
    return Candidate(package, data.mode, tuple(rows), tested, None, contrasts)


def _detected(
    package: ModelPackage, rows: Sequence[LabeledImage], data: TrainingData, contrasts: _Contrasts, report: Report
) -> Predictions:
    every = max(_LEAST_REPORTED, -(-len(rows) // _REPORTS))

    def progress(done: int) -> None:
        if done % every == 0:
            report(f"{done} of {len(rows)} images")

    return detect(package, rows, class_names=data.class_names, look=contrasts.look, progress=progress)


def _rows(folder: Path, split: str, data: TrainingData) -> list[LabeledImage]:
    rows = labeled_only(read_labels(folder / split, data.class_names))
    if not rows:
        msg = f"{folder / split}: expected labeled images, found none"
        raise ConfigError(msg)
    return rows
