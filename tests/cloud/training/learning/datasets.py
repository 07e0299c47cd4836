"""Training data on the disk, as the step before training leaves them, and jobs that train on them."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cloud_side.training.dataset import Example, Mode, TrainingData
from cloud_side.training.learning.stopping import Stop
from cloud_side.training.simulated.tags import simulated_examples
from edge_inspector.detectors.model_file import Color

MODEL_WH = (96, 64)


def tags(count: int, *, color: bool = False) -> list[Example]:
    grey = simulated_examples(5, count, defect_rate=1, image_wh=(225, 150))
    return [replace(tag, image=np.dstack([tag.image] * 3)) for tag in grey] if color else grey


def end_after(steps: int) -> tuple[Callable[[object], float], Stop]:
    """Return a score, to be asked for after every step, that asks for the end of the run after some of them."""
    stop, asked = Stop(), itertools.count(1)

    def score(_network: object) -> float:
        stop.asked = next(asked) == steps - 1
        return 0.25

    return score, stop


def write_data(
    folder: Path, train: Sequence[Example], validation: Sequence[Example] = (), *, folds: int = 0, **said: object
) -> None:
    groups = [tag.group for tag in train]
    data = TrainingData.model_validate(
        {
            "name": "tags",
            "version": "sha256:0",
            "class_names": ("scratch",),
            "mode": Mode.FOLDS if folds else Mode.SPLIT,
            "folds": [groups[number::folds] for number in range(folds)],
            "model_wh": MODEL_WH,
            "color": Color.BGR if train[0].image.ndim == 3 else Color.GRAY,
            "counts": {},
            **said,
        }
    )
    for name, examples in (("train", train), ("validation", validation)):
        (folder / name / "images").mkdir(parents=True)
        data.write(folder / name)
        lines = [json.dumps(_row(folder / name, example, data.class_names)) + "\n" for example in examples]
        (folder / name / "labels.jsonl").write_text("".join(lines), encoding="utf-8")


def _row(folder: Path, example: Example, class_names: Sequence[str]) -> dict[str, Any]:
    name = f"images/{example.name}.png"
    cv2.imwrite(str(folder / name), example.image)
    height, width = example.image.shape[:2]
    boxes = [
        {"label": class_names[class_id], "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
        for (x1, y1, x2, y2), class_id in zip(example.boxes.tolist(), example.class_ids.tolist(), strict=True)
    ]
    return {
        "image": name,
        "group": example.group,
        "width": width,
        "height": height,
        "labelled": True,
        "boxes": boxes,
    }


def write_job(root: Path, hyperparameters: Mapping[str, object], resources: Mapping[str, object] | None = None) -> None:
    """Write what SageMaker writes below /opt/ml, beside the channels."""
    config = root / "input/config"
    config.mkdir(parents=True, exist_ok=True)
    texts = {name: str(value) for name, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(texts), encoding="utf-8")
    if resources is not None:
        (config / "resourceconfig.json").write_text(json.dumps(resources), encoding="utf-8")


def begin_job(root: Path, **variables: str) -> subprocess.Popen[str]:
    """Begin the program of a training job, its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "cloud_side.training.steps.train"],
        env=os.environ | {"EDGE_INSPECTOR_ML_ROOT": str(root)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish_job(job: subprocess.Popen[str]) -> str:
    """Wait for a job that must succeed and return what it printed."""
    printed, _ = job.communicate(timeout=240)
    assert job.returncode == 0, printed
    return printed


def end_job(job: subprocess.Popen[str], root: Path, number: signal.Signals) -> int:
    """Send a signal as soon as a checkpoint lies there; returns how the job ended."""
    while job.poll() is None and not list((root / "checkpoints/final").glob("step-*.pt")):
        time.sleep(0.02)
    job.send_signal(number)
    job.communicate(timeout=120)
    return job.returncode
