from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.dataset import Images, LabeledImage
from cloud_side.training.learning.batches import Batches, defective, loaded, pool_of
from cloud_side.training.learning.plan import Plan
from cloud_side.training.network.model import Shape
from cloud_side.training.variation.augment import Augmentation
from cloud_side.training.variation.defect_bank import Lifting
from edge_inspector.detectors.model_file import Color
from tests.cloud.training.learning.datasets import tags

PLAN = Plan(iterations=6, batch=4, shape=Shape(model_wh=(96, 64)))


def test_the_shares_of_all_processes_are_the_batch_of_one() -> None:
    whole, truth = Batches(tags(3), tags(2), PLAN)[4]
    shares = [Batches(tags(3), tags(2), PLAN, rank=rank, processes=2)[4] for rank in range(2)]
    assert torch.equal(whole[0::2], shares[0][0])
    assert torch.equal(whole[1::2], shares[1][0])
    assert truth.present[1::2].sum() == shares[1][1].present.sum()


def test_a_step_is_the_same_whether_or_not_others_came_before() -> None:
    batches = Batches(tags(3), [], PLAN)
    in_order = list(loaded(batches, 0, pinned=False))
    late = list(loaded(Batches(tags(3), [], PLAN), 4, pinned=False))
    assert len(in_order) == 6
    assert len(late) == 2
    assert torch.equal(in_order[5][0], late[1][0])
    assert not torch.equal(in_order[4][0], in_order[5][0])


def test_another_seed_gives_other_batches() -> None:
    first, other = (Batches(tags(3), [], replace(PLAN, seed=seed))[0][0] for seed in (1, 2))
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("shares", "fade_share"), [({"faint_share": 1}, 0), ({"paste_share": 1}, 1)])
def test_faint_defects_come_from_the_step_on_that_is_said(shares: dict[str, float], fade_share: float) -> None:
    faint = Augmentation(**shares, lifting=Lifting(fade_share=fade_share))
    late = Batches(tags(3), [], replace(PLAN, augmentation=faint, faint_from=4))
    never = Batches(tags(3), [], replace(PLAN, augmentation=faint, faint_from=99))
    always = Batches(tags(3), [], replace(PLAN, augmentation=faint))
    assert torch.equal(late[3][0], never[3][0])
    assert torch.equal(late[4][0], always[4][0])
    assert not torch.equal(never[4][0], always[4][0])


def test_a_group_of_many_images_is_drawn_by_the_square_root_of_their_number() -> None:
    (one,) = tags(1)
    pool = pool_of([replace(one, group="many", name=str(number)) for number in range(9)] + [one])
    rng = np.random.default_rng(1)
    drawn = [pool.draw(rng).group for _ in range(2000)]
    assert drawn.count("many") / 2000 == pytest.approx(3 / 4, abs=0.03)


def test_defects_are_lifted_off_some_images_where_there_are_many_and_no_clean_one_is_read() -> None:
    clean = replace(tags(1)[0], boxes=np.empty((0, 4), np.float32), class_ids=np.empty(0, np.int64), name="clean")
    many = [replace(tag, name=str(number)) for number, tag in enumerate(tags(2) * 4)]
    assert [each.name for each in defective([clean, *many, clean])] == [str(number) for number in range(8)]
    assert [each.name for each in defective([clean, *many, clean], most=3)] == ["0", "3", "6"]
    assert list(defective([clean])) == []
    row = LabeledImage(Path("not there.png"), "g", 90, 60, clean.boxes, clean.class_ids, labeled=True)
    assert list(defective(Images([row], Color.GRAY))) == []


def test_color_images_come_with_their_channels_first() -> None:
    plan = replace(PLAN, shape=Shape(model_wh=(96, 64), channels=3))
    images, _ = Batches(tags(2, color=True), [], plan)[0]
    assert images.shape == (4, 3, 64, 96)
    assert images.dtype is torch.uint8


@pytest.mark.parametrize("channels", [1, 3])
def test_crops_have_the_size_of_the_plan_and_boxes_inside(channels: int) -> None:
    plan = replace(PLAN, batch=16, crop_wh=(64, 32), shape=Shape(model_wh=(128, 96), channels=channels))
    images, truth = Batches(tags(3) if channels == 1 else tags(3, color=True), [], plan)[0]
    assert images.shape == (16, channels, 32, 64)
    boxes = truth.boxes[truth.present]
    assert len(boxes) > 5
    assert (boxes >= 0).all()
    assert (boxes[:, [0, 2]] <= 64).all()
    assert (boxes[:, [1, 3]] <= 32).all()


@pytest.mark.thorough
def test_batches_prepared_by_other_processes_are_the_same() -> None:
    alone = list(loaded(Batches(tags(2), [], PLAN), 3, pinned=False))
    ahead = list(loaded(Batches(tags(2), [], replace(PLAN, workers=1)), 3, pinned=False))
    for (image, truth), (image_too, truth_too) in zip(alone, ahead, strict=True):
        assert torch.equal(image, image_too)
        assert torch.equal(truth.boxes, truth_too.boxes)
