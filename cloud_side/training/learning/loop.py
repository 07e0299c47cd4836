"""The loop: a fixed number of steps, and on CPUs the same numbers for the same seed on the same machine.

One process or several, a CPU or GPUs: the same lines. A run that is begun again goes on from its checkpoint.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from cloud_side.training.dataset import Example
from cloud_side.training.learning.batches import Batch, Batches, loaded
from cloud_side.training.learning.checkpoints import Checkpoints
from cloud_side.training.learning.curve import REPORT_EVERY, Curve, progress
from cloud_side.training.learning.normalization import over_all
from cloud_side.training.learning.plan import Plan, cycles_of, learning_rate
from cloud_side.training.learning.precision import autocast
from cloud_side.training.learning.ranks import Ranks
from cloud_side.training.learning.stopping import Stop, TrainingStoppedError
from cloud_side.training.network.loss import detection_loss
from cloud_side.training.network.model import Network, normalize
from edge_inspector.errors import ConfigError, InspectorError

LARGEST_GRADIENT: Final = 10.0
_FIRST_REPORT: Final = 10  # steps: who waits wants to know early how long it takes


class TrainingDivergedError(InspectorError):
    """The weights went to nowhere: with these hyperparameters and data no model comes out."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a training run leaves.

    Attributes:
        model: With the averaged weights, in evaluation mode, on the CPU.
        curve: Losses and scores.
        seconds: How long it took, over all starts.
        images_per_s: Over all processes.
    """

    model: Network
    curve: Curve
    seconds: float
    images_per_s: float

    @property
    def losses(self) -> NDArray[np.float32]:
        """(iterations,) total loss of every step."""
        return self.curve.losses


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What a run meets besides images and plan.

    Attributes:
        ranks: Who this process is.
        checkpoints: Where it is kept; None keeps nothing.
        begin: Changes the new network before the first step, for instance to the champion's weights.
        score: Gives mAP50 of a network on images that are not trained on; None scores nothing.
        stop: Whether the end is asked for.
        report: Gets lines of progress.
        steps_after: Of the runs that follow, for whoever waits for all of them.
    """

    ranks: Ranks = field(default_factory=Ranks)
    checkpoints: Checkpoints | None = None
    begin: Callable[[Network], object] | None = None
    score: Callable[[Network], float] | None = None
    stop: Stop | None = None
    report: Callable[[str], object] = lambda line: sys.stderr.write(line + "\n")
    steps_after: int = 0


def train(
    photographs: Sequence[Example],
    simulated: Sequence[Example],
    plan: Plan,
    *,
    around: Surroundings | None = None,
    report: Callable[[str], object] | None = None,
) -> Trained:
    """Train and return the averaged weights.

    Args:
        photographs: Real images; may be empty.
        simulated: May be empty, but not both.
        plan: How.
        around: Other processes, checkpoints, scores in between.
        report: Gets lines of progress in place of that in `around`.

    Raises:
        ValueError: If there is nothing to train on.
        ConfigError: If the batch cannot be shared evenly, or a checkpoint is that of another training.
        TrainingDivergedError: If the loss is no number any more.
        TrainingStoppedError: If the end was asked for; the checkpoint is written.
    """
    around = around or Surroundings()
    tell = report or around.report
    ranks = around.ranks
    if plan.batch % ranks.count:
        msg = f"batch: expected a multiple of the {ranks.count} processes, found {plan.batch}"
        raise ConfigError(msg)
    torch.set_num_threads(plan.threads)
    torch.backends.cudnn.allow_tf32 = False  # a GPU would round to 10 bits what shall be float32
    batches = Batches(photographs, simulated, plan, rank=ranks.rank, processes=ranks.count)
    run = _Run(plan, around, tell if ranks.is_first else _nothing)
    run.resume()
    run.steps(batches)
    return run.result()


