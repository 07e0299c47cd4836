"""The detector: a model package on ONNX Runtime. The only importer of onnxruntime."""

import os
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# The runtime would else name this device, keep what it does in a database below the user's cache, and send it to its
# maker. It reads the variable when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edge_inspector.detections import Detections
from edge_inspector.detectors.decoding import Tensors, decoder_of
from edge_inspector.detectors.graph import Graph, Tensor, check_outputs, input_batch
from edge_inspector.detectors.model_file import Color, ModelFile, ModelInput, ModelPackage
from edge_inspector.detectors.preprocess import Preprocessor
from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from edge_inspector.inspection import ModelIdentity
from edge_inspector.letterbox import Fit
from edge_inspector.ports import Inference

# The runtime's exceptions have no common base below Exception.
_RUNTIME_ERRORS = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


@dataclass(frozen=True, slots=True)
class StageTimes:
    """How long the stages of one call took in milliseconds, summed over its images."""

    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float

    def __add__(self, other: "StageTimes") -> "StageTimes":
        return StageTimes(
            self.preprocess_ms + other.preprocess_ms,
            self.inference_ms + other.inference_ms,
            self.postprocess_ms + other.postprocess_ms,
        )


class OnnxDetector:
    """Runs one file of a model package; for one thread at a time.

    Attributes:
        class_names: Names by class id.
        is_gray: Whether the model sees one channel.
        identity: Which model it is.
        max_batch: Images that go through the model together at most; 1 for a model that takes them one by one.
    """

    def __init__(  # noqa: PLR0913 - what may be chosen of a model's run
        self,
        package: ModelPackage,
        file: ModelFile | None = None,
        *,
        threads: int = 1,
        min_confidence: float | None = None,
        max_detections: int = 100,
        max_batch: int = 8,
    ) -> None:
        """Check, load and warm up the model.

        Args:
            package: Opened model package.
            file: Which of its files; its float32 one by default.
            threads: Threads inside one inference.
            min_confidence: Lowest score reported, in [0, 1]; by default the lowest `review_at` of the file.
            max_detections: Boxes reported at most.
            max_batch: Images in one run at most, at least 1, for a model that leaves it open; each costs the memory of
                one more inference.

        Raises:
            ModelError: If the file is damaged or its tensors contradict `model.json`.
        """
        manifest = package.manifest
        if file is None:
            file = package.file("float32")
        self.class_names = manifest.class_names
        self.is_gray = manifest.input.color is Color.GRAY
        self.identity = ModelIdentity(manifest.name, manifest.version, file.sha256)
        if min_confidence is None:
            min_confidence = min(entry.review_at for entry in package.thresholds(file).values())
        self._path = package.folder / file.path
        self._preprocessor = Preprocessor(manifest.input)
        self._manifest, self._max_detections = manifest, max_detections
        decoder = decoder_of(manifest, confidence=min_confidence, max_detections=max_detections)
        self._decode, self._output_names = decoder.decode, list(decoder.dtypes)
        self._input_name, self._size_name = manifest.input.name, manifest.input.size_name
        session = open_session(package.read(file), name=str(self._path), threads=threads)
        self._loaded = [session]  # shared with every copy, so that nothing holds the model once it is closed
        graph = _graph_of(session)
        batch = input_batch(graph, manifest.input, name=str(self._path))
        check_outputs(graph, decoder.dtypes, name=str(self._path))
        self._fixed_batch = batch or 1
        self._batch: NDArray[Any] = np.empty(0)  # made when it is needed
        self._sizes = np.tile(np.array(manifest.input.model_wh, np.int64), (max(max_batch, self._fixed_batch), 1))
        blank = np.zeros((manifest.input.model_wh[1], manifest.input.model_wh[0]), dtype=np.uint8)
        self.max_batch = batch or (max_batch if max_batch > 1 and self._takes_two(blank) else 1)
        # The first runs allocate; the first part must not wait for that.
        for _ in range(2):
            self.run(blank)

    def detect(self, frame: Frame) -> Inference:
        """Return what is on a frame, in frame pixels.

        Raises:
            ModelError: If the model fails, or returns something that contradicts its contract.
        """
        inference = self.run(frame.image)
        if frame.full_wh is None:
            return inference
        found = inference.detections
        return replace(inference, detections=replace(found, xyxy=frame.to_captured(found.xyxy)))

    def seeing(self, min_confidence: float, *, counts_from: float | None = None) -> Self:
        """Return the same model, not a second one in memory, that reports from another score on.

        It lives as long as this one, and on the same thread; whoever has opened this one closes this one.

        Args:
            min_confidence: Lowest score reported, in [0, 1].
            counts_from: Weaker boxes than this decide nothing: only the strongest of them are looked at, and one among
                them that is not sound is no error, but leaves them out of that frame. All decide when None.
        """
        other = copy(self)
        decode = self._decode_from(min_confidence)
        if counts_from is not None and counts_from > min_confidence:
            decode = _either(self._decode_from(min_confidence, counts_from), self._decode_from(counts_from))
        other._decode = decode  # noqa: SLF001 - it is one of us
        return other

    def close(self) -> None:
        """Free the model, also of those that see with it."""
        self._loaded.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, image: NDArray[np.uint8]) -> Inference:
        """Return what is on an image: (h, w, 3) BGR or (h, w) grey, uint8.

        Raises:
            ModelError: As `detect`.
        """
        if self._fixed_batch > 1:
            (detections,), times = self._run_batch([image])
            return Inference(detections, times.preprocess_ms, times.inference_ms, times.postprocess_ms)
        started = time.perf_counter_ns()
        tensor, fit = self._preprocessor.write(image)
        prepared = time.perf_counter_ns()
        outputs = self._infer(tensor)
        inferred = time.perf_counter_ns()
        detections = self._read(outputs, fit)
        decoded = time.perf_counter_ns()
        return Inference(
            detections,
            preprocess_ms=(prepared - started) / 1e6,
            inference_ms=(inferred - prepared) / 1e6,
            postprocess_ms=(decoded - inferred) / 1e6,
        )

    def run_many(self, images: Sequence[NDArray[np.uint8]]) -> tuple[list[Detections], StageTimes]:
        """Return what is on each image, in its own pixels, and how long the stages took together.

        Up to `max_batch` images share one run of the model; a model with a fixed batch runs on full ones, whose last
        rows are not looked at. Against images one by one this costs one more copy of each input tensor, and the memory
        of the largest batch seen.

        Args:
            images: (h, w, 3) BGR or (h, w) grey, uint8, of any sizes.

        Raises:
            ModelError: As `detect`; for all images together.
        """
        found: list[Detections] = []
        total = StageTimes(0.0, 0.0, 0.0)
        for start in range(0, len(images), self.max_batch):
            detections, times = self._run_batch(images[start : start + self.max_batch])
            found += detections
            total += times
        return found, total

    def _run_batch(self, images: Sequence[NDArray[np.uint8]]) -> tuple[list[Detections], StageTimes]:
        if len(images) == 1 and self._fixed_batch == 1:
            one = self.run(images[0])
            return [one.detections], StageTimes(one.preprocess_ms, one.inference_ms, one.postprocess_ms)
        started = time.perf_counter_ns()
        rows = max(len(images), self._fixed_batch)
        fits = []
        for row, image in enumerate(images):
            tensor, fit = self._preprocessor.write(image)
            if len(self._batch) < rows:
                self._batch = np.zeros((rows, *tensor.shape[1:]), tensor.dtype)
            np.copyto(self._batch[row], tensor[0])
            fits.append(fit)
        prepared = time.perf_counter_ns()
        outputs = self._infer(self._batch[:rows])
        if any(output.shape[:1] != (rows,) for output in outputs):
            found_shapes = ", ".join(str(output.shape) for output in outputs)
            msg = f"{self._path}: expected a row of each output for each of {rows} images, found shapes {found_shapes}"
            raise ModelError(msg)
        inferred = time.perf_counter_ns()
        found = [self._read([output[row : row + 1] for output in outputs], fit) for row, fit in enumerate(fits)]
        decoded = time.perf_counter_ns()
        return found, StageTimes(
            preprocess_ms=(prepared - started) / 1e6,
            inference_ms=(inferred - prepared) / 1e6,
            postprocess_ms=(decoded - inferred) / 1e6,
        )

    def _decode_from(self, min_confidence: float, counts_from: float = 0.0) -> Callable[[Tensors], Detections]:
        most = self._max_detections
        return decoder_of(
            self._manifest, confidence=min_confidence, max_detections=most, counts_from=counts_from
        ).decode

    def _infer(self, tensor: NDArray[Any], options: ort.RunOptions | None = None) -> Tensors:
        """Return the outputs for an input tensor of any number of images."""
        feeds = {self._input_name: tensor}
        if self._size_name is not None:
            feeds[self._size_name] = self._sizes[: len(tensor)]
        if not self._loaded:
            msg = f"{self._path}: expected an open model, found one that was closed"
            raise ModelError(msg)
        (session,) = self._loaded
        try:
            outputs: Tensors = session.run(self._output_names, feeds, options)
        except _RUNTIME_ERRORS as error:
            msg = f"{self._path}: inference failed: {_first_line(error)}"
            raise ModelError(msg) from error
        return outputs

    def _read(self, outputs: Tensors, fit: Fit) -> Detections:
        # The warm-up makes the decoder's checks checks at load, also for graphs that declare no output shape.
        try:
            return _to_frame(self._decode(outputs), fit)
        except ModelError as error:
            msg = f"{self._path}: {error}"
            raise ModelError(msg) from error

    def _takes_two(self, blank: NDArray[np.uint8]) -> bool:
        """Return whether a graph that leaves the batch open really runs on two images: many have a 1 inside."""
        options = ort.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # nothing stays allocated
        tensor, _ = self._preprocessor.write(blank)
        try:
            outputs = self._infer(np.repeat(tensor, 2, axis=0), options)
        except ModelError:
            return False
        return all(output.shape[:1] == (2,) for output in outputs)


