"""Which cell answers for which defect, and how wrong its answer is.

A cell is given to a defect when it scores well and its box overlaps well already (task alignment), so that class score
and box quality grow together; the score's target is that quality.

Source:
    Feng et al., "TOOD: Task-aligned One-stage Object Detection", ICCV 2021; Zheng et al., "Distance-IoU Loss" (the
    complete IoU), AAAI 2020; Li et al., "Generalized Focal Loss" (the side distributions), NeurIPS 2020.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cloud_side.training.network.model import SIDE_STRIDES, Output

EPSILON = 1e-7
# A defect thinner than a cell still needs a cell centre inside its box; half of the finest stride reaches the next one.
SMALLEST_HALF_SIDE = 4.5


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How the parts of the loss are mixed.

    Attributes:
        box: Weight of the overlap loss; the class loss weighs 1.
        side: Weight of the loss of each side's distribution.
        candidates: Cells that may answer for one defect.
        score_power: How much the score counts in the alignment.
        overlap_power: How much the overlap counts in the alignment.
    """

    box: float = 5.0
    side: float = 1.0
    candidates: int = 10
    score_power: float = 1.0
    overlap_power: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Truth of a batch, padded to the image with most defects.

    Attributes:
        boxes: (n, m, 4) xyxy in model-input pixels.
        class_ids: (n, m) int64.
        present: (n, m) bool, false where padded.
    """

    boxes: Tensor
    class_ids: Tensor
    present: Tensor

    def to(self, device: torch.device) -> "Targets":
        """Return the truth on a device; does not wait where memory is pinned."""
        return Targets(*(each.to(device, non_blocking=True) for each in (self.boxes, self.class_ids, self.present)))

    def pin_memory(self) -> "Targets":
        """Return the truth where a GPU can fetch it by itself; torch's loader asks for it by this name."""
        return Targets(self.boxes.pin_memory(), self.class_ids.pin_memory(), self.present.pin_memory())


def alone(value: Tensor) -> Tensor:
    """Return the sum over all processes where there is one."""
    return value


