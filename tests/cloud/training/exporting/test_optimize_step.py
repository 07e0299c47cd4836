import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="INT8 needs the extra edge-inspector-cloud[train], which is not installed")

from cloud_side.training.dataset import Mode
from cloud_side.training.exporting.int8_rules import Wish
from cloud_side.training.exporting.optimizing import held
from cloud_side.training.exporting.package import no_thresholds
from cloud_side.training.places import ROOT_VARIABLE
from cloud_side.training.predictions import read_predictions
from cloud_side.training.steps import optimize
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.verification import verify
from edge_inspector.errors import ConfigError, InspectorError
from tests.cloud.training.exporting.conftest import (
    FOLDS,
    LENIENT,
    Run,
    deaf_model,
    optimize_run,
    write_data,
    write_run,
)


def said_in(folder: Path) -> Any:
    return json.loads((folder / "optimization/optimization.json").read_text())


@pytest.fixture(scope="module")
def deaf_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("deaf"), Mode.SPLIT, deaf_model())


def test_a_good_int8_file_lies_beside_the_float_one_and_both_pass_the_self_test(
    optimized: Path, split_run: Run
) -> None:
    package, said = ModelPackage.open(optimized / "package"), said_in(optimized)
    manifest = package.manifest
    assert [(file.path, file.precision) for file in manifest.files] == [
        ("metal-tags.onnx", "float32"),
        ("metal-tags.int8.onnx", "int8"),
    ]
    assert {path.name for path in package.folder.iterdir()} == {
        "model.json", "metal-tags.onnx", "metal-tags.int8.onnx", "README.md",
        "golden-0.png", "golden-1.png", "golden-2.png",
    }  # fmt: skip
    for file in manifest.files:
        with OnnxDetector(package, file) as detector:
            assert [check.problems for check in verify(package, detector)] == [(), (), ()]
    assert said["kept"] is True
    assert str(said["reason"]).startswith("INT8 is kept: mAP50")
    found = read_predictions(optimized / "optimization/predictions/int8.jsonl")
    exact = read_predictions(split_run.evaluation / "predictions/candidate.jsonl")
    assert [image.sha256 for image in found.images] == [image.sha256 for image in exact.images]


def test_the_package_carries_its_version_thresholds_lineage_and_scores(
    optimized: Path,
) -> None:
    manifest, said = ModelPackage.open(optimized / "package").manifest, said_in(optimized)
    assert (manifest.name, manifest.version) == ("metal-tags", "1.4.0")
    assert (manifest.dataset_version, manifest.git_commit) == ("sha256:abc", "af2303cd")
    assert manifest.trained_at == "2026-11-24T02:48:16+00:00"
    limits = manifest.thresholds["scratch"]
    assert (limits.review_at, limits.reject_at) == (0.6, 0.78)
    exact, small = (file.metrics for file in manifest.files)
    assert exact["map50"] == pytest.approx(said["map50_float"], abs=1e-4)
    assert small["map50"] == pytest.approx(said["map50_int8"], abs=1e-4)
    assert exact["map50"] > 0.8
    assert set(exact) == {"map50", "map50_95", "escapes", "overkill"}


def test_the_card_says_what_was_measured_and_on_what(optimized: Path) -> None:
    card = (optimized / "package/README.md").read_text(encoding="utf-8")
    assert card.startswith("# Model card: metal-tags 1.4.0\n")
    assert "On 4 images of 2 parts or lots" in card
    assert "kept out of training" in card
    assert "| float32 | " in card
    assert "| int8 | " in card
    assert f"{said_in(optimized)['reason']}." in card
    assert "| scratch | 0.60 | 0.78 |" in card