class _Run:
    """The state that changes from step to step."""

    def __init__(self, plan: Plan, around: Surroundings, tell: Callable[[str], object]) -> None:
        self.plan, self.around, self.tell, self.ranks = plan, around, tell, around.ranks
        self.device = self.ranks.device
        torch.manual_seed(plan.seed)
        network = Network(plan.shape)
        if around.begin is not None:
            around.begin(network)
        if plan.precision == "float64":
            network.double()
        self.averaged = deepcopy(network).to(self.device).eval()
        self.ends, self.mean = [span.stop for span in cycles_of(plan) if span], deepcopy(self.averaged)
        if self.ranks.count > 1:
            over_all(network, self.ranks.count)
        self.network = network.to(self.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(_parameter_groups(network, plan.weight_decay), lr=plan.learning_rate)
        self.points, self.strides = network.cells(plan.input_wh)
        self.done, self.seconds_before = 0, 0.0
        self.losses = torch.zeros(plan.iterations, 2)
        self.scores: list[tuple[int, float]] = []
        self.started, self.first_step = time.monotonic(), 0

    def resume(self) -> None:
        """Go on from the newest checkpoint, which the first process reads for all."""
        checkpoints = self.around.checkpoints
        found = checkpoints.latest(self.tell) if checkpoints is not None and self.ranks.is_first else None
        found = self.ranks.shared(found)
        if found is None:
            return
        self.done, state = found
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.losses[: self.done] = state["losses"]
        self.scores = [(int(step), float(score)) for step, score in state["scores"]]
        self.seconds_before = float(state["seconds"])
        self.tell(f"going on from the checkpoint after step {self.done} of {self.plan.iterations}")

    def steps(self, batches: Batches) -> None:
        """Do what is left."""
        self.started, self.first_step = time.monotonic(), self.done
        if self.done == self.plan.iterations:
            return
        model: nn.Module = self.network
        if self.ranks.count > 1:
            model = DistributedDataParallel(self.network, forward_sync_buffers=False)
        for batch in loaded(batches, self.done, pinned=self.device.type == "cuda"):
            stopped = self._step(model, batch)
            self.done += 1
            if self.done in self.ends:
                self._end_cycle()
            self._look_up(stopped=stopped)

    def _step(self, model: nn.Module, batch: Batch) -> bool:
        """Do one step; returns whether a process asks for the end."""
        plan, step = self.plan, self.done
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(plan, step)
        image, targets = batch[0].to(self.device, non_blocking=True), batch[1].to(self.device)
        with autocast(plan.precision, self.device):
            output = model(normalize(image).to(self.points.dtype).contiguous(memory_format=torch.channels_last))
        class_loss, box_loss = detection_loss(
            output, self.points, self.strides, targets, plan.loss, summed=self.ranks.summed
        )
        self.optimizer.zero_grad(set_to_none=True)
        # The gradients' mean over the processes is taken afterwards; what is wanted is their sum.
        ((class_loss + box_loss) * self.ranks.count).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        _follow(self.averaged, self.network, min(plan.average, (1 + step) / (10 + step)))
        wish = torch.tensor(float(self.around.stop is not None and self.around.stop.asked), device=self.device)
        told = self.ranks.summed(torch.stack((class_loss.detach(), box_loss.detach(), wish))).cpu()
        self.losses[step] = told[:2]
        return bool(told[2] > 0)

    def _end_cycle(self) -> None:
        """Take what a cycle ends with into the mean of all; the last one leaves that mean.

        What batch normalization knows of the images is averaged like the rest, not measured anew.

        Source:
            Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018.
        """
        before = self.ends.index(self.done)
        _follow(self.mean, self.averaged, before / (before + 1))
        if self.done == self.plan.iterations:
            _follow(self.averaged, self.mean, 0.0)

    def _look_up(self, *, stopped: bool) -> None:
        plan, finished = self.plan, self.done == self.plan.iterations
        self._check_finite()
        if self.done % REPORT_EVERY == 0 or self.done - self.first_step == _FIRST_REPORT or finished:
            self._tell_progress()
        if self.around.score is not None and self.ranks.is_first and (self.done % plan.validate_every == 0 or finished):
            self.scores.append((self.done, self.around.score(self.averaged)))
            self.tell(f"step {self.done}/{plan.iterations}  map50 {self.scores[-1][1]:.3f}")
        if self.done % plan.checkpoint_every == 0 or finished or stopped:
            self._keep()
        if stopped and not finished:
            msg = f"training was stopped after step {self.done} of {plan.iterations}; started again, it goes on there"
            raise TrainingStoppedError(msg)

    def _check_finite(self) -> None:
        loss = float(self.losses[self.done - 1].sum())
        if not math.isfinite(loss):
            msg = f"training: expected a finite loss, found {loss} at step {self.done}: lower learning_rate"
            raise TrainingDivergedError(msg)

    def _tell_progress(self) -> None:
        last = self.losses[max(0, self.done - REPORT_EVERY) : self.done].sum(dim=1)
        seconds = time.monotonic() - self.started
        plan, after = self.plan, self.around.steps_after
        self.tell(progress(self.done, plan.iterations, last.tolist(), seconds, self._speed(), plan.batch, after))

    def _keep(self) -> None:
        if self.around.checkpoints is None or not self.ranks.is_first:
            return
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses[: self.done].clone(),
            "scores": [list(each) for each in self.scores],
            "seconds": self.seconds_before + time.monotonic() - self.started,
        }
        self.around.checkpoints.save(self.done, state)

    def _speed(self) -> float:
        seconds = time.monotonic() - self.started
        return (self.done - self.first_step) * self.plan.batch / seconds if seconds > 0 else 0.0

    def result(self) -> Trained:
        """Return what came out; a run that was finished before has its own time."""
        started_anew = self.first_step < self.done
        seconds = self.seconds_before + (time.monotonic() - self.started if started_anew else 0.0)
        class_losses, box_losses = self.losses.numpy().T.copy()
        curve = Curve(class_losses, box_losses, tuple(self.scores))
        model = self.averaged.cpu().float().eval()
        return Trained(model, curve, seconds, self.done * self.plan.batch / max(seconds, 1e-9))


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


def _nothing(_line: str) -> None:
    """Tell nobody: the first process speaks for all."""
