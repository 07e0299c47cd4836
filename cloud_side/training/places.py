"""Where the files of a training run lie: below the folder that a job sees as /opt/ml, and below `training/` in S3."""

import os
from pathlib import Path
from typing import Final

ROOT_VARIABLE: Final = "EDGE_INSPECTOR_ML_ROOT"
ML: Final = "/opt/ml"

# Inputs and outputs of the steps, by name.
DATA: Final = "data"
CHAMPION: Final = "champion"
MODEL: Final = "model"
PACKAGES: Final = "packages"
EVALUATION: Final = "evaluation"
OPTIMIZATION: Final = "optimization"
PACKAGE: Final = "package"
GATE: Final = "gate"
REGISTERED: Final = "registered"

# Files in them.
DATASET_FILE: Final = "dataset.json"
CHAMPION_FILE: Final = "champion.json"
TRAINING_FILE: Final = "training.json"
PARITY_FILE: Final = "parity.json"
EVALUATION_FILE: Final = "evaluation.json"
THRESHOLDS_FILE: Final = "thresholds.json"
OPTIMIZATION_FILE: Final = "optimization.json"
GATE_FILE: Final = "gate.json"
REGISTERED_FILE: Final = "registered.json"
PREDICTIONS: Final = "predictions"
WEIGHTS: Final = "weights"
FINAL: Final = "final"


def ml_root() -> Path:
    """Return what is /opt/ml in a container of SageMaker, and another folder on one machine."""
    return Path(os.environ.get(ROOT_VARIABLE, ML))


def input_folder(name: str) -> Path:
    """Return the folder of a processing job's input."""
    return ml_root() / "processing/input" / name


def output_folder(name: str) -> Path:
    """Return the folder of a processing job's output."""
    return ml_root() / "processing/output" / name


def channel_folder(name: str) -> Path:
    """Return the folder of a training job's channel."""
    return ml_root() / "input/data" / name


def fold_run(fold: int) -> str:
    """Return the name of the run that does not know the images of a fold, counted from 0."""
    return f"fold-{fold}"


def run_prefix(run: str) -> str:
    """Return where in the bucket all files of a training run lie."""
    return f"training/{run}/"
