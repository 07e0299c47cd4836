"""The recipe of the shipped model, so small that it learns next to nothing: what is seen is the way, not the model.

As a program it is what a test kills: `python -m tests.cloud.training.shipped.tiny OUT WORK`.
"""

import sys
from dataclasses import replace
from pathlib import Path

from cloud_side.training.evaluation.assessment import Judging
from cloud_side.training.evaluation.thresholds import Costs
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.shipped.demo_model import Wish, train_demo
from cloud_side.training.shipped.recipe import Recipe

TINY = Recipe(
    hyperparameters=Hyperparameters(
        iterations=2, batch=2, model_width=64, model_height=64, simulated_tags=10, precision="float32", threads=1
    ),
    # Where nothing is worth stopping, thresholds lie far above the scores of a network that has learned nothing.
    judging=Judging(Costs(escape=0.02, review=0.01), rounds=20, turns=1),
    folds=2,
    lots=2,
    validation_tags=4,
    demo_tags=4,
    stand_ins=8,
    calibration_images=2,
)
LONG = replace(TINY, hyperparameters=TINY.hyperparameters.model_copy(update={"iterations": 12, "checkpoint_every": 3}))

if __name__ == "__main__":
    train_demo(Wish(Path(sys.argv[1]), Path(sys.argv[2])), LONG)
