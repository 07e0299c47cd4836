from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.augment import Augmentation
from cloud_side.training.dataset import Example
from cloud_side.training.model import Shape
from cloud_side.training.simulated import simulated_examples
from cloud_side.training.train import Plan, learning_rate, progress, train

SMALL = Shape(model_wh=(160, 128), widths=(8, 16, 24, 24, 24), depths=(0, 0, 0, 0), neck=24)


def tags(count: int, size: tuple[int, int] = (450, 300)) -> list[Example]:
    return simulated_examples(5, count, defect_rate=1, image_wh=size)


def test_the_loss_falls() -> None:
    plan = Plan(iterations=80, batch=4, shape=SMALL, average=0.9)
    lines: list[str] = []
    trained = train([], tags(12, (225, 150)), plan, report=lines.append)
    assert trained.losses.shape == (80,)
    assert trained.losses[-20:].mean() < 0.6 * trained.losses[:10].mean()
    assert lines[-1].startswith("step 80/80  loss ")
    assert not trained.model.training


def test_the_same_seed_gives_the_same_weights() -> None:
    plan = Plan(iterations=3, batch=2, shape=SMALL)
    plans = (plan, plan, replace(plan, seed=9))
    first, again, other = (train([], tags(2), chosen, report=len).model.state_dict() for chosen in plans)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_photographs_and_simulated_tags_are_mixed() -> None:
    plan = Plan(iterations=2, batch=4, shape=SMALL, augmentation=Augmentation(paste_share=1.0))
    assert np.isfinite(train(tags(2), tags(2), plan, report=len).losses).all()


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected photographs or simulated tags"):
        train([], [], Plan())


def test_the_learning_rate_rises_and_then_falls() -> None:
    plan = Plan(iterations=100, learning_rate=1.0)
    rates = [learning_rate(plan, step) for step in range(100)]
    assert int(np.argmax(rates)) in {9, 10}
    assert rates[9] == 1.0
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 0.03


def test_progress_says_how_long_it_takes() -> None:
    assert progress(25, 100, [2.0, 4.0], 10.0) == "step 25/100  loss 3.000  10 s, about 30 s left"
