"""Batch normalization over the images of all processes: the numbers are those of one process with the whole batch.

Of one process in double precision, and of one in single precision but for its rounding: torch's own normalization on a
CPU is the less exact of the two. A network in training doubles such a difference with every step or two, because a
value that is nearly 0 falls on the other side of a ReLU.

Source:
    Ioffe and Szegedy, "Batch Normalization", ICML 2015. torch's own SyncBatchNorm runs on GPUs only.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn


class SumOverProcesses(torch.autograd.Function):
    """The sum of each process's tensor; what its change means for the losses of all is summed in turn."""

    @staticmethod
    def forward(_context: Any, own: Tensor) -> Tensor:  # noqa: ANN401 - torch's context, which nothing is kept in
        """Return the sum."""
        return _summed(own)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        """Return the gradient of the sum of all losses."""
        return _summed(gradients[0])


def _summed(own: Tensor) -> Tensor:
    total = own.detach().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """As `nn.BatchNorm2d`; every process has the same number of images, and all take part in each step."""

    processes: int = 1

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, c, h, w) of the same shape and type."""
        if not self.training:
            return super().forward(features)
        exact = features if features.dtype == torch.float64 else features.float()
        variance, mean = torch.var_mean(exact, dim=(0, 2, 3), correction=0)
        # In double precision the mean of squares loses nothing, and one exchange is enough.
        own = torch.cat((mean.double(), variance.double() + mean.double().square()))
        total: Tensor = SumOverProcesses.apply(own)  # type: ignore[no-untyped-call]
        mean, squares = (total / self.processes).chunk(2)
        variance = squares - mean.square()
        self._follow(mean.detach(), variance.detach(), features.numel() // features.shape[1] * self.processes)
        scale = self.weight * (variance.to(exact.dtype) + self.eps).rsqrt()
        shift = self.bias - mean.to(exact.dtype) * scale
        return (exact * scale[:, None, None] + shift[:, None, None]).to(features.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None  # noqa: S101 - for the type checker, as below
        assert self.running_var is not None  # noqa: S101
        assert self.num_batches_tracked is not None  # noqa: S101
        assert self.momentum is not None  # noqa: S101
        self.num_batches_tracked.add_(1)
        unbiased = variance * (count / max(1, count - 1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


def over_all(network: nn.Module, processes: int) -> None:
    """Let the normalizations of a network count the images of all processes; names and values stay."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                norm = GlobalBatchNorm2d(child.num_features, child.eps, child.momentum).to(child.weight)
                norm.load_state_dict(child.state_dict())
                norm.processes = processes
                setattr(parent, name, norm)
