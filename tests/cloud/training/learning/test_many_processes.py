"""One process, two, and two hosts: the same training.

In double precision, at the learning rate that is usual: in single precision the losses part after some steps, as those
of one process do from its own in double precision.
"""

import signal
import socket
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.learning.checkpoints import Checkpoints, read_checkpoint
from cloud_side.training.learning.loop import Surroundings, train
from cloud_side.training.learning.runs import course
from cloud_side.training.learning.stopping import TrainingStoppedError
from tests.cloud.training.learning.datasets import (
    begin_job,
    end_after,
    end_job,
    finish_job,
    tags,
    write_data,
    write_job,
)

STEPS = 20
ASKED = {"batch": 4, "threads": 1, "precision": "float64", "checkpoint_every": STEPS}
TO_BE_ENDED = {**ASKED, "iterations": 400}
WHOLE = {**ASKED, "iterations": STEPS, "cycles": 2, "faint_share": 0.5, "fade_share": 0.5, "faint_from": STEPS // 2}


def job(root: Path, asked: dict[str, Any], hosts: tuple[str, ...] = ("algo-1",), *, current: str = "algo-1") -> Path:
    write_data(root / "input/data", tags(6))
    resources = {"hosts": hosts, "current_host": current, "network_interface_name": "lo"}
    write_job(root, {**asked, "processes": 2 // len(hosts)}, resources)
    return root


@dataclass(frozen=True)
class Learned:
    """What a checkpoint holds: the steps, their losses, the last gradients' mean, and the averaged weights."""

    steps: int
    losses: NDArray[np.float32]
    gradients: torch.Tensor
    averaged: torch.Tensor


def newest(folder: Path) -> Learned:
    read = read_checkpoint(max(folder.glob("step-*.pt")))
    state, moments = read["state"], read["state"]["optimizer"]["state"]
    return Learned(
        read["step"],
        state["losses"].sum(dim=1).numpy(),
        torch.cat([moments[number]["exp_avg"].flatten() for number in sorted(moments)]),
        torch.cat([value.flatten() for value in state["averaged"].values() if value.is_floating_point()]),
    )


def is_same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return float((found - expected).norm() / expected.norm()) < 1e-6


def assert_learned_as_one_process(root: Path, asked: dict[str, Any]) -> None:
    together = newest(root / "checkpoints/final")
    assert together.steps >= STEPS
    (final,) = course(root / "input/data/train", None, Hyperparameters.parse(asked), 1, len).runs
    score, stop = end_after(together.steps)
    around = Surroundings(checkpoints=Checkpoints(root / "alone", {}), score=score, stop=stop)
    with nullcontext() if together.steps == asked["iterations"] else pytest.raises(TrainingStoppedError):
        train(final.train, [], replace(final.plan, validate_every=1), around=around, report=len)
    alone = newest(root / "alone")
    assert alone.steps == together.steps
    assert np.ptp(alone.losses) > 1  # it learns, and at full speed
    assert together.losses == pytest.approx(alone.losses, abs=1e-4)
    # The optimizer takes gradients of any scale for the same: they must be of the whole batch nevertheless.
    assert is_same(together.gradients, alone.gradients)
    assert is_same(together.averaged, alone.averaged)


@pytest.mark.thorough
def test_two_processes_learn_as_one_does_and_keep_the_step_at_which_they_are_told_to_end(tmp_path: Path) -> None:
    root = job(tmp_path, TO_BE_ENDED)
    assert end_job(begin_job(root), root, signal.SIGTERM) == 1
    assert "training was stopped after step" in (root / "output/failure").read_text()
    assert_learned_as_one_process(root, TO_BE_ENDED)


@pytest.mark.nightly
def test_two_hosts_learn_as_one_process_does(tmp_path: Path) -> None:
    """In two cycles, of which the second one has other images, and leaves the mean of both."""
    hosts = ("algo-1", "algo-2")
    roots = [job(tmp_path / name, WHOLE, hosts, current=name) for name in hosts]
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(found.getsockname()[1])}
    printed = [finish_job(each) for each in [begin_job(root, **meeting) for root in roots]]
    assert [text.count(f"step {STEPS}/{STEPS}  loss") for text in printed] == [1, 0]  # one of them speaks
    assert not (roots[1] / "model").exists()
    assert_learned_as_one_process(roots[0], WHOLE)
