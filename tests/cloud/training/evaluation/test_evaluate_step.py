import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cloud_side.training.dataset import Mode, TrainingData
from cloud_side.training.evaluation.assessment import Judging
from cloud_side.training.evaluation.document import Evaluation
from cloud_side.training.evaluation.thresholds import Costs
from cloud_side.training.predictions import Predictions, read_predictions, write_predictions
from cloud_side.training.steps.evaluate import Folders, main, run
from edge_inspector.detectors.model_file import Color
from edge_inspector.errors import ConfigError, ModelError
from tests.cloud.training.evaluation.models import CLASSES, write_champion, write_data, write_package
from tests.onnx_models import COLOR_NAMES, yolov8_model

QUICK = Judging(Costs(), rounds=50, turns=1)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Return the folders of an evaluation on a split, which is done."""
    root = tmp_path_factory.mktemp("split")
    write_data(root / "data", Mode.SPLIT)
    write_package(root / "packages/final")
    write_champion(root / "champion")
    folders = Folders(root / "data", root / "packages", root / "champion", root / "evaluation")
    evaluate(folders)
    return folders


def evaluate(folders: Folders) -> Evaluation:
    return run(folders, QUICK, report=lambda _: None)


def document(folders: Folders) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folders.out / "evaluation.json").read_text(encoding="utf-8"))
    return found


def candidate_of(folders: Folders) -> Predictions:
    return read_predictions(folders.out / "predictions/candidate.jsonl")


def test_the_test_images_are_scored_and_thresholds_chosen_on_those_of_validation(split: Folders) -> None:
    found = document(split)
    assert found["schema"] == "edge-inspector/evaluation/1"
    assert found["mode"] == "split"
    assert (found["tested"]["images"], found["tested"]["groups"]) == (16, 4)
    assert found["choice"]["chosen_on"] == "validation"
    assert found["choice"]["verdicts_apart"] is None
    candidate = found["candidate"]
    assert candidate["version"] == "1.1.0"  # that of its successor, which the champion's description says
    assert candidate["missing_classes"] == ["dent"]
    assert 0.5 < candidate["map50"]["low"] <= candidate["map50"]["value"] <= candidate["map50"]["high"] <= 1
    assert candidate["classes"]["dent"]["ap50"] is None
    thresholds = json.loads((split.out / "thresholds.json").read_text(encoding="utf-8"))
    assert thresholds == candidate["thresholds"]
    assert set(thresholds) == set(CLASSES)
    assert {image.group for image in candidate_of(split).images} == {"lot-950", "lot-951", "lot-952", "lot-953"}


def test_the_same_model_differs_from_the_champion_in_nothing_but_thresholds(split: Folders) -> None:
    found = document(split)
    assert found["champion"]["thresholds"]["dent"] == {"review_at": 1.0, "reject_at": 1.0}
    assert found["champion"]["kept_predictions"] == 0
    assert found["difference"]["map50"] == {"value": 0, "low": 0, "high": 0}
    assert found["champion"]["latency"]["float32"]["frames"] == found["candidate"]["latency"]["float32"]["frames"]


def test_slices_name_size_contrast_class_and_station(split: Folders) -> None:
    assert {each["by"] for each in document(split)["candidate"]["slices"]} == {"size", "contrast", "class", "station"}


def test_the_page_says_the_numbers_in_words_and_needs_nothing_else(split: Folders) -> None:
    page = (split.out / "evaluation.html").read_text(encoding="utf-8")
    for text in ("Evaluation of metal-tags 1.1.0", "escapes: defective parts accepted", "never found", "of lot-950"):
        assert text in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert len(page) < 5_000_000


@pytest.mark.thorough
def test_an_evaluation_that_is_run_again_gives_the_same(split: Folders, tmp_path: Path) -> None:
    again = replace(split, out=tmp_path)
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions/half").write_text("half", encoding="utf-8")
    evaluate(again)
    first, second = document(split), document(again)
    for each in (first, second):
        for model in ("candidate", "champion"):
            del each[model]["latency"]
    assert first == second
    names = sorted(path.name for path in (tmp_path / "predictions").iterdir())
    assert names == ["candidate.jsonl", "champion.jsonl"]
    for name in names:
        assert (tmp_path / "predictions" / name).read_bytes() == (split.out / "predictions" / name).read_bytes()


def test_each_fold_is_scored_by_the_model_that_does_not_know_it(tmp_path: Path) -> None:
    write_data(tmp_path / "data", Mode.FOLDS)
    packages = tmp_path / "packages"
    for name in ("final", "fold-0"):
        write_package(packages / name)
    write_package(packages / "fold-1", ("bubble",))  # finds no scratch
    folders = Folders(tmp_path / "data", packages, None, tmp_path / "evaluation")
    evaluate(folders)
    found = document(folders)
    assert (found["mode"], found["choice"]["chosen_on"], found["champion"]) == ("folds", "out_of_fold", None)
    assert found["choice"]["verdicts_apart"]["defective"] == found["tested"]["defective"]
    boxes = {image.group: 0 for image in candidate_of(folders).images}
    for image in candidate_of(folders).images:
        boxes[image.group] += len(image.xyxy)
    assert boxes["lot-950"] > 0
    assert boxes["lot-951"] > 0
    assert boxes["lot-952"] == boxes["lot-953"] == 0
    shutil.rmtree(packages / "fold-1")
    with pytest.raises(ModelError, match="fold-1"):
        evaluate(folders)


def test_what_the_champion_found_before_is_kept_with_the_truth_of_now(split: Folders, tmp_path: Path) -> None:
    shutil.copytree(split.champion or "", tmp_path / "champion")
    first, *others = candidate_of(split).images
    before = replace(
        first,
        name="an older name",
        truth_xyxy=np.empty((0, 4), np.float32),
        truth_class_id=np.empty(0, np.int64),
        xyxy=np.array([[1, 2, 30, 40]], np.float32),
        confidence=np.array([0.5], np.float32),
        class_id=np.zeros(1, np.int64),
    )
    write_predictions(tmp_path / "champion/predictions.jsonl", Predictions(("scratch",), (before,)))
    folders = replace(split, champion=tmp_path / "champion", out=tmp_path / "evaluation")
    evaluate(folders)
    kept, *run_now = read_predictions(folders.out / "predictions/champion.jsonl").images
    assert document(folders)["champion"]["kept_predictions"] == 1
    assert kept.name == first.name
    assert kept.xyxy.tolist() == [[1, 2, 30, 40]]
    assert kept.class_id.tolist() == [CLASSES.index("scratch")]
    assert np.array_equal(kept.truth_xyxy, first.truth_xyxy)
    assert all(np.array_equal(now.xyxy, other.xyxy) for now, other in zip(run_now, others, strict=True))


def test_a_model_from_elsewhere_is_scored_on_the_same_images(split: Folders, tmp_path: Path) -> None:
    given = write_package(tmp_path / "given", ("bubble",)).folder
    evaluate(replace(split, given=given, packages=tmp_path / "none", champion=None, out=tmp_path / "evaluation"))
    found = document(replace(split, out=tmp_path / "evaluation"))
    assert found["candidate"]["extra_classes"] == ["bubble"]
    assert found["candidate"]["missing_classes"] == list(CLASSES)
    assert found["candidate"]["map50"]["value"] == 0
    assert "left out" in (tmp_path / "evaluation/evaluation.html").read_text(encoding="utf-8")


def test_a_plain_export_of_another_trainer_is_scored_in_color_at_its_own_size(tmp_path: Path) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[20:24, 36:40] = (0, 0, 255)
    spot = {"label": COLOR_NAMES[0], "x": 32, "y": 16, "width": 16, "height": 16}
    row = {"image": "a.png", "group": "g", "width": 64, "height": 48, "labelled": True, "boxes": [spot]}
    for split in ("validation", "test"):
        folder = tmp_path / "data" / split
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "a.png"), image)
        (folder / "labels.jsonl").write_text(json.dumps(row), encoding="utf-8")
    names = tuple(sorted(COLOR_NAMES))
    TrainingData(
        name="spots", version="1", class_names=names, mode=Mode.SPLIT, model_wh=(64, 32), color=Color.BGR, counts={}
    ).write(tmp_path / "data")
    given = yolov8_model(tmp_path / "best.onnx")
    evaluate(Folders(tmp_path / "data", tmp_path / "none", None, tmp_path / "evaluation", given))
    candidate = document(Folders(tmp_path, tmp_path, None, tmp_path / "evaluation"))["candidate"]
    assert (candidate["name"], candidate["map50"]["value"]) == ("best", pytest.approx(1))


def test_data_without_validation_images_are_refused(split: Folders, tmp_path: Path) -> None:
    shutil.copytree(split.data, tmp_path / "data")
    (tmp_path / "data/validation/labels.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="validation: expected labeled images, found none"):
        evaluate(replace(split, data=tmp_path / "data", out=tmp_path / "evaluation"))


def test_the_job_reads_below_its_root_and_tells_why_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Folders
) -> None:
    monkeypatch.setenv("EDGE_INSPECTOR_ML_ROOT", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["evaluate", "--escape-cost", "0"])
    assert main() == 1
    assert "costs: expected an escape" in (tmp_path / "output/message").read_text(encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["evaluate", "--rounds", "20", "--turns", "1", "--defect-rate", "0"])
    assert main() == 1
    assert "dataset.json" in (tmp_path / "output/message").read_text(encoding="utf-8")
    for name, folder in (("data", split.data), ("packages", split.packages), ("champion", split.champion)):
        shutil.copytree(str(folder), tmp_path / "processing/input" / name)
    assert main() == 0
    found = document(replace(split, out=tmp_path / "processing/output/evaluation"))
    assert (found["costs"]["defect_rate"], found["bootstrap"]["rounds"]) == (None, 20)


def test_more_predictions_beside_have_a_say_in_the_thresholds_and_none_in_the_scores(
    split: Folders, tmp_path: Path
) -> None:
    first, *_ = candidate_of(split).images
    alarm = {
        "truth_xyxy": np.empty((0, 4), np.float32),
        "truth_class_id": np.empty(0, np.int64),
        "xyxy": np.array([[1, 2, 30, 40]], np.float32),
        "confidence": np.array([0.97], np.float32),
        "class_id": np.array([CLASSES.index("scratch")], np.int64),
    }
    clean = tuple(replace(first, name=f"clean {n:03}", group=f"of the line {n}", **alarm) for n in range(200))
    found = run(replace(split, out=tmp_path), QUICK, lambda _: None, beside=Predictions(CLASSES, clean))
    before = document(split)["candidate"]
    assert before["thresholds"]["scratch"]["reject_at"] < 0.97 < found.candidate.thresholds["scratch"].reject_at
    assert document(replace(split, out=tmp_path))["candidate"]["map50"] == before["map50"]
    assert found.tested.images == 16
