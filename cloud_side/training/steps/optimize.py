"""Optimize: the package that leaves, with an INT8 file beside the float one where that costs nothing and is faster."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cloud_side.training.dataset import Images, LabeledImage, TrainingData
from cloud_side.training.exporting.calibration import CALIBRATION_IMAGES, spread_choice
from cloud_side.training.exporting.card import CARD_FILE, Measured, model_card
from cloud_side.training.exporting.files import emptied, read_thresholds, write_json
from cloud_side.training.exporting.golden import CANDIDATES, Candidate, add_golden
from cloud_side.training.exporting.int8_rules import Int8Limits, Wish
from cloud_side.training.exporting.int8_rules import told as told_int8
from cloud_side.training.exporting.optimizing import Held, Trial, contents_of, held, try_int8
from cloud_side.training.exporting.package import FLOAT, INT8, Lineage, OnnxFile, write_package
from cloud_side.training.exporting.record import Succession, TrainingRecord
from cloud_side.training.places import (
    CHAMPION,
    DATA,
    EVALUATION,
    FINAL,
    OPTIMIZATION,
    OPTIMIZATION_FILE,
    PACKAGE,
    PACKAGES,
    PREDICTIONS,
    THRESHOLDS_FILE,
    input_folder,
    output_folder,
)
from cloud_side.training.predictions import Predictions, read_predictions
from cloud_side.training.steps.entry import say, told
from edge_inspector.detectors.model_file import ModelPackage, Thresholds
from edge_inspector.errors import ConfigError

SCHEMA: Final = "edge-inspector/optimization/1"
_NOT_TRIED: Final = "INT8 is left out: it was not asked for"


def run(  # noqa: PLR0913 - the folders and options of the step
    packages: Path,
    data: Path,
    evaluation: Path,
    champion: Path,
    *,
    package: Path,
    optimization: Path,
    int8: Wish = Wish.AUTO,
    images: int = CALIBRATION_IMAGES,
    seed: int = 0,
    limits: Int8Limits | None = None,
    golden: Iterable[Candidate] | None = None,
) -> ModelPackage:
    """Write the package that leaves, and what was found out about INT8; returns the package.

    Args:
        packages: What export made.
        data: What prepare made.
        evaluation: What evaluate made: thresholds, and the candidate's predictions.
        champion: What the package is called.
        package: Gets the package.
        optimization: Gets `optimization.json`, and `predictions/int8.jsonl` where INT8 was tried. What was in either
            folder before is gone.
        int8: Whether there shall be an INT8 file.
        images: Training images that the ranges of INT8 are taken from, for each model.
        seed: Of their choice.
        limits: What INT8 may cost.
        golden: Images of which some leave with the package; None: training images.

    Raises:
        ConfigError: If something is missing or damaged, or INT8 is required and not good enough.
        ModelError: If a package is damaged, or the name of the model is none.
    """
    for folder in (package, optimization):
        emptied(folder)
    dataset, succession = TrainingData.read(data), Succession.read(champion)
    final, record = ModelPackage.open(packages / FINAL), TrainingRecord.read(packages)
    thresholds = read_thresholds(evaluation / THRESHOLDS_FILE, dataset.class_names)
    found = read_predictions(evaluation / PREDICTIONS / "candidate.jsonl")
    models, trial = held(data, dataset), None
    if int8 is not Wish.NEVER:
        trial = try_int8(
            packages,
            models,
            found,
            thresholds,
            optimization / PREDICTIONS / "int8.jsonl",
            limits=limits or Int8Limits(),
            images=images,
            seed=seed,
            say=say,
        )
    reason = _NOT_TRIED if trial is None else told_int8(trial.evidence, trial.reasons)
    say(reason)
    if int8 is Wish.REQUIRED and trial is not None and trial.reasons:
        raise ConfigError(reason)
    lineage = Lineage(succession.next_version, record.dataset.version, record.git_commit, record.trained_at)
    measured = _measured(found, trial, thresholds)
    _write_optimization(optimization, trial, reason, map50_float=measured[FLOAT].map50.value)
    written = write_package(
        package,
        contents_of(final, thresholds, lineage, name=succession.name),
        _files(final, trial, measured),
    )
    written = add_golden(written, _candidates(models, final, seed) if golden is None else golden)
    card = model_card(written.manifest, record, measured, int8=reason)
    (package / CARD_FILE).write_text(card, encoding="utf-8")
    say(f"{succession.name} {succession.next_version}: {len(written.manifest.golden)} golden images")
    return written


def parser() -> argparse.ArgumentParser:
    """Return the parser of the job's arguments."""
    limits = Int8Limits()
    made = argparse.ArgumentParser(prog="optimize", description=__doc__)
    made.add_argument(
        "--int8",
        choices=[wish.value for wish in Wish],
        default=Wish.AUTO.value,
        help="an INT8 file if it is good (%(default)s)",
    )
    made.add_argument(
        "--images", type=int, default=CALIBRATION_IMAGES, help="that ranges are taken from (default: %(default)s)"
    )
    made.add_argument("--seed", type=int, default=0, help="of the choice of images (default: %(default)s)")
    made.add_argument(
        "--most-drop", type=float, default=limits.map50_drop, help="of mAP50 by INT8 (default: %(default)s)"
    )
    made.add_argument(
        "--most-ratio", type=float, default=limits.speed_ratio, help="of its time to float's (default: %(default)s)"
    )
    made.add_argument(
        "--most-score", type=float, default=limits.score, help="mean difference of scores (default: %(default)s)"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step as the program of a processing job; returns the exit code."""
    said = parser().parse_args(arguments)
    return told(
        lambda: run(
            *map(input_folder, (PACKAGES, DATA, EVALUATION, CHAMPION)),
            package=output_folder(PACKAGE),
            optimization=output_folder(OPTIMIZATION),
            int8=Wish(said.int8),
            images=said.images,
            seed=said.seed,
            limits=Int8Limits(said.most_drop, said.most_ratio, said.most_score),
        )
    )


def _measured(found: Predictions, trial: Trial | None, thresholds: Mapping[str, Thresholds]) -> dict[str, Measured]:
    """Return the scores of each file that goes into the package."""
    measured: dict[str, Measured] = {FLOAT: Measured.of(found, thresholds)}
    if trial is not None and not trial.reasons:
        measured[INT8] = Measured.of(trial.predictions, thresholds)
    return measured


def _files(final: ModelPackage, trial: Trial | None, measured: Mapping[str, Measured]) -> list[OnnxFile]:
    files = [OnnxFile(final.read(final.file(FLOAT)), metrics=measured[FLOAT].metrics())]
    if trial is not None and INT8 in measured:
        files.append(OnnxFile(trial.content, INT8, metrics=measured[INT8].metrics()))
    return files


def _candidates(models: Sequence[Held], final: ModelPackage, seed: int) -> Iterator[Candidate]:
    """Yield training images, of one part after the other: the test is left alone."""
    rows: list[LabeledImage] = spread_choice(models[-1].known, CANDIDATES, seed=seed)
    for example in Images(rows, final.manifest.input.color, cache_bytes=0):
        yield Candidate(example.image, is_defective=len(example.boxes) > 0)


def _write_optimization(folder: Path, trial: Trial | None, reason: str, *, map50_float: float) -> None:
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "kept": trial is not None and not trial.reasons,
        "reason": reason,
        "map50_float": map50_float,
        "map50_int8": None if trial is None else trial.evidence.map50_int8,
        "speed_ratio": None if trial is None else trial.evidence.speed_ratio,
        "parity": None if trial is None else trial.agreement.document(),
    }
    write_json(folder / OPTIMIZATION_FILE, document)


if __name__ == "__main__":
    sys.exit(main())
