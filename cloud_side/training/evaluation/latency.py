"""How long a frame takes on one core of this machine: letterbox, inference and postprocessing, as on the device.

Models take turns, so that a machine that is busy for a while is busy for all of them.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import LabeledImage
from cloud_side.training.dataset.examples import read_pixels
from edge_inspector.detectors.model_file import Color, ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.frame import Frame

PICTURES: Final = 16
TURNS: Final = 5


@dataclass(frozen=True, slots=True)
class Latency:
    """Times of one model file, one thread, milliseconds a frame.

    Attributes:
        frames: That were timed.
        median_ms: From the frame to its detections.
        p95_ms: The same, 95th percentile.
        inference_ms: Median of the model's run alone.
        inference_p95_ms: The same, 95th percentile.
    """

    frames: int
    median_ms: float
    p95_ms: float
    inference_ms: float
    inference_p95_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Files of one package, timed in turns.

    Attributes:
        by_precision: Times.
        ratio: Median frame of INT8 to that of float, in the same turns; None where not both were timed.
    """

    by_precision: Mapping[str, Latency]
    ratio: float | None


def compare(
    package: ModelPackage, images: Sequence[LabeledImage], precisions: Sequence[str] = ("float32", "int8")
) -> Comparison:
    """Return the times of some files of a package, which take turns on the same pictures.

    Raises:
        ConfigError: If an image cannot be read.
        ModelError: If the package has no such file, or it is damaged.
    """
    times = in_turns({precision: (package, precision) for precision in precisions}, images)
    both = [times[name].median_ms for name in ("float32", "int8") if name in times]
    return Comparison(times, both[1] / both[0] if len(both) == 2 else None)


def in_turns(
    files: Mapping[str, tuple[ModelPackage, str]],
    images: Sequence[LabeledImage],
    *,
    turns: int = TURNS,
    least: Mapping[str, float] | None = None,
) -> dict[str, Latency]:
    """Return the times of model files that take turns.

    Args:
        files: Package and precision, by any name.
        images: The first 16 are used.
        turns: How often each model sees each picture.
        least: Lowest score that is reported, of those whose package does not say yet what decides on the line: without
            thresholds every weak box would be suppressed, and the time be that of a model that nobody runs so.

    Raises:
        ConfigError: If an image cannot be read.
        ModelError: If a package has no such file, or it is damaged.
    """
    if not images:
        return {}
    now = datetime.now(UTC)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in files}
    with ExitStack() as stack:
        detectors = {
            name: stack.enter_context(
                OnnxDetector(package, package.file(precision), min_confidence=(least or {}).get(name))
            )
            for name, (package, precision) in files.items()
        }
        for number, row in enumerate(images[:PICTURES]):
            picture = read_pixels(row, Color.BGR), read_pixels(row, Color.GRAY)  # large ones: one in memory
            for _, (name, detector) in product(range(turns), detectors.items()):
                run = detector.detect(Frame(picture[detector.is_gray], number, now, 0, row.name))
                taken[name].append((run.preprocess_ms + run.inference_ms + run.postprocess_ms, run.inference_ms))
    return {name: _latency(np.array(rows)) for name, rows in taken.items()}


def _latency(times_ms: NDArray[np.float64]) -> Latency:
    (median, p95), (inference, inference_p95) = np.percentile(times_ms, (50, 95), axis=0).T
    return Latency(len(times_ms), float(median), float(p95), float(inference), float(inference_p95))
