import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.network.loss import (
    LossWeights,
    Targets,
    assign,
    complete_iou,
    detection_loss,
    distribution_loss,
    pair_iou,
)
from cloud_side.training.network.model import SIDE_STRIDES, Output, anchor_points


def targets(*boxes: tuple[float, float, float, float]) -> Targets:
    return Targets(
        torch.tensor([boxes], dtype=torch.float32).reshape(1, -1, 4),
        torch.zeros(1, len(boxes), dtype=torch.int64),
        torch.ones(1, len(boxes), dtype=torch.bool),
    )


def test_overlap_of_known_boxes() -> None:
    first = torch.tensor([[0.0, 0, 10, 10], [20, 20, 10, 10]])
    second = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [50, 50, 60, 60]])
    assert torch.allclose(pair_iou(first, second), torch.tensor([[1, 1 / 3, 0], [0, 0, 0]]), atol=1e-6)


def test_complete_iou_is_one_for_equal_boxes_and_falls_with_distance() -> None:
    truth = torch.tensor([[0.0, 0, 10, 10]] * 3)
    values = complete_iou(torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [90, 0, 100, 10]]), truth)
    assert values[0] == pytest.approx(1, abs=1e-5)
    assert values[0] > values[1] > values[2]
    assert values[1] == pytest.approx(-400 / 1000, abs=1e-4)


def test_a_distance_between_two_bins_costs_least_when_both_share_it() -> None:
    share = torch.full((1, 4, len(SIDE_STRIDES)), -20.0)
    between = share.clone()
    between[..., 3] = between[..., 4] = 5.0
    wrong = share.clone()
    wrong[..., 9] = 5.0
    distance = torch.full((1, 4), float(SIDE_STRIDES[3]) + 0.5)
    assert distribution_loss(between, distance)[0] == pytest.approx(0.6931, abs=1e-3)
    assert distribution_loss(wrong, distance)[0] > 10


def test_a_defect_thinner_than_a_cell_still_gets_a_cell() -> None:
    points, _ = anchor_points((64, 64))
    boxes = torch.cat((points - 4, points + 4), dim=-1)[None]
    index, _ = assign(boxes, torch.full((1, len(points), 1), 0.1), points, targets((6, 7.5, 58, 8.5)), LossWeights())
    assert (index == 0).any()


def test_a_cell_answers_for_one_defect_and_a_defect_for_its_best_cells() -> None:
    points, _ = anchor_points((64, 64))
    truth = targets((0, 0, 32, 32), (32, 32, 64, 64))
    boxes = torch.cat((points - 16, points + 16), dim=-1)[None]
    scores = torch.full((1, len(points), 1), 0.1)
    index, quality = assign(boxes, scores, points, truth, LossWeights(candidates=3))
    assert ((index == 0).sum(), (index == 1).sum()) == (3, 3)
    assert (quality[index < 0] == 0).all()
    owners = index[0][index[0] >= 0]
    centres = points[index[0] >= 0]
    assert ((centres < 32).all(dim=-1) == (owners == 0)).all()


def test_an_image_without_defects_teaches_background() -> None:
    points, strides = anchor_points((64, 64))
    logits = torch.zeros(1, len(points), 1, requires_grad=True)
    sides = torch.zeros(1, len(points), 4, len(SIDE_STRIDES), requires_grad=True)
    output = Output(torch.zeros(1, len(points), 4), logits, sides)
    class_loss, box_loss = detection_loss(output, points, strides, targets(), LossWeights())
    (class_loss + box_loss).backward()
    assert box_loss == 0
    assert (logits.grad > 0).all()


def test_the_shares_of_two_processes_sum_up_to_the_loss_of_the_batch() -> None:
    points, strides = anchor_points((64, 64))
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, len(points), 1, generator=generator)
    sides = torch.randn(2, len(points), 4, len(SIDE_STRIDES), generator=generator)
    boxes = torch.cat((points - 12, points + 12), dim=-1).expand(2, -1, -1)
    truth = Targets(
        torch.tensor([[[4.0, 4, 30, 30], [0, 0, 0, 0]], [[10.0, 20, 50, 60], [40, 0, 60, 12]]]),
        torch.zeros(2, 2, dtype=torch.int64),
        torch.tensor([[True, False], [True, True]]),
    )
    whole = detection_loss(Output(boxes, logits, sides), points, strides, truth, LossWeights())
    quality = assign(boxes, logits.sigmoid(), points, truth, LossWeights())[1].sum()
    shares = [
        detection_loss(
            Output(boxes[one], logits[one], sides[one]),
            points,
            strides,
            Targets(truth.boxes[one], truth.class_ids[one], truth.present[one]),
            LossWeights(),
            summed=lambda _own: quality,
        )
        for one in (slice(0, 1), slice(1, 2))
    ]
    for part in range(2):
        assert whole[part] > 0
        assert shares[0][part] + shares[1][part] == pytest.approx(float(whole[part]), rel=1e-5)