def _either(
    first: Callable[[Tensors], Detections], otherwise: Callable[[Tensors], Detections]
) -> Callable[[Tensors], Detections]:
    """Return what decodes in the first way, or where that cannot be in the other."""

    def decode(outputs: Tensors) -> Detections:
        try:
            return first(outputs)
        except ModelError:
            return otherwise(outputs)

    return decode


def read_graph(content: bytes, *, name: str) -> Graph:
    """Return the tensors and the metadata of an ONNX file.

    Raises:
        ModelError: If the bytes are no model that this runtime can run.
    """
    return _graph_of(open_session(content, name=name, threads=1))


def run_blank(content: bytes, model_input: ModelInput, *, name: str) -> dict[str, tuple[int, ...]]:
    """Return the shape of each output after a run on an input of zeros.

    Raises:
        ModelError: If the bytes are no model that takes this input.
    """
    session = open_session(content, name=name, threads=1)
    batch = input_batch(_graph_of(session), model_input, name=name) or 1
    feeds = {model_input.name: np.zeros((batch, *model_input.image_shape), model_input.dtype)}
    if model_input.size_name is not None:
        feeds[model_input.size_name] = np.tile(np.array(model_input.model_wh, np.int64), (batch, 1))
    names = [tensor.name for tensor in session.get_outputs()]
    try:
        outputs = session.run(names, feeds)
    except _RUNTIME_ERRORS as error:
        msg = f"{name}: inference failed: {_first_line(error)}"
        raise ModelError(msg) from error
    return {name: np.shape(output) for name, output in zip(names, outputs, strict=True)}


