"""What the new model finds on images that it has not seen: those of the test, or of each fold by that fold's model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import LabeledImage, Mode, TrainingData, read_labels
from cloud_side.training.evaluation.detecting import Report, detect, labeled_only
from cloud_side.training.evaluation.slices import contrast
from cloud_side.training.folds import Folds
from cloud_side.training.places import FINAL, fold_run
from cloud_side.training.predictions import Predictions, pooled
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError

GIVEN: Final = "given"  # mode of a model from elsewhere where the data hold no images back
TRAIN, VALIDATION, TEST = "train", "validation", "test"


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
        ConfigError: If there are no images to test or to choose thresholds on, or one is in no fold, or cannot be read.
        ModelError: If a package is missing or damaged.
    """
    package = given or ModelPackage.open(packages / FINAL)
    contrasts: dict[str, NDArray[np.float64]] = {}

    def look(image: LabeledImage, picture: NDArray[np.uint8]) -> None:
        contrasts[image.name] = contrast(picture, image.boxes)

    def tested(package: ModelPackage, rows: Sequence[LabeledImage]) -> Predictions:
        return detect(package, rows, class_names=data.class_names, look=look, report=report)

    if data.mode is Mode.SPLIT:
        validation, test = _rows(folder, VALIDATION, data), _rows(folder, TEST, data)
        report(f"{package.manifest.name}: {len(validation)} images to choose thresholds on, {len(test)} to test")
        chosen_on = detect(package, validation, class_names=data.class_names, report=report)
        return Candidate(package, data.mode, tuple(test), tested(package, test), chosen_on, contrasts)
    rows, folds = _rows(folder, TRAIN, data), folds_of(data)
    if given is not None:
        report(f"{package.manifest.name}: {len(rows)} images to test; nobody knows which of them it was trained on")
        return Candidate(package, GIVEN, tuple(rows), tested(package, rows), None, contrasts)
    parts = []
    for fold in range(len(folds)):
        _, held_out = folds.split(rows, fold)
        report(f"{fold_run(fold)}: {len(held_out)} images to test")
        parts.append(tested(ModelPackage.open(packages / fold_run(fold)), held_out))
    return Candidate(package, data.mode, tuple(rows), pooled(parts), None, contrasts)


def folds_of(data: TrainingData) -> Folds:
    """Return the groups that are tested together.

    Raises:
        ConfigError: If a group is in two, or one is empty.
    """
    return Folds(tuple(map(frozenset, data.folds)))


def _rows(folder: Path, split: str, data: TrainingData) -> list[LabeledImage]:
    rows = labeled_only(read_labels(folder / split, data.class_names))
    if not rows:
        msg = f"{folder / split}: expected labeled images, found none"
        raise ConfigError(msg)
    return rows
