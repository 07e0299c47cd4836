"""The detector: a model package on ONNX Runtime. The only importer of onnxruntime."""

import time
from dataclasses import dataclass
from typing import Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Color, Layout, Manifest, ModelFile, ModelPackage
from edge_inspector.detectors.preprocess import Preprocessor
from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from edge_inspector.inspection import ModelIdentity
from edge_inspector.letterbox import Fit
from edge_inspector.ports import Inference
from edge_inspector.postprocess import DECODERS, Limits, class_count

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
_DTYPES = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}


class OnnxDetector:
    """Runs one file of a model package; for one thread at a time."""

    def __init__(
        self,
        package: ModelPackage,
        file: ModelFile | None = None,
        *,
        threads: int = 1,
        min_confidence: float | None = None,
        max_detections: int = 100,
    ) -> None:
        """Check, load and warm up the model.

        Args:
            package: Opened model package.
            file: Which of its files; its float32 one by default.
            threads: Threads inside one inference.
            min_confidence: Lowest score reported, in [0, 1]; by default the lowest `review_at` of the file.
            max_detections: Boxes reported at most.

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
        self._limits = Limits(min_confidence, manifest.output.nms_iou, max_detections)
        self._decode_type = manifest.output.decode
        self._decode = DECODERS[self._decode_type]
        self._path = package.folder / file.path
        self._preprocessor = Preprocessor(manifest.input)
        self._input_name, self._output_names = manifest.input.name, [manifest.output.name]
        self._session = open_session(package.read(file), name=str(self._path), threads=threads)
        _check_tensors(self._session, manifest, name=str(self._path))
        # The first runs allocate; the first part must not wait for that.
        blank = np.zeros((manifest.input.model_wh[1], manifest.input.model_wh[0]), dtype=np.uint8)
        for _ in range(2):
            self.run(blank)

    def detect(self, frame: Frame) -> Inference:
        """Return what is on a frame, in frame pixels.

        Raises:
            ModelError: If the model fails, or returns something that contradicts its contract.
        """
        return self.run(frame.image)

    def close(self) -> None:
        """Free the model."""
        del self._session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, image: NDArray[np.uint8]) -> Inference:
        """Return what is on an image: (h, w, 3) BGR or (h, w) grey, uint8.

        Raises:
            ModelError: As `detect`.
        """
        started = time.perf_counter_ns()
        tensor, fit = self._preprocessor.write(image)
        prepared = time.perf_counter_ns()
        try:
            (output,) = self._session.run(self._output_names, {self._input_name: tensor})
        except _RUNTIME_ERRORS as error:
            msg = f"{self._path}: inference failed: {_first_line(error)}"
            raise ModelError(msg) from error
        inferred = time.perf_counter_ns()
        # The warm-up makes this a check at load, also for graphs that declare no output shape.
        if class_count(self._decode_type, output.shape) != len(self.class_names):
            msg = (
                f"{self._path}: output {self._output_names[0]!r} has shape {output.shape}, which does not hold the "
                f"{len(self.class_names)} classes of model.json as decode type {self._decode_type}"
            )
            raise ModelError(msg)
        try:
            detections = _to_frame(self._decode(output, self._limits), fit)
        except ModelError as error:
            msg = f"{self._path}: {error}"
            raise ModelError(msg) from error
        decoded = time.perf_counter_ns()
        return Inference(
            detections,
            preprocess_ms=(prepared - started) / 1e6,
            inference_ms=(inferred - prepared) / 1e6,
            postprocess_ms=(decoded - inferred) / 1e6,
        )


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, ONNX type and shape of an input or output; a side is a number, a symbol, or None."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """What an ONNX file says of itself."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: dict[str, str]


def read_graph(content: bytes, *, name: str) -> Graph:
    """Return the tensors and the metadata of an ONNX file.

    Raises:
        ModelError: If the bytes are no model that this runtime can run.
    """
    session = open_session(content, name=name, threads=1)
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
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except _RUNTIME_ERRORS as error:
        msg = f"{name}: expected an ONNX model, found: {_first_line(error)}"
        raise ModelError(msg) from error


def _to_frame(detections: Detections, fit: Fit) -> Detections:
    if not len(detections):
        return detections
    return Detections(fit.to_image(detections.xyxy), detections.confidence, detections.class_id)


def _check_tensors(session: ort.InferenceSession, manifest: Manifest, *, name: str) -> None:
    """Raise ModelError where the file's tensors contradict the manifest."""
    wanted = manifest.input
    inputs = {tensor.name: tensor for tensor in session.get_inputs()}
    if set(inputs) != {wanted.name}:
        msg = f"{name}: expected one input named {wanted.name!r}, found {sorted(inputs)}"
        raise ModelError(msg)
    tensor = inputs[wanted.name]
    if tensor.type != _DTYPES[wanted.dtype]:
        msg = f"{name}: input {wanted.name!r}: expected {_DTYPES[wanted.dtype]}, found {tensor.type}"
        raise ModelError(msg)
    (width, height), channels = wanted.model_wh, wanted.color.channels
    expected = (1, channels, height, width) if wanted.layout is Layout.NCHW else (1, height, width, channels)
    if not _fits(tensor.shape, expected):
        msg = f"{name}: input {wanted.name!r}: expected shape {expected} as in model.json, found {tensor.shape}"
        raise ModelError(msg)
    outputs = {tensor.name: tensor for tensor in session.get_outputs()}
    if manifest.output.name not in outputs:
        msg = f"{name}: expected an output named {manifest.output.name!r}, found {sorted(outputs)}"
        raise ModelError(msg)
    if (found := outputs[manifest.output.name].type) != _DTYPES["float32"]:
        msg = f"{name}: output {manifest.output.name!r}: expected {_DTYPES['float32']}, found {found}"
        raise ModelError(msg)


def _fits(shape: list[int | str | None], expected: tuple[int, ...]) -> bool:
    """Return whether a tensor's declared shape allows `expected`; a symbolic side allows any length."""
    return len(shape) == len(expected) and all(
        not isinstance(side, int) or side == wanted for side, wanted in zip(shape, expected, strict=True)
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
