"""A data set of simulated tags, and packages of the shipped model, which was trained on such tags."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cloud_side.training.dataset import Mode, TrainingData, read_labels
from cloud_side.training.evaluation.detecting import detect
from cloud_side.training.exporting.int8_rules import Int8Limits
from cloud_side.training.exporting.package import (
    Contents,
    Lineage,
    OnnxFile,
    network_input,
    network_output,
    no_thresholds,
    write_package,
)
from cloud_side.training.predictions import pooled, write_predictions
from cloud_side.training.simulated.tags import simulated_examples
from edge_inspector.detectors.model_file import Color, ModelPackage

SHIPPED = Path(__file__).resolve().parents[4] / "src/edge_inspector/shipped_model"
TRAIN, TEST = 8, 4
# How fast INT8 is depends on what else this machine does.
LENIENT = Int8Limits(map50_drop=0.05, speed_ratio=1000)
FOLDS = (("part-0", "part-1"), ("part-2", "part-3"))


@dataclass(frozen=True)
class Run:
    """Folders of a training run, as the steps before optimize leave them."""

    packages: Path
    data: Path
    evaluation: Path
    champion: Path


def write_rows(folder: Path, seed: int, count: int) -> None:
    """Write simulated tags as a part of a data set, two of each part."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, tag in enumerate(simulated_examples(seed, count, defect_rate=0.7)):
        name = f"images/{seed}-{number}.png"
        cv2.imwrite(str(folder / name), tag.image)
        boxes = [
            {"label": "scratch", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
            for x1, y1, x2, y2 in tag.boxes.tolist()
        ]
        sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        row = {"image": name, "sha256": sha256, "group": f"part-{number // 2}", "width": 450, "height": 300}
        rows.append(json.dumps({**row, "labelled": True, "boxes": boxes, "slices": {}}))
    (folder / "labels.jsonl").write_text("".join(row + "\n" for row in rows), encoding="utf-8")


def write_data(folder: Path, mode: Mode, *, class_names: Sequence[str] = ("scratch",)) -> TrainingData:
    """Write a data set as prepare does."""
    write_rows(folder / "train", 1, TRAIN)
    (folder / "test").mkdir()
    (folder / "test/labels.jsonl").touch()
    if mode is Mode.SPLIT:
        shutil.rmtree(folder / "test")
        write_rows(folder / "test", 2, TEST)
    described = TrainingData(
        name="Metal tags",
        version="sha256:abc",
        class_names=tuple(class_names),
        mode=mode,
        folds=FOLDS if mode is Mode.FOLDS else (),
        model_wh=(320, 224),
        color=Color.GRAY,
        counts={},
    )
    described.write(folder)
    return described


def write_training(folder: Path, runs: Sequence[str], *, class_names: Sequence[str] = ("scratch",)) -> None:
    """Write `training.json` as training does."""
    document = {
        "schema": "edge-inspector/training/1",
        "hyperparameters": {"size": "nano", "iterations": 2000, "seed": 1},
        "dataset": {"name": "Metal tags", "version": "sha256:abc", "class_names": list(class_names)},
        "model_wh": [320, 224],
        "color": "gray",
        "git_commit": "af2303cd",
        "trained_at": "2026-11-24T02:48:16+00:00",
        "torch": "2.13.0",
        "begun_from": None,
        "runs": [
            {"run": run, "seed": 1, "iterations": 2000, "seconds": 320.0, "parameters": 1013009, "images_per_s": 50.0}
            for run in runs
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.json").write_text(json.dumps(document), encoding="utf-8")


def deaf_model() -> bytes:
    """Return a model that takes and gives what the shipped one does, finds nothing, and is made fast."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["cast", "first"], ["cells"], strides=[32, 32]),
        helper.make_node("Conv", ["cells", "second", "levels"], ["maps"]),
        helper.make_node("Sigmoid", ["maps"], ["values"]),
        helper.make_node("Reshape", ["values", "columns"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["detections"], perm=[0, 2, 1]),
    ]
    constants = {
        "first": np.full((2, 1, 32, 32), 1e-3, np.float32),
        "second": np.zeros((5, 2, 1, 1), np.float32),
        "levels": np.array([-20, -20, 20, 20, -20], np.float32),
        "columns": np.array([1, 5, -1]),
    }
    graph = helper.make_graph(
        nodes,
        "deaf",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 1, 224, 320])],
        [helper.make_tensor_value_info("detections", TensorProto.FLOAT, [1, 70, 5])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def write_run(folder: Path, mode: Mode, content: bytes) -> Run:
    """Write what the steps before optimize leave; every model is the same."""
    run = Run(*(folder / name for name in ("packages", "data", "evaluation", "champion")))
    described = write_data(run.data, mode)
    names = ["final"] if mode is Mode.SPLIT else ["fold-0", "fold-1", "final"]
    contents = Contents(
        "metal-tags",
        network_input((320, 224), Color.GRAY, name="image"),
        network_output(name="detections"),
        ("scratch",),
        no_thresholds(["scratch"]),
        Lineage("0.0.0"),
    )
    packages = {name: write_package(run.packages / name, contents, [OnnxFile(content)]) for name in names}
    write_training(run.packages, names)
    if mode is Mode.SPLIT:
        found = detect(packages["final"], read_labels(run.data / "test"))
    else:
        rows = read_labels(run.data / "train")
        found = pooled(
            detect(packages[f"fold-{number}"], [row for row in rows if row.group in groups])
            for number, groups in enumerate(described.folds)
        )
    write_predictions(run.evaluation / "predictions/candidate.jsonl", found)
    (run.evaluation / "thresholds.json").write_text('{"scratch": {"review_at": 0.6, "reject_at": 0.78}}')
    run.champion.mkdir()
    succession = {
        "schema": "edge-inspector/champion/1",
        "package": None,
        "name": "metal-tags",
        "version": None,
        "next_version": "1.4.0",
        "dataset_version": None,
        "run": None,
    }
    (run.champion / "champion.json").write_text(json.dumps(succession))
    return run


def optimize_run(run: Run, out: Path, **said: Any) -> None:
    """Run optimize on few images."""
    pytest.importorskip("onnx", reason="INT8 needs the extra edge-inspector-cloud[train], which is not installed")
    from cloud_side.training.steps import optimize  # noqa: PLC0415

    folders = run.packages, run.data, run.evaluation, run.champion
    optimize.run(*folders, package=out / "package", optimization=out / "optimization", images=3, **said)


@pytest.fixture(scope="session")
def shipped_content() -> bytes:
    """Return the shipped model's ONNX file."""
    package = ModelPackage.open(SHIPPED)
    return package.read(package.file("float32"))


@pytest.fixture(scope="session")
def split_run(shipped_content: bytes, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run whose images are split, of the shipped model."""
    return write_run(tmp_path_factory.mktemp("split"), Mode.SPLIT, shipped_content)


@pytest.fixture(scope="session")
def optimized(split_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that optimize has written into, over the rests of another run."""
    out = tmp_path_factory.mktemp("optimized")
    (out / "package").mkdir()
    (out / "package/of-a-run-that-was-killed.onnx").touch()
    optimize_run(split_run, out, limits=LENIENT)
    return out


@pytest.fixture(scope="session")
def shipped_int8(optimized: Path) -> bytes:
    """Return the shipped model's INT8 form."""
    return (optimized / "package/metal-tags.int8.onnx").read_bytes()
