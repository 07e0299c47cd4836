"""Predictions on what a model has not seen: one model per fold, exported and run as a device would run it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cloud_side.training.dataset import CLASS_NAMES, Example
from cloud_side.training.evaluation.evaluate import (
    Accuracy,
    Verdicts,
    accuracy,
    average_precision,
    detect_all,
    verdicts,
)
from cloud_side.training.folds import group_sizes, grouped_folds
from cloud_side.training.learning.loop import train
from cloud_side.training.network.model import Network
from cloud_side.training.shipped.recipe import VALIDATION_SEED, Recipe, Report
from cloud_side.training.shipped.report import FoldResult
from cloud_side.training.shipped.tag_package import NO_THRESHOLDS, Contents, write_package
from cloud_side.training.simulated.tags import demo_lots
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Thresholds


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Images that one model was not trained on, with what it found on them.

    Attributes:
        fold: From 0.
        seed: Of that model's training.
        photographs: Of the fold's parts.
        tags: Simulated, fresh.
        found: Detections on photographs, then tags, down to the lowest scores.
        training_seconds: How long that training took.
    """

    fold: int
    seed: int
    photographs: list[Example]
    tags: list[Example]
    found: list[Detections]
    training_seconds: float

    def of(self, *, photographs: bool) -> tuple[list[Example], list[Detections]]:
        """Return the photographs or the tags, with what was found on them."""
        cut = len(self.photographs)
        return (self.photographs, self.found[:cut]) if photographs else (self.tags, self.found[cut:])


def cross_validate(
    photographs: Sequence[Example], simulated: Sequence[Example], recipe: Recipe, k: int, report: Report
) -> list[HeldOut]:
    """Train `k` models, each without one fold's parts, and return what they find on those.

    Raises:
        ConfigError: If there are fewer parts than folds.
    """
    folds = grouped_folds(group_sizes(photographs), k)
    rounds = []
    for fold in range(k):
        known, unseen = folds.split(photographs, fold)
        report(f"fold {fold + 1}/{k}: {len(known)} photographs to train on, {len(unseen)} held out")
        plan = replace(recipe.plan, seed=recipe.plan.seed + 1 + fold)
        trained = train(known, simulated, plan, report=report)
        held_out = hold_out(trained.model, unseen, recipe, fold=fold, seed=plan.seed, seconds=trained.seconds)
        map50, map50_95 = average_precision(*held_out.of(photographs=True))
        report(f"fold {fold + 1}/{k}: mAP50 {map50:.3f}, mAP50-95 {map50_95:.3f}")
        rounds.append(held_out)
    return rounds


def hold_out(  # noqa: PLR0913 - what a round consists of
    model: Network, photographs: list[Example], recipe: Recipe, *, fold: int, seed: int, seconds: float
) -> HeldOut:
    """Return what a model, exported and run by the device's detector, finds on photographs and on fresh tags."""
    tags = demo_lots(
        VALIDATION_SEED + fold * recipe.lots,
        recipe.validation_tags,
        lots=recipe.lots,
        defect_rate=recipe.validation_defect_rate,
    )
    with tempfile.TemporaryDirectory() as scratch:
        package = write_package(Path(scratch), model, Contents(NO_THRESHOLDS), golden=False)
        found = detect_all(package, [*photographs, *tags])
    return HeldOut(fold, seed, photographs, tags, found, seconds)


def pooled(rounds: Sequence[HeldOut], *, photographs: bool) -> tuple[list[Example], list[Detections]]:
    """Return the photographs or the tags of all rounds, with what was found on them."""
    parts = [each.of(photographs=photographs) for each in rounds]
    return [example for examples, _ in parts for example in examples], [one for _, found in parts for one in found]


def fold_result(held_out: HeldOut, thresholds: Thresholds) -> FoldResult:
    """Return the numbers of one fold's photographs."""
    photographs, found = held_out.of(photographs=True)
    return FoldResult(
        fold=held_out.fold,
        groups=tuple(sorted({example.group for example in photographs})),
        images=len(photographs),
        defects=sum(len(example.boxes) for example in photographs),
        seed=held_out.seed,
        accuracy=accuracy(photographs, found, threshold=thresholds.review_at),
        training_seconds=held_out.training_seconds,
    )


def pooled_accuracy(rounds: Sequence[HeldOut], thresholds: Thresholds) -> Accuracy:
    """Return the box accuracy over the photographs of all folds."""
    return accuracy(*pooled(rounds, photographs=True), threshold=thresholds.review_at)


def pooled_verdicts(rounds: Sequence[HeldOut], thresholds: Thresholds, *, photographs: bool) -> Verdicts:
    """Return escapes and overkill over the photographs, or the tags, of all rounds."""
    return verdicts(*pooled(rounds, photographs=photographs), dict.fromkeys(CLASS_NAMES, thresholds))
