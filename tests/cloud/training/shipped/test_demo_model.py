import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

from cloud_side.cli import main
from cloud_side.training.evaluation.assessment import Difference
from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.evaluation.document import Judged
from cloud_side.training.predictions import read_predictions
from cloud_side.training.shipped.card import shipped_card
from cloud_side.training.shipped.demo_model import Wish, train_demo
from cloud_side.training.shipped.material import golden_tags
from cloud_side.training.shipped.recipe import Recipe
from cloud_side.training.shipped.report import Report
from cloud_side.training.simulated.writing import simulate
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError, ModelError
from tests.cloud.training.shipped.tiny import LONG, TINY

TAGS = os.environ.get("EDGE_INSPECTOR_TAGS")
SHIPPED = Path(__file__).parents[4] / "src/edge_inspector/shipped_model"
PATIENCE_S = 120


@dataclass(frozen=True)
class Made:
    """A model that the recipe made, and where."""

    report: Report
    out: Path
    work: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return a model that knows simulated tags only."""
    root = tmp_path_factory.mktemp("recipe")
    out, work = root / "model", root / "work"
    return Made(train_demo(Wish(out, work), TINY, lambda _: None), out, work)


def test_without_photographs_simulated_tags_take_their_place_and_the_card_says_so(made: Made) -> None:
    card = (made.out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Model card: metal-tags 1.0.0\n")
    assert "8 simulated tags in the place of photographs" in card
    assert "**and no photograph**" in card
    assert "MIT-0" not in card
    assert "`make train-demo TRAIN_ARGS=" in card


def test_the_package_has_its_numbers_and_golden_images_that_are_simulated(made: Made) -> None:
    package = ModelPackage.open(made.out)
    golden = [each.image for each in package.manifest.golden]
    files = [file.path for file in package.manifest.files]
    assert {file.name for file in made.out.iterdir()} == {
        "model.json", "README.md", "metrics.json", *files, *golden
    }  # fmt: skip
    may_leave = [each.image for each in golden_tags()]
    assert golden
    for name in golden:
        image = cv2.imread(str(made.out / name), cv2.IMREAD_GRAYSCALE)
        assert any(np.array_equal(image, each) for each in may_leave)
    metrics = json.loads((made.out / "metrics.json").read_text(encoding="utf-8"))
    said = {name: each.model_dump() for name, each in package.manifest.thresholds.items()}
    assert metrics["candidate"]["thresholds"] == said
    assert [run["seed"] for run in metrics["training"]["runs"]] == [2, 3, 1]
    assert sum(fold["shown"]["images"] for fold in metrics["folds"]) == metrics["tested"]["images"] == 8
    assert (metrics["demo"]["float32"]["images"], metrics["beside"]["images"]) == (8, 16)


def test_the_card_of_photographs_tells_of_parts_license_and_the_champion(made: Made) -> None:
    report = made.report
    scores = report.evaluation.candidate
    rival = Judged("metal-tags", "0.9.0", scores.thresholds, scores.assessment, kept_predictions=5)
    gap = Difference(*[Interval(0.1, 0.05, 0.15)] * 5)
    evaluation = replace(report.evaluation, champion=rival, difference=gap)
    card = shipped_card("# Title\n\nGeneral.\n", replace(report, has_photographs=True, evaluation=evaluation))
    assert card.startswith("# Title\n\nThe model of the demo")
    assert "8 photographs of 8 physical tags" in card
    assert "MIT-0" in card
    assert "## Beside metal-tags 0.9.0" in card
    assert "On 3 images, which it may have been trained on, it was run again." in card
    assert "| +0.100 (+0.050 to +0.150) | +0.100 (+0.050 to +0.150) | +10.0% (+5.0% to +15.0%) |" in card
    assert report.folds[0].groups[0] in card
    assert "`EDGE_INSPECTOR_TAGS=<folder of photographs with labels> make train-demo" in card


@pytest.mark.thorough
def test_a_later_recipe_is_compared_with_the_work_of_an_earlier_one(made: Made, tmp_path: Path) -> None:
    out, other = tmp_path / "model", TINY.with_said({"seed": "5"})
    shutil.copytree(made.out, out)
    kept = read_predictions(made.work / "predictions.jsonl")
    report = train_demo(Wish(out, tmp_path / "work", champion=made.work), other, lambda _: None)
    champion = report.evaluation.champion
    assert champion is not None
    assert champion.kept_predictions == len(kept) == 8
    assert report.evaluation.difference is not None
    assert ModelPackage.open(out).manifest.version == "1.1.0"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "## Beside metal-tags 1.0.0" in card
    assert "may have been trained on" not in card
    assert "--set seed=5" in card


@pytest.mark.thorough
def test_a_recipe_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    out, work = tmp_path / "model", tmp_path / "work"
    command = [sys.executable, "-m", "tests.cloud.training.shipped.tiny", str(out), str(work)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        ends = time.monotonic() + PATIENCE_S
        while not any((work / "checkpoints/fold-1").glob("step-*.pt")):
            assert process.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    lines: list[str] = []
    train_demo(Wish(out, work), LONG, lines.append)
    assert "fold-0: going on from the checkpoint after step 12 of 12" in lines
    assert any(line.startswith("fold-1: going on from the checkpoint after step ") for line in lines)
    assert ModelPackage.open(out).manifest.name == "metal-tags"


@pytest.mark.thorough
@pytest.mark.skipif(TAGS is None, reason="EDGE_INSPECTOR_TAGS does not name the folder with the photographs")
def test_every_part_of_the_photographs_is_held_out_once_and_no_photograph_leaves(tmp_path: Path) -> None:
    tags, out = Path(TAGS or ""), tmp_path / "model"
    report = train_demo(Wish(out, tmp_path / "work", tags), replace(TINY, folds=4), lambda _: None)
    groups = [group for fold in report.folds for group in fold.groups]
    assert len(groups) == len(set(groups)) == report.evaluation.tested.groups
    defects = [fold.shown.defects for fold in report.folds]
    assert max(defects) < 1.3 * min(defects)
    may_leave = [each.image for each in golden_tags()]
    for golden in ModelPackage.open(out).manifest.golden:
        image = cv2.imread(str(out / golden.image), cv2.IMREAD_GRAYSCALE)
        assert any(np.array_equal(image, each) for each in may_leave)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"187 photographs of {len(groups)} physical tags" in card
    assert "MIT-0" in card
    assert "2 images show no defect, far too few" in card


def test_other_hyperparameters_are_taken_and_the_others_stay() -> None:
    said = Recipe().with_said({"iterations": "9000"}).hyperparameters
    assert (said.iterations, said.paste_share, said.simulated_tags) == (9000, 0.5, 1200)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("bach=2", "hyperparameter bach: expected one of"),
        ("batch=0", "hyperparameter batch: "),
        ("iterations=4000", "hyperparameters: expected faint_from below iterations, found 4000 and 4000"),
    ],
)
def test_a_hyperparameter_that_cannot_be_is_refused_before_anything_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: str, told: str
) -> None:
    words = ["--out", str(tmp_path / "model"), "--work", str(tmp_path / "work"), "--set", pair]
    assert main(["train-demo", *words]) == 78
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_something_else_than_a_package_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ConfigError, match="--out: expected a model package, which is replaced, or nothing"):
        train_demo(Wish(tmp_path, tmp_path / "work"), TINY, lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_champion_needs_its_package_its_predictions_and_a_folder_of_its_own(tmp_path: Path) -> None:
    work, champion = tmp_path / "work", tmp_path / "champion"
    with pytest.raises(ModelError, match="champion/package"):
        train_demo(Wish(tmp_path / "model", work, champion=champion), TINY, lambda _: None)
    shutil.copytree(SHIPPED, champion / "package")
    with pytest.raises(ConfigError, match=r"predictions\.jsonl: expected a file of predictions"):
        train_demo(Wish(tmp_path / "model", work, champion=champion), TINY, lambda _: None)
    with pytest.raises(ConfigError, match="--champion: expected another folder than that of the work"):
        train_demo(Wish(tmp_path / "model", work, champion=work), TINY, lambda _: None)


def test_photographs_of_another_product_are_refused(tmp_path: Path) -> None:
    simulate("boards", 2, 1, "rows", tmp_path / "boards")
    with pytest.raises(ConfigError, match="expected labels of the class scratch, found those of"):
        train_demo(Wish(tmp_path / "model", tmp_path / "work", tmp_path / "boards"), TINY, lambda _: None)
