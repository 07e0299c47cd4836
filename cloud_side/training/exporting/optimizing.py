"""INT8, tried on images that the models do not know: of one model on the test images, or of each fold's on its fold."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud_side.training.dataset import LabeledImage, Mode, TrainingData, read_labels
from cloud_side.training.evaluation.bootstrap import paired_difference
from cloud_side.training.evaluation.detecting import detect
from cloud_side.training.evaluation.latency import compare
from cloud_side.training.evaluation.measures import Escapes
from cloud_side.training.evaluation.scores import map50
from cloud_side.training.exporting.agreement import Agreement, agreement_of_predictions
from cloud_side.training.exporting.calibration import CALIBRATION_IMAGES, input_tensors, spread_choice
from cloud_side.training.exporting.int8_rules import Int8Evidence, Int8Limits, reasons_against
from cloud_side.training.exporting.package import INT8, Contents, Lineage, OnnxFile, write_package
from cloud_side.training.exporting.quantization import quantized
from cloud_side.training.places import FINAL, fold_run
from cloud_side.training.predictions import Predictions, pooled, read_predictions, write_predictions
from edge_inspector.detectors.model_file import ModelOutput, ModelPackage, Thresholds
from edge_inspector.errors import ConfigError


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A model, and what was held back from it.

    Attributes:
        run: Its name.
        known: Images that it was trained on.
        unknown: Images that it is tested on; none for the final model of folds.
    """

    run: str
    known: Sequence[LabeledImage]
    unknown: Sequence[LabeledImage]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What INT8 turned out to be.

    Attributes:
        content: The INT8 form of the final model.
        predictions: Of the INT8 files on the images that the float files were scored on.
        agreement: Of both on these.
        evidence: What was measured.
        reasons: Why it is left out; none where it is kept.
    """

    content: bytes
    predictions: Predictions
    agreement: Agreement
    evidence: Int8Evidence
    reasons: tuple[str, ...]


def held(data: Path, dataset: TrainingData) -> list[Held]:
    """Return the models of a training run, the final one last.

    Args:
        data: What prepare made.
        dataset: Its description.

    Raises:
        ConfigError: If the labels cannot be read, or there is nothing to test on.
    """
    train = [row for row in read_labels(data / "train", dataset.class_names) if row.labeled]
    if dataset.mode is Mode.SPLIT:
        every = [Held(FINAL, train, [row for row in read_labels(data / "test", dataset.class_names) if row.labeled])]
    else:
        folds = [
            Held(
                fold_run(number),
                [row for row in train if row.group not in groups],
                [row for row in train if row.group in groups],
            )
            for number, groups in enumerate(map(frozenset, dataset.folds))
        ]
        every = [*folds, Held(FINAL, train, ())]
    if not all(each.known for each in every) or not any(each.unknown for each in every):
        msg = f"{data}: expected labeled images to calibrate on and to test on, found too few"
        raise ConfigError(msg)
    return every


def try_int8(  # noqa: PLR0913 - what a trial is made of
    packages: Path,
    models: Iterable[Held],
    found: Predictions,
    thresholds: Mapping[str, Thresholds],
    kept: Path,
    *,
    limits: Int8Limits,
    images: int = CALIBRATION_IMAGES,
    seed: int = 0,
    say: Callable[[str], object] = lambda _: None,
) -> Trial:
    """Make the INT8 form of every model, run it where its float form was scored, and judge it.

    Args:
        packages: What export made: a package for each model.
        models: The final one last.
        found: Of the float files.
        thresholds: By class, chosen for the float files.
        kept: File for the predictions of the INT8 files.
        limits: What INT8 may cost.
        images: Training images that the ranges are taken from, for each model.
        seed: Of their choice.
        say: Gets lines of progress.

    Raises:
        ConfigError: If an image cannot be read, or `found` is of other images.
        ModelError: If a package is damaged.
    """
    parts, content, timed = [], b"", None
    for model in models:
        package = ModelPackage.open(packages / model.run)
        content = _quantized(package, model, images, seed)
        if model.unknown:
            with tempfile.TemporaryDirectory() as scratch:
                both = _of_both(package, content, thresholds, Path(scratch))
                parts.append(detect(both, model.unknown, class_names=found.class_names, precision=INT8))
                timed = timed or compare(both, model.unknown).ratio
        say(f"{model.run}: INT8 from {min(images, len(model.known))} images, {len(model.unknown)} images looked at")
    write_predictions(kept, pooled(parts))
    predictions = read_predictions(kept)  # as they are kept: whoever scores the file later finds the same
    # Checks that the images are the same, before they are compared one by one.
    escapes = paired_difference(predictions, found, Escapes(thresholds))
    agreement = agreement_of_predictions(found, predictions)
    evidence = Int8Evidence(
        map50(found),
        map50(predictions),
        escapes,
        float("nan") if timed is None else timed,
        agreement.confidence_mean if agreement.detections else float("nan"),
    )
    return Trial(content, predictions, agreement, evidence, reasons_against(evidence, limits))


def contents_of(
    package: ModelPackage, thresholds: Mapping[str, Thresholds], lineage: Lineage, *, name: str
) -> Contents:
    """Return what another package of the same model says, with other thresholds and another name.

    Raises:
        ConfigError: If the package is not of the kind that export makes.
    """
    manifest = package.manifest
    if not isinstance(manifest.output, ModelOutput):
        msg = f"{package.folder}: expected a model with a box for every anchor, found {manifest.output.decode}"
        raise ConfigError(msg)
    return Contents(name, manifest.input, manifest.output, manifest.class_names, thresholds, lineage)


def _quantized(package: ModelPackage, model: Held, images: int, seed: int) -> bytes:
    given = package.manifest.input
    tensors = input_tensors(spread_choice(model.known, images, seed=seed), given)
    return quantized(package.read(package.file("float32")), tensors, input_name=given.name)


def _of_both(package: ModelPackage, content: bytes, thresholds: Mapping[str, Thresholds], folder: Path) -> ModelPackage:
    contents = contents_of(package, thresholds, Lineage(package.manifest.version), name=package.manifest.name)
    files = [OnnxFile(package.read(package.file("float32"))), OnnxFile(content, INT8)]
    return write_package(folder, contents, files)
