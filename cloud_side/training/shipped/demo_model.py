"""Trains the shipped model: the steps of the training workflow, one after the other, in one folder that they go on in.

Thresholds and scores come from the folds; the model that is shipped knows all images.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud_side.training import places
from cloud_side.training.dataset import TrainingData
from cloud_side.training.evaluation.champion import KEPT
from cloud_side.training.evaluation.document import Evaluation
from cloud_side.training.exporting.card import CARD_FILE
from cloud_side.training.exporting.files import write_json
from cloud_side.training.exporting.record import TrainingRecord
from cloud_side.training.predictions import Predictions, read_predictions
from cloud_side.training.shipped.card import shipped_card
from cloud_side.training.shipped.material import demo_tags, found_beside, found_on, golden_tags, source_of
from cloud_side.training.shipped.predecessor import write_champion
from cloud_side.training.shipped.recipe import MODEL_NAME, Recipe
from cloud_side.training.shipped.report import Report, Shown, fold_by_fold, metrics
from cloud_side.training.steps import evaluate, export, optimize, prepare, train
from cloud_side.training.steps.entry import say
from edge_inspector.detectors.model_file import MANIFEST_NAME, ModelPackage
from edge_inspector.errors import ConfigError

METRICS_FILE: Final = "metrics.json"
_CHECKPOINTS: Final = "checkpoints"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is trained.

    Attributes:
        out: Folder of the package; its files are replaced once the new package is complete.
        work: What training goes on from after a kill; when all is done it is itself what a later model can be compared
            with.
        tags: Folder of labeled photographs; None: simulated tags take their place, and the card says so.
        champion: Folder with `package/` and `predictions.jsonl` to compare with; None: nothing.
    """

    out: Path
    work: Path
    tags: Path | None = None
    champion: Path | None = None


def train_demo(wish: Wish, recipe: Recipe | None = None, report: Callable[[str], object] = say) -> Report:
    """Train the shipped model, write its package with card and numbers, and return what was found out.

    Args:
        wish: What, and where.
        recipe: How; by default as the shipped model.
        report: Gets lines of progress.

    Raises:
        ConfigError: If the labels are bad, there are fewer parts than folds, the work is that of another recipe, or
            something else than a package is in `out`.
        ModelError: If a package of the champion is missing or damaged.
    """
    recipe, work = recipe or Recipe(), wish.work
    _check_out(wish.out)
    write_champion(work, wish.champion, wish.out)
    source = source_of(wish.tags, work, recipe)
    report(f"work: {work}, from which a run that was killed goes on")
    if wish.tags is None:
        report("no photographs: simulated tags take their place, and the model will know nothing of real parts")
    data = prepare.run(source, work / places.DATA, folds=str(recipe.folds))
    for line in prepare.summary(data):
        report(line)
    model, packages = work / places.MODEL, work / places.PACKAGES
    train.run(
        train.Folders(work / places.DATA / "train", model, work / _CHECKPOINTS), recipe.hyperparameters, report=report
    )
    export.run(model, work / places.DATA, packages, name=MODEL_NAME)
    beside = found_beside(packages, data, recipe)
    folders = evaluate.Folders(work / places.DATA, packages, work / places.CHAMPION, work / places.EVALUATION)
    evaluation = evaluate.run(folders, recipe.judging, report, beside=beside)
    package = _optimized(work, recipe)
    told = _report(wish, recipe, data, evaluation, beside, package)
    _write(package.folder, told)
    shutil.copyfile(work / places.EVALUATION / places.PREDICTIONS / evaluate.CANDIDATE_FILE, work / KEPT)
    _replace_files(package.folder, wish.out)
    report(f"{package.manifest.name} {package.manifest.version}: written to {wish.out}")
    return told


def _check_out(out: Path) -> None:
    if out.exists() and not (out / MANIFEST_NAME).is_file() and (not out.is_dir() or any(out.iterdir())):
        msg = f"--out: expected a model package, which is replaced, or nothing; found something else in {out}"
        raise ConfigError(msg)


def _optimized(work: Path, recipe: Recipe) -> ModelPackage:
    return optimize.run(
        work / places.PACKAGES,
        work / places.DATA,
        work / places.EVALUATION,
        work / places.CHAMPION,
        package=work / places.PACKAGE,
        optimization=work / places.OPTIMIZATION,
        images=recipe.calibration_images,
        golden=golden_tags(),
    )


def _report(  # noqa: PLR0913, PLR0917 - what a report is made of
    wish: Wish, recipe: Recipe, data: TrainingData, evaluation: Evaluation, beside: Predictions, package: ModelPackage
) -> Report:
    work, thresholds = wish.work, evaluation.candidate.thresholds
    found = read_predictions(work / places.EVALUATION / places.PREDICTIONS / evaluate.CANDIDATE_FILE)
    record, tags = TrainingRecord.read(work / places.PACKAGES), demo_tags(recipe)
    optimization = (work / places.OPTIMIZATION / places.OPTIMIZATION_FILE).read_text(encoding="utf-8")
    return Report(
        recipe=recipe,
        has_photographs=wish.tags is not None,
        record=record,
        evaluation=evaluation,
        folds=tuple(fold_by_fold(found, data, record, thresholds)),
        beside=Shown.of(beside, thresholds),
        demo={
            file.precision: Shown.of(found_on(package, tags, file.precision), package.thresholds(file))
            for file in package.manifest.files
        },
        optimization=json.loads(optimization),
    )


def _write(package: Path, report: Report) -> None:
    card = package / CARD_FILE
    card.write_text(shipped_card(card.read_text(encoding="utf-8"), report), encoding="utf-8")
    write_json(package / METRICS_FILE, metrics(report))


def _replace_files(source: Path, target: Path) -> None:
    """Put a finished package in place of the old one; a run that was interrupted before left the old one alone."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        if old.is_file():
            old.unlink()
    for file in sorted(source.iterdir()):
        shutil.copy2(file, target / file.name)
