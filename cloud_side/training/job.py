"""The training job: what SageMaker, or the local engine, runs in its container's place."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_inspector.errors import ConfigError, InspectorError

ROOT_VARIABLE = "EDGE_INSPECTOR_ML_ROOT"
_LONGEST_REASON = 1024


def main() -> int:
    """Train by the hyperparameters and channels of the job's folder; say why not where SageMaker reads it.

    Source:
        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
    """
    root = Path(os.environ.get(ROOT_VARIABLE, "/opt/ml"))
    try:
        _train(root)
    except InspectorError as error:
        (root / "output/failure").write_text(str(error)[:_LONGEST_REASON], encoding="utf-8")
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _train(root: Path) -> None:
    asked = json.loads((root / "input/config/hyperparameters.json").read_text(encoding="utf-8"))
    folds, seed = _whole_number(asked, "folds", 4), _whole_number(asked, "seed", 1)
    iterations = _whole_number(asked, "iterations", 0) or None
    photographs = root / "input/data/photographs"
    from cloud_side.training.demo_model import train_demo  # noqa: PLC0415 - torch takes seconds to load

    train_demo(
        photographs if photographs.is_dir() else None, root / "model", folds=folds, iterations=iterations, seed=seed
    )


def _whole_number(asked: Mapping[str, Any], name: str, default: int) -> int:
    text = str(asked.get(name, default))
    if not text.isdecimal():
        msg = f"hyperparameter {name}: found {text!r}, expected a whole number"
        raise ConfigError(msg)
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
