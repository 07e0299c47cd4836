import signal
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.network.weights import read_weights
from cloud_side.training.steps.train import Folders, run
from tests.cloud.training.learning.datasets import begin_job, end_job, tags, write_data, write_job

ASKED = {"iterations": 28, "batch": 1, "threads": 1, "checkpoint_every": 4}


def trained_here(root: Path) -> list[str]:
    """Do the job in this process and return what it tells."""
    (root / "model").mkdir(exist_ok=True)
    told: list[str] = []
    where = Folders(root / "input/data/train", root / "model", root / "checkpoints")
    run(where, Hyperparameters.parse(ASKED), report=told.append)
    return told


@pytest.mark.thorough
def test_a_killed_job_ends_with_the_very_weights_of_one_that_was_not(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for root in (whole, killed):
        write_data(root / "input/data", tags(3))
    trained_here(whole)
    write_job(killed, ASKED)
    assert end_job(begin_job(killed), killed, signal.SIGKILL) == -signal.SIGKILL
    assert not (killed / "model/weights").exists()
    assert any("going on from the checkpoint after step" in line for line in trained_here(killed))
    one, other = (read_weights(root / "model/weights/final.pt")[0].state_dict() for root in (whole, killed))
    assert all(torch.equal(one[name], other[name]) for name in one)
