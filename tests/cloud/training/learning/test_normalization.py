from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch
from torch import Tensor, distributed, nn

from cloud_side.training.learning.normalization import over_all


@pytest.fixture(autouse=True)
def one_process() -> Iterator[None]:
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def normalization(dtype: torch.dtype) -> nn.Sequential:
    norm = nn.BatchNorm2d(3, dtype=dtype)
    nn.init.constant_(norm.weight, 1.5)
    nn.init.constant_(norm.bias, 0.25)
    return nn.Sequential(norm)


def trained(norm: nn.Module, features: Tensor) -> list[Tensor]:
    """Return what comes out, the gradients, and what is remembered."""
    features = features.clone().requires_grad_()
    out = norm(features)
    (out * torch.arange(out.numel()).reshape(out.shape).sin()).sum().backward()
    gradients = [value.grad for value in (features, *norm.parameters()) if value.grad is not None]
    assert len(gradients) == 3
    return [out.detach(), *gradients, *norm.buffers()]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_the_numbers_are_those_of_torch(dtype: torch.dtype, tolerance: float) -> None:
    generator = torch.Generator().manual_seed(1)
    # A mean far above the deviation is what costs digits.
    features = (torch.randn(4, 3, 5, 6, generator=generator) * 0.5 + 100).to(dtype)
    over_processes = normalization(dtype)
    over_all(over_processes, 1)
    expected = trained(normalization(torch.float64), features.double())
    for found, exact in zip(trained(over_processes, features), expected, strict=True):
        assert torch.allclose(found.double(), exact.double(), rtol=tolerance, atol=tolerance)