def _graph_of(session: ort.InferenceSession) -> Graph:
    return Graph(
        tuple(Tensor(tensor.name, tensor.type, tuple(tensor.shape)) for tensor in session.get_inputs()),
        tuple(Tensor(tensor.name, tensor.type, tuple(tensor.shape)) for tensor in session.get_outputs()),
        dict(session.get_modelmeta().custom_metadata_map),
    )


def open_session(content: bytes, *, name: str, threads: int) -> ort.InferenceSession:
    """Return an ONNX Runtime session for the bytes of a model.

    Threads never spin: the processor is shared with the camera, the broker's client and whatever else runs there.

    Raises:
        ModelError: If the bytes are no model that this runtime can run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # From bytes the runtime parses under the interpreter's lock, and nobody inspects meanwhile: about 1 ms a megabyte.
    # From a file it does not; this one is in memory, so that what was checked is what is loaded.
    descriptor = os.memfd_create("model", os.MFD_CLOEXEC)
    path = f"/proc/self/fd/{descriptor}"
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _RUNTIME_ERRORS as error:
        msg = f"{name}: expected an ONNX model, found: {_first_line(error).replace(path, name)}"
        raise ModelError(msg) from error
    finally:
        os.close(descriptor)


def _to_frame(detections: Detections, fit: Fit) -> Detections:
    if not len(detections):
        return detections
    return Detections(fit.to_image(detections.xyxy), detections.confidence, detections.class_id)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
