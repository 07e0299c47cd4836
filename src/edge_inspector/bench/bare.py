"""The bare model: ONNX Runtime's `session.run` on prepared tensors, by threads and by precision."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_inspector.bench.agreement import Agreement, agree
from edge_inspector.bench.timing import Call, repeat, take_turns
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelFile, ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector, open_session
from edge_inspector.detectors.preprocess import Preprocessor
from edge_inspector.errors import FrameError, ModelError
from edge_inspector.imaging import decode_image

Feeds: TypeAlias = Mapping[str, NDArray[np.generic]]
Key = TypeVar("Key", int, str)


def bare_model(content: bytes, feeds: Feeds, *, name: str, threads: int) -> Call:
    """Return a call of the bare model, opened as the detector opens it.

    Args:
        content: An ONNX file.
        feeds: What its inputs are given, by name, in their shapes and types.
        name: What to call the file in an error.
        threads: Threads inside one inference.

    Raises:
        ModelError: If the bytes are no model that this runtime can run.
    """
    session = open_session(content, name=name, threads=threads)
    return lambda: session.run(None, feeds)


def feeds_of(package: ModelPackage, image: NDArray[np.uint8]) -> Feeds:
    """Return what the inputs of a package's model are given for an image."""
    wanted = package.manifest.input
    tensor, _ = Preprocessor(wanted).write(image)
    size = {} if wanted.size_name is None else {wanted.size_name: np.array([wanted.model_wh], np.int64)}
    return {wanted.name: tensor.copy(), **size}


@dataclass(frozen=True, slots=True)
class BareModels:
    """The files of one package, each run bare on the same tensors."""

    package: ModelPackage
    feeds: Feeds

    def call(self, file: ModelFile, threads: int) -> Call:
        """Return a call of one file, warmed up."""
        name = str(self.package.folder / file.path)
        call = bare_model(self.package.read(file), self.feeds, name=name, threads=threads)
        repeat(call, seconds=0, least=2)
        return call

    def by_threads(self, file: ModelFile, counts: Iterable[int], seconds: float) -> dict[int, float]:
        """Return the median milliseconds of a file by number of threads, all measured in turns."""
        return _medians({threads: self.call(file, threads) for threads in counts}, seconds)

    def by_precision(self, threads: int, seconds: float) -> dict[str, float]:
        """Return the median milliseconds by precision, measured in turns; empty where the package has only one."""
        files = self._files()
        if len(files) == 1:
            return {}
        return _medians({precision: self.call(file, threads) for precision, file in files.items()}, seconds)

    def agreement(self, threads: int) -> Agreement | None:
        """Return how the boxes of the first two precisions differ on the golden images; None without two, or images.

        Raises:
            ModelError: If an image is missing or damaged, or the model fails.
        """
        files = list(self._files().values())
        if len(files) == 1 or not self.package.manifest.golden:
            return None
        first, second = (_golden_detections(self.package, file, threads) for file in files[:2])
        return agree(zip(first, second, strict=True))

    def _files(self) -> dict[str, ModelFile]:
        return {file.precision: self.package.file(file.precision) for file in self.package.manifest.files}


def _medians(calls: Mapping[Key, Call], seconds: float) -> dict[Key, float]:
    times = take_turns(list(calls.values()), seconds=seconds)
    return {key: statistics.median(spent) for key, spent in zip(calls, times, strict=True)}


def _golden_detections(package: ModelPackage, file: ModelFile, threads: int) -> list[Detections]:
    """Return what a file finds at its own thresholds on each golden image."""
    found = []
    with OnnxDetector(package, file, threads=threads) as detector:
        for golden in package.manifest.golden:
            path = package.folder / golden.image
            try:
                image = decode_image(path.read_bytes(), str(path), gray=detector.is_gray)
            except (OSError, FrameError) as error:
                msg = f"{path}: expected a golden image, found: {error}"
                raise ModelError(msg) from error
            found.append(detector.run(image).detections)
    return found
