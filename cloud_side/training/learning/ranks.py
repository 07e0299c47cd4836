"""Several processes that train one network together: who this one is, and what they tell one another.

Source:
    The variables are those that torchrun sets for each process.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from edge_inspector.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Ranks:
    """One of the processes.

    Attributes:
        rank: Which, from 0; the first writes files and tells of progress.
        count: How many there are on all hosts.
        local_rank: Which on its host, from 0.
        local_count: How many there are on its host.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """A GPU of its own where the host has one, else the CPU."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank % torch.cuda.device_count())
        return torch.device("cpu")

    def summed(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes; no gradient goes through it."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total

    def shared(self, value: Any) -> Any:  # noqa: ANN401 - whatever the first process has
        """Return the first process's value in every process."""
        if self.count == 1:
            return value
        told = [value]
        distributed.broadcast_object_list(told, src=0, device=self.device)
        return told[0]


def read_ranks(variables: Mapping[str, str] = os.environ) -> Ranks:
    """Return who this process is; alone where nobody says.

    Raises:
        ConfigError: If only a part is said, or it contradicts itself.
    """
    if "RANK" not in variables:
        return Ranks()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    told = [variables.get(name, "1" if name == "LOCAL_WORLD_SIZE" else "") for name in names]
    if not all(text.isdecimal() for text in told) or int(told[0]) >= int(told[1]):
        msg = f"{', '.join(names)}: expected whole numbers, the first below the second, found {told}"
        raise ConfigError(msg)
    return Ranks(*(int(text) for text in told))


@contextmanager
def joined(ranks: Ranks) -> Iterator[None]:
    """Meet the other processes, where there are some, and part from them at the end."""
    if ranks.count == 1:
        yield
        return
    if ranks.device.type == "cuda":
        torch.cuda.set_device(ranks.device)
    distributed.init_process_group("nccl" if ranks.device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()