def test_a_reason_against_int8_is_told_and_the_float_file_goes_alone(
    deaf_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the processing job does it; where INT8 is required, the job fails with the reason."""
    given, out = tmp_path / "processing/input", tmp_path / "processing/output"
    for name in ("packages", "data", "evaluation", "champion"):
        shutil.copytree(getattr(deaf_run, name), given / name)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert optimize.main(["--images", "2", "--most-ratio", "0"]) == 0
    said = said_in(out)
    assert said["kept"] is False
    assert said["reason"].startswith("INT8 is left out: ")
    assert "a frame takes " in said["reason"]
    assert said["map50_int8"] >= 0
    assert [file.precision for file in ModelPackage.open(out / "package").manifest.files] == ["float32"]
    assert not (out / "package/metal-tags.int8.onnx").exists()
    card = (out / "package/README.md").read_text()
    assert said["reason"] in card
    assert "| int8 |" not in card
    capsys.readouterr()
    assert optimize.main(["--int8", "required", "--images", "1", "--most-ratio", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("INT8 is left out: ")
    assert (tmp_path / "output/message").read_text() == line
    assert list((out / "package").iterdir()) == []  # nobody takes the package of the run before for this one's


def test_without_the_wish_for_int8_it_is_not_tried(deaf_run: Run, tmp_path: Path) -> None:
    optimize_run(deaf_run, tmp_path, int8=Wish.NEVER)
    assert len(ModelPackage.open(tmp_path / "package").manifest.files) == 1
    said = said_in(tmp_path)
    assert said == {
        "schema": "edge-inspector/optimization/1",
        "kept": False,
        "reason": "INT8 is left out: it was not asked for",
        "map50_float": said["map50_float"],
        "map50_int8": None,
        "speed_ratio": None,
        "parity": None,
    }


@pytest.mark.thorough
def test_in_folds_each_int8_file_is_run_on_the_images_that_its_model_does_not_know(
    shipped_content: bytes, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", Mode.FOLDS, shipped_content)
    optimize_run(run, tmp_path, limits=LENIENT)
    found = read_predictions(tmp_path / "optimization/predictions/int8.jsonl")
    assert found.groups == tuple(sorted(group for fold in FOLDS for group in fold))
    assert len(found) == 8
    assert said_in(tmp_path)["parity"]["images"] == 8
    card = (tmp_path / "package/README.md").read_text()
    assert "had not seen its part" in card


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("evaluation/thresholds.json", '{"dent": {"review_at": 0, "reject_at": 1}}', "of scratch, found dent"),
        ("evaluation/thresholds.json", '{"scratch": {"review_at": 2, "reject_at": 3}}', "review_at: Input"),
        ("evaluation/thresholds.json", None, "expected a file of an earlier step, found: No such file"),
        ("champion/champion.json", '{"schema": "edge-inspector/champion/1"}', "next_version: Field required"),
        ("packages/final/metal-tags.onnx", "no model", "expected sha256"),
        ("data/test/labels.jsonl", "", "to calibrate on and to test on, found too few"),
    ],
)
def test_a_damaged_file_is_named(file: str, content: str | None, expected: str, deaf_run: Run, tmp_path: Path) -> None:
    names = ("packages", "data", "evaluation", "champion")
    for name in names:
        shutil.copytree(getattr(deaf_run, name), tmp_path / name)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(InspectorError, match=expected):
        optimize_run(Run(*(tmp_path / name for name in names)), tmp_path / "out")


def test_a_fold_whose_model_knows_no_image_is_refused(tmp_path: Path) -> None:
    described = write_data(tmp_path, Mode.FOLDS)
    alone = described.model_copy(update={"folds": ((*FOLDS[0], *FOLDS[1]),)})
    assert len(held(tmp_path, described)) == 3
    with pytest.raises(ConfigError, match="to calibrate on and to test on, found too few"):
        held(tmp_path, alone)


def test_before_thresholds_are_chosen_every_box_is_wanted_and_none_rejects() -> None:
    assert {name: (each.review_at, each.reject_at) for name, each in no_thresholds(["a", "b"]).items()} == {
        "a": (0.0, 1.0),
        "b": (0.0, 1.0),
    }
