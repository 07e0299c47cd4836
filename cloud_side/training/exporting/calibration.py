"""Which images tell the ranges of INT8, and how they are shown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Images, LabeledImage
from edge_inspector.detectors.model_file import ModelInput
from edge_inspector.detectors.preprocess import Preprocessor
from edge_inspector.errors import ConfigError

CALIBRATION_IMAGES: Final = 200
T = TypeVar("T")


def spread_choice(rows: Sequence[LabeledImage], count: int, *, seed: int = 0) -> list[LabeledImage]:
    """Return labeled images of as many groups as there can be; the same rows in any order give the same choice.

    Args:
        rows: Those that nobody labeled are left out.
        count: Images wanted, at least 1; all are returned where there are no more.
        seed: Of the order of groups, and of the images of each.

    Raises:
        ConfigError: If none is wanted.
    """
    if count < 1:
        msg = f"images: expected at least 1, found {count}"
        raise ConfigError(msg)
    rng = np.random.default_rng(seed)
    groups: dict[str, list[LabeledImage]] = {}
    for row in sorted(rows, key=lambda row: str(row.path)):
        if row.labeled:
            groups.setdefault(row.group, []).append(row)
    queues = [_shuffled(groups[name], rng) for name in _shuffled(sorted(groups), rng)]
    turns = (queue[turn] for turn in range(max(map(len, queues), default=0)) for queue in queues if turn < len(queue))
    return [row for row, _ in zip(turns, range(count), strict=False)]


def input_tensors(rows: Iterable[LabeledImage], model_input: ModelInput) -> Iterator[NDArray[Any]]:
    """Yield the input tensor of each image as the device makes it, one image in memory at a time.

    Raises:
        ConfigError: If an image cannot be read.
    """
    preprocessor = Preprocessor(model_input)
    for example in Images(rows, model_input.color, cache_bytes=0):
        yield preprocessor.write(example.image)[0].copy()


def _shuffled(values: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [values[index] for index in rng.permutation(len(values))]
