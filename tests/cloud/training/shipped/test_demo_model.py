import json
import os
from pathlib import Path

import cv2
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")
pytest.importorskip("faster_coco_eval", reason="evaluation needs the extra edge-inspector-cloud[train]")

from cloud_side.training.dataset import load_examples, read_labels
from cloud_side.training.folds import group_sizes, grouped_folds
from cloud_side.training.learning.plan import Plan
from cloud_side.training.network.model import Shape
from cloud_side.training.shipped.demo_model import train_demo
from cloud_side.training.shipped.recipe import Recipe
from cloud_side.training.simulated.tags import simulated_examples
from edge_inspector.detectors.model_file import ModelPackage

pytestmark = pytest.mark.thorough

TINY = Recipe(
    plan=Plan(
        iterations=4, batch=2, shape=Shape(model_wh=(160, 128), widths=(8, 8, 8, 8, 8), depths=(0, 0, 0, 0), neck=8)
    ),
    training_tags=6,
    validation_tags=4,
    demo_tags=4,
    lots=2,
)
TAGS = os.environ.get("EDGE_INSPECTOR_TAGS")


def photographs(folder: Path, groups: int) -> Path:
    """Write simulated tags as if they were photographs, two of each part."""
    rows = []
    for number, tag in enumerate(simulated_examples(3, 2 * groups, defect_rate=1)):
        cv2.imwrite(str(folder / f"{number}.png"), tag.image)
        boxes = [
            {"label": "scratch", "x": int(x1), "y": int(y1), "width": int(x2) - int(x1), "height": int(y2) - int(y1)}
            for x1, y1, x2, y2 in tag.boxes
        ]
        row = {"image": f"{number}.png", "group": f"tag-{number // 2}", "width": 450, "height": 300}
        rows.append(json.dumps({**row, "labelled": True, "boxes": boxes}))
    (folder / "labels.jsonl").write_text("\n".join(rows))
    return folder


def test_without_photographs_the_model_is_trained_on_simulated_tags_and_says_so(tmp_path: Path) -> None:
    lines: list[str] = []
    report = train_demo(None, tmp_path / "model", recipe=TINY, report=lines.append)
    assert report.folds == ()
    assert report.pooled is None
    assert "no photographs" in lines[0]
    card = (tmp_path / "model" / "README.md").read_text()
    assert "**and no photograph**" in card
    assert ModelPackage.open(tmp_path / "model").manifest.dataset_version == "simulated:1000"


def test_with_photographs_every_part_is_held_out_once_and_reported(tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / "old.onnx").write_bytes(b"of an earlier model")
    tags = photographs(tmp_path, groups=3)
    report = train_demo(tags, out, folds=3, recipe=TINY, seed=7, iterations=2, report=len)
    assert sorted(group for fold in report.folds for group in fold.groups) == ["tag-0", "tag-1", "tag-2"]
    assert [fold.seed for fold in report.folds] == [8, 9, 10]
    assert report.iterations == 2
    assert {file.name for file in out.iterdir()} == {
        "model.json", "metal-tags.onnx", "metrics.json", "README.md", "golden-0.png", "golden-1.png", "golden-2.png"
    }  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    assert len(metrics["folds"]) == 3
    assert metrics["seed"] == 7
    package = ModelPackage.open(out)
    limits = package.manifest.thresholds["scratch"]
    assert (limits.review_at, limits.reject_at) == (report.review_at, report.reject_at)
    assert package.manifest.dataset_version is not None
    assert package.manifest.dataset_version.startswith("sha256:")


@pytest.mark.skipif(TAGS is None, reason="EDGE_INSPECTOR_TAGS does not name the folder with the photographs")
def test_the_photographs_split_into_four_folds_by_part() -> None:
    rows = read_labels(Path(TAGS or ""))
    examples = load_examples(rows)
    assert len(rows) > len(examples)
    folds = grouped_folds(group_sizes(examples), 4)
    sizes = [sum(len(example.boxes) for example in folds.split(examples, fold)[1]) for fold in range(4)]
    assert max(sizes) < 1.3 * min(sizes)