def pair_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the (..., n, m) overlaps of (..., n, 4) and (..., m, 4) xyxy boxes; an inverted box has area 0."""
    top_left = torch.maximum(first[..., :, None, :2], second[..., None, :, :2])
    bottom_right = torch.minimum(first[..., :, None, 2:], second[..., None, :, 2:])
    intersection = (bottom_right - top_left).clamp(min=0).prod(dim=-1)
    union = _area(first)[..., :, None] + _area(second)[..., None, :] - intersection
    return intersection / (union + EPSILON)


def complete_iou(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return the (n,) complete IoU of boxes paired row by row: overlap less centre distance and difference in shape."""
    top_left = torch.maximum(predicted[:, :2], truth[:, :2])
    bottom_right = torch.minimum(predicted[:, 2:], truth[:, 2:])
    intersection = (bottom_right - top_left).clamp(min=0).prod(dim=-1)
    overlap = intersection / (_area(predicted) + _area(truth) - intersection + EPSILON)
    hull = torch.maximum(predicted[:, 2:], truth[:, 2:]) - torch.minimum(predicted[:, :2], truth[:, :2])
    centres = (predicted[:, :2] + predicted[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    distance = centres.square().sum(dim=-1) / (hull.square().sum(dim=-1) + EPSILON)
    shape = (4 / math.pi**2) * (_angle(truth) - _angle(predicted)).square()
    with torch.no_grad():
        trade_off = shape / (1 - overlap + shape + EPSILON)
    return overlap - distance - trade_off * shape


@torch.no_grad()
def assign(
    boxes: Tensor, scores: Tensor, points: Tensor, targets: Targets, weights: LossWeights
) -> tuple[Tensor, Tensor]:
    """Give each cell to at most one defect.

    Args:
        boxes: (n, a, 4) predicted xyxy.
        scores: (n, a, n_classes) in [0, 1].
        points: (a, 2) cell centres.
        targets: The truth.
        weights: Powers of the alignment.

    Returns:
        (n, a) index of the defect, -1 for background, and (n, a) quality that the cell's score should reach, in [0, 1].
    """
    count, _, n_classes = scores.shape
    n_targets = targets.boxes.shape[1]
    if n_targets == 0:
        return torch.full(scores.shape[:2], -1, device=scores.device), scores.new_zeros(scores.shape[:2])
    overlap = pair_iou(targets.boxes, boxes)
    wanted = targets.class_ids.clamp(max=n_classes - 1)[..., None].expand(-1, -1, scores.shape[1])
    score = scores.transpose(1, 2).gather(1, wanted)
    inside = _inside(points, targets.boxes) & targets.present[..., None]
    # Before any box overlaps, at the very start, cells inside are all the same, and better than those outside.
    alignment = (score**weights.score_power * overlap**weights.overlap_power + 1e-9) * inside
    best = alignment.topk(min(weights.candidates, alignment.shape[-1]), dim=-1)
    chosen = torch.zeros_like(alignment).scatter_(-1, best.indices, 1.0).bool() & inside
    # A cell claimed by two defects goes to the one that it overlaps more.
    owner = torch.where(chosen, overlap, -1.0).max(dim=1)
    taken = torch.arange(n_targets, device=scores.device)[None, :, None] == owner.indices[:, None, :]
    chosen &= taken
    alignment = alignment * chosen
    peak = alignment.amax(dim=-1, keepdim=True)
    quality = (alignment / (peak + 1e-12)) * (overlap * chosen).amax(dim=-1, keepdim=True)
    index = torch.where(chosen.any(dim=1), owner.indices, -1)
    assert index.shape == (count, points.shape[0])  # noqa: S101 - guards the broadcasting above
    return index, quality.amax(dim=1)


def detection_loss(  # noqa: PLR0913 - what is said, what is so, and how both are weighed
    output: Output,
    points: Tensor,
    strides: Tensor,
    targets: Targets,
    weights: LossWeights,
    *,
    summed: Callable[[Tensor], Tensor] = alone,
) -> tuple[Tensor, Tensor]:
    """Return the class loss and the weighted box loss of a batch, both divided by the total quality.

    Each process gets its share: the sum of the shares is the loss of the batch, however it was divided.

    Args:
        output: What the network says.
        points: (a, 2) cell centres.
        strides: (a, 1) pixels per cell.
        targets: The truth.
        weights: The mixture.
        summed: Gives the sum of a number over all processes.
    """
    index, quality = assign(output.boxes.detach(), output.logits.detach().sigmoid(), points, targets, weights)
    goal = torch.zeros_like(output.logits)
    image, cell = torch.nonzero(index >= 0, as_tuple=True)
    defect, share = index[image, cell], quality[image, cell]
    goal[image, cell, targets.class_ids[image, defect]] = share
    total = summed(quality.sum()).clamp(min=1.0)
    class_loss = functional.binary_cross_entropy_with_logits(output.logits, goal, reduction="sum") / total
    truth = targets.boxes[image, defect]
    overlap_loss = 1 - complete_iou(output.boxes[image, cell], truth)
    distances = torch.cat((points[cell] - truth[:, :2], truth[:, 2:] - points[cell]), dim=-1) / strides[cell]
    side_loss = distribution_loss(output.sides[image, cell], distances)
    box_loss = ((weights.box * overlap_loss + weights.side * side_loss) * share).sum() / total
    return class_loss, box_loss


def distribution_loss(sides: Tensor, distances: Tensor) -> Tensor:
    """Return (n,) how badly the distributions name the two whole distances around the true one.

    Args:
        sides: (n, 4, bins) logits.
        distances: (n, 4) true distances in strides; cut to what the bins can say.
    """
    place = (distances - SIDE_STRIDES.start).clamp(0, len(SIDE_STRIDES) - 1 - 1e-3)
    lower = place.floor().long()
    upper_share = place - lower
    log_share = sides.log_softmax(dim=-1)
    below = log_share.gather(-1, lower[..., None])[..., 0]
    above = log_share.gather(-1, lower[..., None] + 1)[..., 0]
    return -((1 - upper_share) * below + upper_share * above).mean(dim=-1)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)


def _angle(boxes: Tensor) -> Tensor:
    width, height = (boxes[:, 2:] - boxes[:, :2]).clamp(min=EPSILON).unbind(-1)
    return torch.atan(width / height)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = ((boxes[..., 2:] - boxes[..., :2]) / 2).clamp(min=SMALLEST_HALF_SIDE)
    return ((points - centre[..., None, :]).abs() < half[..., None, :]).all(dim=-1)
