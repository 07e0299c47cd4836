import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.network.weights import read_weights
from cloud_side.training.places import ROOT_VARIABLE
from cloud_side.training.steps.train import Folders, main, run
from edge_inspector.errors import ConfigError
from tests.cloud.training.learning.datasets import tags, write_data, write_job

Done: TypeAlias = tuple[Path, dict[str, Any], list[str]]
FEW = {"iterations": 2, "batch": 2, "threads": 1}


def folders(root: Path, name: str = "a") -> Folders:
    (root / name / "model").mkdir(parents=True, exist_ok=True)
    return Folders(root / "data/train", root / name / "model", root / name / "checkpoints", root / "data/validation")


def trained(where: Folders, report: Callable[[str], object] = len, **said: object) -> dict[str, Any]:
    return run(where, Hyperparameters.parse({**FEW, **said}), report=report)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Where a job was done, its record, and what it told."""
    root = tmp_path_factory.mktemp("done")
    write_data(root / "data", tags(4), tags(6)[4:])
    lines: list[str] = []
    return root, trained(folders(root), lines.append), lines


def test_a_split_gives_one_model_with_record_curve_and_report(done: Done) -> None:
    root, document, lines = done
    model = root / "a/model"
    assert json.loads((model / "training.json").read_text()) == document
    assert document["schema"] == "edge-inspector/training/1"
    assert document["dataset"] == {"name": "tags", "version": "sha256:0", "class_names": ["scratch"]}
    assert document["hyperparameters"] == Hyperparameters.parse(FEW).model_dump()
    assert document["begun_from"] is None
    assert [(each["run"], each["iterations"], each["seed"]) for each in document["runs"]] == [("final", 2, 1)]
    network, names = read_weights(model / "weights/final.pt")
    assert (names, network.shape.model_wh, network.shape.channels) == (("scratch",), (96, 64), 1)
    points = [json.loads(line) for line in (model / "curves.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == [1, 2]
    assert "map50" in points[-1]
    page = (model / "report.html").read_text()
    assert page.count("data:image/jpeg") == 2
    assert "box loss" in page
    assert "new weights" in page
    assert any(line.startswith("final: step 2/2  map50 0.") for line in lines)


def test_folds_give_a_model_each_and_one_that_knows_all(tmp_path: Path) -> None:
    write_data(tmp_path / "data", tags(4, color=True), folds=2)
    lines: list[str] = []
    document = trained(folders(tmp_path), lines.append, iterations=1)
    assert [(each["run"], each["seed"]) for each in document["runs"]] == [("fold-0", 2), ("fold-1", 3), ("final", 1)]
    assert sorted(file.name for file in (tmp_path / "a/model/weights").iterdir()) == [
        "final.pt",
        "fold-0.pt",
        "fold-1.pt",
    ]
    assert read_weights(tmp_path / "a/model/weights/fold-1.pt")[0].shape.channels == 3
    assert "fold-0: 2 images to learn from, 2 held out, seed 2" in lines
    assert "final: 4 images to learn from, 0 held out, seed 1" in lines
    again: list[str] = []
    trained(folders(tmp_path), again.append, iterations=1)
    assert sum("going on from the checkpoint after step 1 of 1" in line for line in again) == 3
    assert not [line for line in again if "loss" in line]


def from_champion(
    root: Path, champion: Path, report: Callable[[str], object] = len, said: str = '"1.2.0"'
) -> dict[str, Any]:
    (champion / "champion.json").write_text(f'{{"schema": "edge-inspector/champion/1", "version": {said}}}')
    begun = replace(folders(root, champion.name), champion=champion, validation=None)
    asked = {"start_from": "champion", "iterations": 1, "learning_rate": 1e-12, "weight_decay": 0, "average": 0}
    return trained(begun, report, **asked)


def test_training_begins_with_the_weights_of_the_champion(done: Done, tmp_path: Path) -> None:
    shutil.copyfile(done[0] / "a/model/weights/final.pt", tmp_path / "weights.pt")
    lines: list[str] = []
    assert from_champion(done[0], tmp_path, lines.append)["begun_from"] == "1.2.0"
    assert any(line.startswith("begun from the champion 1.2.0: ") and "known: scratch" in line for line in lines)
    before, _ = read_weights(tmp_path / "weights.pt")
    after, _ = read_weights(done[0] / tmp_path.name / "model/weights/final.pt")
    assert torch.allclose(before.stem[0][0].weight, after.stem[0][0].weight, atol=1e-6)
    assert "champion 1.2.0" in (done[0] / tmp_path.name / "model/report.html").read_text()


def test_a_champion_whose_weights_are_not_kept_is_told_of_and_training_begins_anew(done: Done, tmp_path: Path) -> None:
    lines: list[str] = []
    assert from_champion(done[0], tmp_path, lines.append)["begun_from"] is None
    assert "start_from champion: no weights of a champion are kept, so training begins anew" in lines


def test_weights_of_a_champion_that_nobody_names_are_refused(done: Done, tmp_path: Path) -> None:
    shutil.copyfile(done[0] / "a/model/weights/final.pt", tmp_path / "weights.pt")
    with pytest.raises(
        ConfigError, match=r"champion\.json: version: expected that of the weights beside it, found None"
    ):
        from_champion(done[0], tmp_path, said="null")


def test_checkpoints_of_other_data_are_refused(done: Done, tmp_path: Path) -> None:
    write_data(tmp_path / "data", tags(2))
    others = replace(folders(done[0]), train=tmp_path / "data/train")
    with pytest.raises(ConfigError, match=r"checkpoint of another training: expected images"):
        trained(others)


def test_simulated_tags_fit_grey_images_with_scratches_only(tmp_path: Path) -> None:
    write_data(tmp_path / "data", tags(2, color=True))
    with pytest.raises(ConfigError, match="simulated_tags: expected grey images with the class scratch, found bgr"):
        trained(folders(tmp_path), simulated_tags=4)


def test_a_job_says_why_it_failed_where_sagemaker_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    write_job(tmp_path, {"batch": "many"})
    assert main() == 1
    assert (tmp_path / "output/failure").read_text().startswith("hyperparameter batch: ")
    (tmp_path / "input/config/hyperparameters.json").unlink()
    assert main() == 1
    assert "expected the job's hyperparameters.json" in (tmp_path / "output/failure").read_text()
    (tmp_path / "input/config/hyperparameters.json").write_text("[]")
    assert main() == 1
    assert "expected values by name, found list" in (tmp_path / "output/failure").read_text()
    write_job(tmp_path, {"batch": 2}, {"hosts": "algo-1", "current_host": "algo-3"})
    assert main() == 1
    assert "current_host: expected one of" in (tmp_path / "output/failure").read_text()
