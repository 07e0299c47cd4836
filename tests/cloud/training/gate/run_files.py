"""The files that the steps before the gate leave, of models that find as much as a test says."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cloud_side.training.dataset import Mode, TrainingData
from cloud_side.training.evaluation.assessment import Judging, assess
from cloud_side.training.evaluation.document import Evaluation, Judged, Tested, write_evaluation
from cloud_side.training.evaluation.latency import Latency
from cloud_side.training.evaluation.thresholds import Choice, Costs
from cloud_side.training.gate.reading import Folders
from cloud_side.training.predictions import Prediction, Predictions, write_predictions
from edge_inspector.detectors.model_file import Color, Thresholds
from edge_inspector.geometry import as_boxes

VERSION = "9c" * 32
GROUPS, PARTS = 30, 3
THRESHOLDS = {"scratch": Thresholds(review_at=0.3, reject_at=0.6)}
JUDGING = Judging(Costs(defect_rate=None), rounds=50)
BOX = as_boxes([[10, 10, 40, 30]])
Changed = Callable[[dict[str, Any]], object]


def found(
    confidence: Callable[[int, int], float], *, shift: float = 0.0, clean: bool = True, groups: int = GROUPS
) -> Predictions:
    """Return predictions: every third part is good, if there are good ones; a confidence by group and part."""
    images = []
    for group in range(groups):
        for part in range(PARTS):
            is_defective = bool(part % 3) or not clean
            score = confidence(group, part)
            images.append(
                Prediction(
                    name=f"{group:02}-{part}.png",
                    sha256=f"{group:02}{part:02}" * 16,
                    group=f"lot-{group:02}",
                    width=64,
                    height=48,
                    truth_xyxy=BOX if is_defective else as_boxes([]),
                    truth_class_id=np.zeros(int(is_defective), np.int64),
                    xyxy=BOX + np.float32(shift) if score else as_boxes([]),
                    confidence=np.array([score] if score else [], np.float32),
                    class_id=np.zeros(int(score > 0), np.int64),
                )
            )
    return Predictions(("scratch",), tuple(images))


def with_another_box(predictions: Predictions, *, every: int) -> Predictions:
    """Return predictions with a sure box where there is no defect, on every so many images."""
    beside = as_boxes([[45, 35, 60, 46]])
    images = tuple(
        replace(
            image,
            xyxy=np.concatenate((image.xyxy, beside)),
            confidence=np.append(image.confidence, np.float32(0.8)),
            class_id=np.append(image.class_id, 0),
        )
        if number % every == 0
        else image
        for number, image in enumerate(predictions.images)
    )
    return Predictions(predictions.class_names, images)


def all_of_them(_group: int, part: int) -> float:
    return 0.9 if part % 3 else 0.0


def most_of_them(group: int, part: int) -> float:
    return 0.0 if (group, part) in {(0, 1), (4, 2), (18, 1), (29, 1)} else all_of_them(group, part)


BETTER, WORSE = found(all_of_them), found(most_of_them)


def folders_of(run: Path) -> Folders:
    return Folders(*(run / name for name in ("data", "champion", "packages", "evaluation", "optimization")))


def write_run(folder: Path, candidate: Predictions, champion: Predictions | None = None) -> Folders:
    """Write what the steps write, by their own code, and return where."""
    folders = folders_of(folder)
    for each in (folders.data, folders.champion, folders.packages, folders.evaluation, folders.optimization):
        assert each is not None
        each.mkdir(parents=True)
    TrainingData(
        name="tags",
        version=VERSION,
        class_names=("scratch",),
        mode=Mode.SPLIT,
        model_wh=(320, 224),
        color=Color.GRAY,
        counts={},
    ).write(folders.data)
    assert folders.champion is not None
    named = {
        "schema": "edge-inspector/champion/1",
        "package": None if champion is None else "arn:aws:sagemaker:eu-central-1:000000000000:model-package/g/1",
        "name": "tags",
        "version": None if champion is None else "1.1.0",
        "next_version": "1.0.0" if champion is None else "1.2.0",
        "dataset_version": None if champion is None else "77" * 32,
    }
    write(folders.champion / "champion.json", named)
    agreement = {"images": 4, "detections": 9, "confidence": 1e-5, "confidence_mean": 1e-6, "box_px": 0.001}
    parity = {"schema": "edge-inspector/parity/1", "confidence": 1e-5, "box_px": 0.001, "runs": {"final": agreement}}
    write(folders.packages / "parity.json", parity)
    write(
        folders.packages / "training.json",
        {
            "schema": "edge-inspector/training/1",
            "hyperparameters": {},
            "begun_from": None,
            "dataset": {"name": "tags", "version": VERSION, "class_names": ["scratch"]},
            "model_wh": [320, 224],
            "color": "gray",
            "runs": [{"run": "final", "seed": 7, "iterations": 1, "seconds": 1.0, "parameters": 1}],
        },
    )
    write(
        folders.optimization / "optimization.json",
        {
            "schema": "edge-inspector/optimization/1",
            "kept": True,
            "reason": "it is fast",
            "speed_ratio": 0.5,
            "parity": agreement | {"confidence_mean": 0.004},
        },
    )
    write_predictions(folders.optimization / "predictions/int8.jsonl", candidate)
    _write_evaluation(folders.evaluation, candidate, champion)
    return folders


def change(file: Path, changed: Changed) -> None:
    """Change what a file of JSON says."""
    said = json.loads(file.read_text(encoding="utf-8"))
    changed(said)
    write(file, said)


def write(file: Path, said: Any) -> None:
    file.write_text(json.dumps(said), encoding="utf-8")


def _write_evaluation(folder: Path, candidate: Predictions, champion: Predictions | None) -> None:
    images, groups = len(candidate), len(candidate.groups)
    defects = sum(len(image.truth_xyxy) for image in candidate.images)
    write_evaluation(
        folder,
        Evaluation(
            Tested("tags", VERSION, ("scratch",), "split", images, groups, defects),
            JUDGING,
            "validation",
            Choice(THRESHOLDS, "cost", 0.1),
            _judged("tags", "0.0.0", candidate, median_ms=9.0),
            champion=None if champion is None else _judged("tags", "1.1.0", champion, median_ms=10.0),
        ),
    )
    write_predictions(folder / "predictions/candidate.jsonl", candidate)
    if champion is not None:
        write_predictions(folder / "predictions/champion.jsonl", champion)


def _judged(name: str, version: str, predictions: Predictions, *, median_ms: float) -> Judged:
    contrasts = {image.name: np.full(len(image.truth_xyxy), 20.0) for image in predictions.images}
    assessment = assess(predictions, THRESHOLDS, JUDGING, model_wh=(320, 224), contrasts=contrasts)
    latency = {"float32": Latency(80, median_ms, median_ms + 1, median_ms - 1, median_ms)}
    return Judged(name, version, THRESHOLDS, assessment, latency)
