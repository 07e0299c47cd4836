from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.learning.checkpoints import Checkpoints, read_checkpoint
from cloud_side.training.learning.loop import Surroundings, TrainingDivergedError, train
from cloud_side.training.learning.plan import Plan
from cloud_side.training.learning.predicting import predicted
from cloud_side.training.learning.ranks import Ranks
from cloud_side.training.learning.stopping import TrainingStoppedError
from cloud_side.training.network.model import Network, Shape
from cloud_side.training.variation.augment import Augmentation
from edge_inspector.errors import ConfigError
from tests.cloud.training.learning.datasets import end_after, tags

SMALL = Shape(model_wh=(96, 64), widths=(8, 16, 24, 24, 24), depths=(0, 0, 0, 0), neck=24)
SHORT = Plan(iterations=6, batch=2, shape=SMALL, checkpoint_every=2)


def same(first: Network, second: Network) -> bool:
    others = second.state_dict()
    return all(torch.equal(value, others[name]) for name, value in first.state_dict().items())


def test_the_loss_falls() -> None:
    plan = replace(SHORT, iterations=30, batch=4, learning_rate=1e-2)
    lines: list[str] = []
    trained = train([], tags(4), plan, report=lines.append)
    assert trained.losses.shape == (30,)
    assert trained.losses[-5:].mean() < 0.7 * trained.losses[:5].mean()
    assert lines[-1].startswith("step 30/30  loss ")
    assert not trained.model.training


def test_the_same_seed_gives_the_same_weights() -> None:
    plan = replace(SHORT, iterations=2)
    plans = (plan, plan, replace(plan, seed=9))
    first, again, other = (train([], tags(2), chosen, report=len).model for chosen in plans)
    assert same(first, again)
    assert not same(first, other)


def test_photographs_and_simulated_tags_are_mixed() -> None:
    plan = replace(SHORT, iterations=2, batch=4, augmentation=Augmentation(paste_share=1.0))
    assert np.isfinite(train(tags(2), tags(2), plan, report=len).losses).all()


def test_color_images_and_crops_of_them_are_learned_from() -> None:
    color = tags(2, color=True)
    plan = replace(SHORT, iterations=2, shape=replace(SMALL, channels=3), crop_wh=(64, 32))
    trained = train(color, [], plan, report=len)
    assert np.isfinite(trained.losses).all()
    assert len(predicted(trained.model, color, ("scratch",))) == 2


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected photographs or simulated tags"):
        train([], [], Plan())


def test_a_batch_that_the_processes_cannot_share_evenly_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch: expected a multiple of the 3 processes, found 2"):
        train([], tags(2), SHORT, around=Surroundings(Ranks(0, 3)))


def test_a_loss_that_is_no_number_ends_the_training_before_it_is_scored_or_kept(tmp_path: Path) -> None:
    plan = replace(SHORT, iterations=9, learning_rate=1e20, weight_decay=0, validate_every=1, checkpoint_every=1)
    checkpoints = Checkpoints(tmp_path, {})
    around = Surroundings(checkpoints=checkpoints, score=lambda _network: 0.25)
    with pytest.raises(TrainingDivergedError, match="expected a finite loss, found nan at step 2: lower learning_rate"):
        train([], tags(2), plan, around=around, report=len)
    found = checkpoints.latest(pytest.fail)
    assert found is not None
    assert found[1]["losses"].isfinite().all()


def test_double_precision_finds_the_same_losses_but_for_the_rounding_and_leaves_single(tmp_path: Path) -> None:
    plan = replace(SHORT, iterations=2, learning_rate=1e-6, precision="float32", crop_wh=(64, 32))
    single = train([], tags(2), plan, report=len)
    around = Surroundings(checkpoints=Checkpoints(tmp_path, {}))
    double = train([], tags(2), replace(plan, precision="float64"), around=around, report=len)
    assert double.losses == pytest.approx(single.losses, rel=1e-4)
    assert {value.dtype for value in double.model.parameters()} == {torch.float32}
    kept = read_checkpoint(tmp_path / "step-000000002.pt")["state"]["network"]
    assert kept["stem.0.0.weight"].dtype is torch.float64
    assert len(predicted(double.model.double(), tags(1), ("scratch",))) == 1


def test_what_the_cycles_end_with_is_averaged(tmp_path: Path) -> None:
    plan = replace(SHORT, cycles=2, average=0.0)  # cycles of 4 and of 2 steps; what follows is what is followed
    scored: list[torch.Tensor] = []
    around = Surroundings(
        checkpoints=Checkpoints(tmp_path, {}), score=lambda network: scored.append(weight_of(network.state_dict())) or 0
    )
    trained = train([], tags(2), replace(plan, validate_every=2), around=around, report=len)
    first, last = (weight_of(read_checkpoint(tmp_path / f"step-{step:09d}.pt")["state"]["network"]) for step in (4, 6))
    assert not torch.equal(first, last)
    assert torch.equal(scored[1], first)
    assert weight_of(trained.model.state_dict()) == pytest.approx((first + last) / 2, abs=1e-7)
    assert torch.equal(scored[2], weight_of(trained.model.state_dict()))


def weight_of(state: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return state["stem.0.0.weight"].clone()


@pytest.mark.parametrize(("cycles", "last"), [(1, 4), (2, 3), (2, 4), (2, 5)])
def test_a_stopped_run_goes_on_to_the_very_weights_of_one_that_was_not(tmp_path: Path, cycles: int, last: int) -> None:
    plan = replace(SHORT, cycles=cycles)
    whole = train([], tags(3), plan, report=len)
    checkpoints = Checkpoints(tmp_path, plan.fingerprint())
    score, stop = end_after(last)
    around = Surroundings(checkpoints=checkpoints, score=score, stop=stop)
    watched = replace(plan, validate_every=1)
    with pytest.raises(TrainingStoppedError, match=f"stopped after step {last} of 6"):
        train([], tags(3), watched, around=around, report=len)
    lines: list[str] = []
    resumed = train([], tags(3), watched, around=around, report=lines.append)
    assert lines[0] == f"going on from the checkpoint after step {last} of 6"
    assert same(whole.model, resumed.model)
    assert np.array_equal(whole.losses, resumed.losses)
    assert [step for step, _ in resumed.curve.scores] == [1, 2, 3, 4, 5, 6]


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    around = Surroundings(checkpoints=Checkpoints(tmp_path, SHORT.fingerprint()))
    plan = replace(SHORT, iterations=2)
    first = train([], tags(2), plan, around=around, report=len)
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    again = train([], tags(2), plan, around=around, report=len)
    assert same(first.model, again.model)
    assert again.seconds == pytest.approx(first.seconds, abs=0.2)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == kept
