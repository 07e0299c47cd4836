"""The recipe of the shipped model: cross-validate, choose thresholds, train on everything, write the package.

Thresholds and numbers come from the folds; the shipped model is trained once more on all parts, for the same fixed
number of steps.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cloud_side.training.dataset import CLASS_NAMES, Example, dataset_version, load_examples, read_labels
from cloud_side.training.evaluation.evaluate import accuracy, detect_all, inference_times_ms, verdicts
from cloud_side.training.evaluation.limits import Limits, choose_thresholds
from cloud_side.training.exporting.package import Lineage
from cloud_side.training.learning.loop import train
from cloud_side.training.network.model import Network, count_parameters
from cloud_side.training.shipped.card import model_card
from cloud_side.training.shipped.cross_validation import (
    HeldOut,
    cross_validate,
    fold_result,
    hold_out,
    pooled,
    pooled_accuracy,
    pooled_verdicts,
)
from cloud_side.training.shipped.recipe import DEMO_SEED, TRAINING_SEED, Recipe, Report
from cloud_side.training.shipped.report import DemoReport, SimulatedResult, flat_metrics, write_metrics
from cloud_side.training.shipped.tag_package import FILE_NAME, Contents, write_package
from cloud_side.training.simulated.tags import demo_lots, training_tags
from edge_inspector.detectors.model_file import Thresholds

CARD_NAME = "README.md"
TIMED_TAGS = 50


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


def train_demo(  # noqa: PLR0913 - the options of the command
    tags: Path | None,
    out: Path,
    *,
    folds: int = 4,
    iterations: int | None = None,
    seed: int = 1,
    recipe: Recipe | None = None,
    report: Report = _to_stderr,
) -> DemoReport:
    """Train the demo model and write its package.

    Args:
        tags: Folder with `labels.jsonl`; None trains on simulated tags alone, and the card says so.
        out: Folder of the package; its files are replaced once the new package is complete.
        folds: Of the cross-validation over photographs.
        iterations: Steps of each training run; by default the recipe's.
        seed: Of the final model; fold n uses `seed + 1 + n`.
        recipe: Sizes; by default those of the shipped model.
        report: Gets lines of progress.

    Raises:
        ConfigError: If the labels are bad or there are fewer parts than folds.
    """
    recipe = recipe or Recipe()
    plan = replace(recipe.plan, seed=seed, iterations=iterations or recipe.plan.iterations)
    recipe = replace(recipe, plan=plan)
    rows = read_labels(tags) if tags is not None else []
    photographs = load_examples(rows)
    report(_opening(photographs, recipe))
    simulated = training_tags(TRAINING_SEED, recipe.training_tags, defect_rate=recipe.training_defect_rate)
    rounds = cross_validate(photographs, simulated, recipe, folds, report) if photographs else []
    report("the model to ship: trained on everything")
    final = train(photographs, simulated, plan, report=report)
    if not rounds:
        rounds = [hold_out(final.model, [], recipe, fold=0, seed=seed, seconds=final.seconds)]
    thresholds = _thresholds(rounds)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        demo, inference_ms = _on_demo_tags(final.model, folder, thresholds, recipe)
        result = DemoReport(
            lineage=Lineage(
                dataset_version=dataset_version(rows) if rows else f"simulated:{TRAINING_SEED}",
                git_commit=_git_commit(),
                trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
            ),
            photographs=len(photographs),
            simulated=len(simulated),
            iterations=plan.iterations,
            seed=seed,
            model_wh=plan.shape.model_wh,
            parameters=count_parameters(final.model),
            file_bytes=(folder / FILE_NAME).stat().st_size,
            review_at=thresholds.review_at,
            reject_at=thresholds.reject_at,
            folds=tuple(fold_result(each, thresholds) for each in rounds if each.photographs),
            pooled=pooled_accuracy(rounds, thresholds) if photographs else None,
            photograph_verdicts=pooled_verdicts(rounds, thresholds, photographs=True) if photographs else None,
            validation_verdicts=pooled_verdicts(rounds, thresholds, photographs=False),
            demo=demo,
            inference_ms=inference_ms,
            training_seconds=final.seconds,
        )
        contents = Contents(dict.fromkeys(CLASS_NAMES, thresholds), result.lineage, flat_metrics(result))
        write_package(folder, final.model, contents, golden=True)
        write_metrics(folder, result)
        (folder / CARD_NAME).write_text(model_card(result), encoding="utf-8")
        _replace_files(folder, out)
    report(f"model package written to {out}")
    return result


def _thresholds(rounds: Sequence[HeldOut]) -> Thresholds:
    photographs, on_photographs = pooled(rounds, photographs=True)
    tags, on_tags = pooled(rounds, photographs=False)
    return choose_thresholds([*photographs, *tags], [*on_photographs, *on_tags], Limits())


def _on_demo_tags(
    model: Network, folder: Path, thresholds: Thresholds, recipe: Recipe
) -> tuple[SimulatedResult, float]:
    """Return the numbers of the shipped model on tags of the demo's line, and its median time in milliseconds."""
    limits = dict.fromkeys(CLASS_NAMES, thresholds)
    package = write_package(folder, model, Contents(limits), golden=False)
    tags = demo_lots(DEMO_SEED, recipe.demo_tags, lots=recipe.lots, defect_rate=recipe.validation_defect_rate)
    found = detect_all(package, tags)
    result = SimulatedResult(
        DEMO_SEED,
        recipe.lots,
        len(tags),
        accuracy(tags, found, threshold=thresholds.review_at),
        verdicts(tags, found, limits),
    )
    return result, median(inference_times_ms(package, tags[:TIMED_TAGS]))


def _opening(photographs: Sequence[Example], recipe: Recipe) -> str:
    if photographs:
        return f"{len(photographs)} labeled photographs and {recipe.training_tags} simulated tags"
    return (
        f"no photographs (EDGE_INSPECTOR_TAGS is not set): training on {recipe.training_tags} simulated tags alone; "
        "the model will know nothing of real parts"
    )


def _git_commit() -> str | None:
    """Return the commit of this code and whether it was changed since; None where there is no commit."""
    commit = _git("rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    changed = _git("status", "--porcelain", "--", ".")
    return f"{commit} and uncommitted changes" if changed else commit


def _git(*arguments: str) -> str:
    """Return what git says about this folder; nothing where it cannot."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - whichever git the developer uses
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _replace_files(source: Path, target: Path) -> None:
    """Put a finished package in place of the old one; a run that was interrupted before left the old one alone."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        if old.is_file():
            old.unlink()
    for file in sorted(source.iterdir()):
        shutil.copy2(file, target / file.name)
