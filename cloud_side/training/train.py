"""Training: a fixed number of steps on one core, the same numbers for the same seed on the same machine."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cloud_side.training.augment import Augmentation, augmented
from cloud_side.training.dataset import Example
from cloud_side.training.loss import LossWeights, Targets, detection_loss
from cloud_side.training.model import ScratchDetector, Shape, normalize
from cloud_side.training.scratch_bank import Scratch, lift_scratches
from edge_inspector.letterbox import Letterbox, Resize

PAD_VALUE = 114
REPORT_EVERY = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    Attributes:
        iterations: Number of steps.
        batch: Images per step.
        learning_rate: Highest rate; rises over the first tenth and falls as a cosine.
        weight_decay: Of convolution weights.
        average: How slowly the averaged weights follow, in [0, 1).
        simulated_share: Of each batch, when there are photographs too.
        seed: Chooses weights, order and variation.
        shape: The network.
        augmentation: The variation.
        loss: Its mixture.
    """

    iterations: int = 2000
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    average: float = 0.995
    simulated_share: float = 0.4
    seed: int = 1
    shape: Shape = field(default_factory=Shape)
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: LossWeights = field(default_factory=LossWeights)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a training run leaves.

    Attributes:
        model: With the averaged weights, in evaluation mode.
        losses: (iterations,) total loss of every step.
        seconds: How long it took.
    """

    model: ScratchDetector
    losses: NDArray[np.float32]
    seconds: float


class Batches:
    """Draws varied batches from photographs and simulated tags."""

    def __init__(self, photographs: Sequence[Example], simulated: Sequence[Example], plan: Plan) -> None:
        """Lift the scratches to be pasted; each part is drawn by the square root of its number of photographs."""
        self._plan = plan
        self._rng = np.random.default_rng(plan.seed)
        self._pools: list[Sequence[Example]] = [photographs, simulated]
        share = plan.simulated_share if photographs and simulated else float(bool(simulated))
        self._shares = [1 - share, share]
        self._weights = [_group_weights(pool) for pool in self._pools]
        # Photographs get scratches of photographs only; simulated tags bring their own.
        self._banks: list[list[Scratch]] = [lift_scratches(photographs), []]
        self._letterbox = Letterbox(plan.shape.model_wh, channels=1, resize=Resize.LETTERBOX, pad_value=PAD_VALUE)

    def draw(self) -> tuple[Tensor, Targets]:
        """Return (n, 1, h, w) uint8 and the truth in model-input pixels."""
        drawn = [self._one() for _ in range(self._plan.batch)]
        images, boxes = [], []
        for example in drawn:
            fit = self._letterbox.write(example.image)
            images.append(self._letterbox.canvas.copy())
            boxes.append(fit.to_model(example.boxes))
        return torch.from_numpy(np.stack(images)[:, None]), pad_targets(boxes, [e.class_ids for e in drawn])

    def _one(self) -> Example:
        kind = int(self._rng.random() < self._shares[1])
        index = int(self._rng.choice(len(self._pools[kind]), p=self._weights[kind]))
        return augmented(self._pools[kind][index], self._banks[kind], self._plan.augmentation, self._rng)


def pad_targets(boxes: Sequence[NDArray[np.float32]], class_ids: Sequence[NDArray[np.int64]]) -> Targets:
    """Return the truth of a batch, padded to the image with most defects."""
    most = max((len(each) for each in boxes), default=0)
    targets = Targets(
        torch.zeros(len(boxes), most, 4),
        torch.zeros(len(boxes), most, dtype=torch.int64),
        torch.zeros(len(boxes), most, dtype=torch.bool),
    )
    for index, (each, classes) in enumerate(zip(boxes, class_ids, strict=True)):
        targets.boxes[index, : len(each)] = torch.from_numpy(each)
        targets.class_ids[index, : len(each)] = torch.from_numpy(classes)
        targets.present[index, : len(each)] = True
    return targets


def train(
    photographs: Sequence[Example],
    simulated: Sequence[Example],
    plan: Plan,
    *,
    report: Callable[[str], object] = lambda line: sys.stderr.write(line + "\n"),
) -> Trained:
    """Train from scratch and return the averaged weights.

    Args:
        photographs: May be empty.
        simulated: May be empty, but not both.
        plan: How.
        report: Gets a line of progress now and then.

    Raises:
        ValueError: If there is nothing to train on.
    """
    if not photographs and not simulated:
        msg = "train: expected photographs or simulated tags, found neither"
        raise ValueError(msg)
    torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    model = ScratchDetector(plan.shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    averaged = deepcopy(model)
    optimizer = torch.optim.AdamW(_parameter_groups(model, plan.weight_decay), lr=plan.learning_rate)
    batches, losses, started = Batches(photographs, simulated, plan), [], time.monotonic()
    for step in range(plan.iterations):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(plan, step)
        image, targets = batches.draw()
        with torch.autocast("cpu", torch.bfloat16):
            output = model(normalize(image).contiguous(memory_format=torch.channels_last))
        class_loss, box_loss = detection_loss(output, model.points, model.strides, targets, plan.loss)
        optimizer.zero_grad(set_to_none=True)
        (class_loss + box_loss).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        _follow(averaged, model, min(plan.average, (1 + step) / (10 + step)))
        losses.append(float(class_loss.detach() + box_loss.detach()))
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == plan.iterations:
            report(progress(step + 1, plan.iterations, losses[-REPORT_EVERY:], time.monotonic() - started))
    averaged.eval()
    return Trained(averaged, np.array(losses, dtype=np.float32), time.monotonic() - started)


def learning_rate(plan: Plan, step: int) -> float:
    """Return the rate of a step: a linear rise over the first tenth, then a cosine down to a fiftieth."""
    rise = max(1, plan.iterations // 10)
    if step < rise:
        return plan.learning_rate * (step + 1) / rise
    done = (step - rise) / max(1, plan.iterations - rise)
    return plan.learning_rate * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)


def progress(done: int, total: int, losses: Sequence[float], seconds: float) -> str:
    """Return the line that a person reads while waiting."""
    left = seconds / done * (total - done)
    return f"step {done}/{total}  loss {np.mean(losses):.3f}  {seconds:.0f} s, about {left:.0f} s left"


def _group_weights(pool: Sequence[Example]) -> NDArray[np.float64]:
    groups = [example.group for example in pool]
    weights = np.array([groups.count(group) ** -0.5 for group in groups])
    return weights / weights.sum() if len(weights) else weights


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    kernels = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _follow(averaged: nn.Module, model: nn.Module, keep: float) -> None:
    for slow, fast in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, 1 - keep)
        else:
            slow.copy_(fast)
