"""What the steps before the evaluation leave: simulated tags as files, and packages of the shipped model."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2

import edge_inspector
from cloud_side.training.dataset import Example, LabeledImage, Mode, TrainingData, read_labels
from cloud_side.training.simulated.tags import demo_lots
from edge_inspector.detectors.model_file import Color, ModelPackage, write_manifest

SHIPPED = Path(edge_inspector.__file__).parent / "shipped_model"
CLASSES = ("dent", "scratch")
LOTS, PER_LOT = 4, 4


def tags(seed: int) -> list[Example]:
    """Return sixteen tags of four lots, half of them scratched; a lot is a group."""
    every = demo_lots(seed, PER_LOT, lots=LOTS, defect_rate=0.5)
    return [replace(tag, group=f"lot-{seed + number // PER_LOT}") for number, tag in enumerate(every)]


def write_images(folder: Path, examples: Sequence[Example]) -> list[LabeledImage]:
    """Write tags and their labels as prepare does, and return the rows."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for example in examples:
        name = f"images/{example.name}.png"
        cv2.imwrite(str(folder / name), example.image)
        height, width = example.image.shape[:2]
        boxes = [
            {"label": "scratch", "x": float(x1), "y": float(y1), "width": float(x2 - x1), "height": float(y2 - y1)}
            for x1, y1, x2, y2 in example.boxes
        ]
        row = {"image": name, "group": example.group, "width": width, "height": height, "labelled": True}
        lines.append(json.dumps(row | {"boxes": boxes, "slices": {"station": f"of {example.group}"}}))
    (folder / "labels.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_labels(folder, CLASSES)


def write_data(folder: Path, mode: Mode) -> TrainingData:
    """Write the output of prepare: sixteen tags of the test and as many of the validation, or all in folds."""
    folds: tuple[tuple[str, ...], ...] = ()
    if mode is Mode.SPLIT:
        write_images(folder / "validation", tags(900))
        write_images(folder / "test", tags(950))
    else:
        write_images(folder / "train", tags(950))
        folds = (("lot-950", "lot-951"), ("lot-952", "lot-953"))
    data = TrainingData(
        name="tags",
        version="ab" * 32,
        class_names=CLASSES,
        mode=mode,
        folds=folds,
        model_wh=(320, 224),
        color=Color.GRAY,
        counts={},
    )
    data.write(folder)
    return data


def write_package(folder: Path, class_names: Sequence[str] = ("scratch",)) -> ModelPackage:
    """Write the shipped model's float file as a package whose one class has another name, or which says more."""
    shutil.copytree(SHIPPED, folder)
    package = ModelPackage.open(folder)
    limits = next(iter(package.thresholds(package.file("float32")).values()))
    thresholds = dict.fromkeys(class_names, limits)
    files = (package.file("float32").model_copy(update={"thresholds": None}),)
    changed = {"class_names": tuple(class_names), "thresholds": thresholds, "files": files, "golden": ()}
    write_manifest(folder, package.manifest.model_copy(update=changed))
    return ModelPackage.open(folder)


def write_champion(folder: Path) -> ModelPackage:
    """Write the description and the package of a champion."""
    package = write_package(folder / "package")
    said = {"schema": "edge-inspector/champion/1", "package": "arn", "name": "metal-tags", "version": "1.0.0"}
    (folder / "champion.json").write_text(json.dumps(said | {"next_version": "1.1.0"}), encoding="utf-8")
    return package
