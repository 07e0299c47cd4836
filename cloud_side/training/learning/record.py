"""What a training job leaves beside the weights: `training.json` and `curves.jsonl`."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch

from cloud_side.training.dataset import TrainingData
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.learning.curve import rows
from cloud_side.training.learning.loop import Trained
from cloud_side.training.learning.plan import Plan
from cloud_side.training.learning.ranks import Ranks
from cloud_side.training.network.model import count_parameters
from cloud_side.training.places import TRAINING_FILE

SCHEMA: Final = "edge-inspector/training/1"
CURVES_FILE: Final = "curves.jsonl"
# An image has no repository in it: who builds it says which commit it holds.
COMMIT_VARIABLE: Final = "EDGE_INSPECTOR_GIT_COMMIT"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One trained network.

    Attributes:
        run: Its name.
        plan: How it was trained.
        trained: What came out.
    """

    run: str
    plan: Plan
    trained: Trained


def write_record(folder: Path, document: dict[str, Any], results: Sequence[Result]) -> None:
    """Write both files.

    Args:
        folder: Of the training job's output.
        document: `training.json`; it is written last: where it is, the rest is whole.
        results: The trained networks.
    """
    points = [point for each in results for point in rows(each.run, each.trained.curve, each.plan)]
    lines = [json.dumps(point, allow_nan=False) + "\n" for point in points]
    (folder / CURVES_FILE).write_text("".join(lines), encoding="utf-8")
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False)
    (folder / TRAINING_FILE).write_text(f"{text}\n", encoding="utf-8")


def record(
    asked: Hyperparameters, data: TrainingData, results: Sequence[Result], ranks: Ranks, begun_from: str | None
) -> dict[str, Any]:
    """Return `training.json`: what was trained on, how, and with what.

    Args:
        asked: The hyperparameters, all of them.
        data: What is known of the images.
        results: The networks; they share sizes.
        ranks: How many processes trained.
        begun_from: Version of the champion whose weights were the beginning; None where it was new.
    """
    return {
        "schema": SCHEMA,
        "hyperparameters": asked.model_dump(),
        "dataset": {"name": data.name, "version": data.version, "class_names": list(data.class_names)},
        "model_wh": list(results[0].plan.shape.model_wh),
        "color": str(data.color),
        "git_commit": git_commit(),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "torch": torch.__version__,
        "device": device_name(ranks.device),
        "world_size": ranks.count,
        "begun_from": begun_from,
        "runs": [_run(each) for each in results],
    }


def device_name(device: torch.device) -> str:
    """Return what the arithmetic ran on, for people."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({torch.get_num_threads()} threads)"


def git_commit(variables: Mapping[str, str] = os.environ) -> str | None:
    """Return the commit of this code, and whether it was changed since; None where nobody knows."""
    if said := variables.get(COMMIT_VARIABLE):
        return said
    commit = _git("rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    return f"{commit} and uncommitted changes" if _git("status", "--porcelain", "--", "..") else commit


def _run(result: Result) -> dict[str, Any]:
    trained = result.trained
    last = trained.losses[-min(50, len(trained.losses)) :]
    told = {
        "run": result.run,
        "seed": result.plan.seed,
        "iterations": result.plan.iterations,
        "seconds": round(trained.seconds, 1),
        "images_per_s": round(trained.images_per_s, 2),
        "final_loss": round(float(last.mean()), 5),
        "parameters": count_parameters(trained.model),
    }
    scores = [{"map50": round(score, 5)} for _, score in trained.curve.scores[-1:]]
    return told | (scores[0] if scores else {})


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - whichever git there is
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
