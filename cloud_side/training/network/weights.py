"""A file of weights: the network's sizes, the classes by name, and the values; it holds nothing that could run."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from cloud_side.training.network.model import Network, Shape
from edge_inspector.errors import ConfigError

SCHEMA: Final = "edge-inspector/weights/1"
_HEAD: Final = ("head.score.weight", "head.score.bias")


def write_weights(path: Path, network: Network, class_names: Sequence[str]) -> None:
    """Write the weights of a network, and what is needed to build it again.

    Args:
        path: The file; its folder is made.
        network: On any device.
        class_names: Order = class id.
    """
    state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        {"schema": SCHEMA, "shape": asdict(network.shape), "class_names": list(class_names), "state": state}, path
    )


def read_weights(path: Path) -> tuple[Network, tuple[str, ...]]:
    """Return the network of a file, in evaluation mode, and its class names.

    Raises:
        ConfigError: If there is no such file, or it is another one.
    """
    try:
        read = torch.load(path, map_location="cpu", weights_only=True)
        return _built(read), tuple(read["class_names"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        msg = f"{path}: expected a file of weights ({SCHEMA}), found: {str(error)[:200]}"
        raise ConfigError(msg) from error


@dataclass(frozen=True, slots=True)
class Taken:
    """What a network begins with.

    Attributes:
        values: How many of its values come from the other network.
        of: How many it has.
        classes: Those that both know.
        left: Names of tensors that begin anew.
    """

    values: int
    of: int
    classes: tuple[str, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        told = f"{self.values} of {self.of} values taken; classes known: {', '.join(self.classes) or 'none'}"
        return f"{told}; begun anew: {', '.join(self.left)}" if self.left else told


def take(network: Network, class_names: Sequence[str], other: Network, other_names: Sequence[str]) -> Taken:
    """Put into a network what fits of another one; classes are matched by name, so their order does not matter.

    A network of another size or with another number of channels gives the layers whose shapes are the same.

    Args:
        network: Is changed.
        class_names: Its classes.
        other: Is left as it is.
        other_names: Its classes.
    """
    own, given = network.state_dict(), other.state_dict()
    known = [name for name in class_names if name in other_names]
    values, left = 0, []
    for name, value in own.items():
        if not value.dtype.is_floating_point:
            continue
        counted = _take_classes if name in _HEAD else _take_whole
        taken = counted(value, given.get(name), class_names, other_names)
        values += taken
        if taken < value.numel():
            left.append(name)
    whole = sum(value.numel() for value in own.values() if value.dtype.is_floating_point)
    return Taken(values, whole, tuple(known), tuple(left))


def _take_whole(value: Tensor, given: Tensor | None, _names: Sequence[str], _others: Sequence[str]) -> int:
    if given is None or given.shape != value.shape:
        return 0
    value.copy_(given)
    return value.numel()


def _take_classes(value: Tensor, given: Tensor | None, names: Sequence[str], others: Sequence[str]) -> int:
    if given is None or given.shape[1:] != value.shape[1:]:
        return 0
    common = [(names.index(name), others.index(name)) for name in names if name in others]
    for here, there in common:
        value[here].copy_(given[there])
    return sum(value[here].numel() for here, _ in common)


def _built(read: Mapping[str, Any]) -> Network:
    if read["schema"] != SCHEMA:
        msg = f"schema {read['schema']!r}"
        raise ValueError(msg)
    network = Network(Shape(**read["shape"]))
    network.load_state_dict(read["state"])
    return network.eval()
