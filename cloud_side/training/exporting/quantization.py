"""INT8 for a float model, in ONNX Runtime's static QDQ form: a fraction of the bytes, and less time.

Measured on the metal tags (docs/experiments.md): the lowest and highest values as ranges, convolutions per channel, the
last convolutions and what follows them in float. Weights have 7 bits: processors without VNNI add pairs of products in
16 bits, which 8-bit weights overflow; there the same file would find less than on the machine that it was tested on.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

# As the edge says to the runtime before it is loaded: it shall send nothing to its maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from edge_inspector.errors import ModelError

_HIGHEST_BYTE: Final = 255
_BYTES_LEAVE_FROM: Final = ("Cast", "Sub", "Div")


@dataclass(frozen=True, slots=True)
class Normalization:
    """What a graph does first with its bytes: `(value - zero) / steps`.

    Attributes:
        tensor: The normalized one.
        zero: The byte that becomes 0.
        steps: Bytes that become 1.
    """

    tensor: str
    zero: int
    steps: float


def quantized(content: bytes, images: Iterable[NDArray[Any]], *, input_name: str) -> bytes:
    """Return the INT8 form of a float ONNX file; the same file and images give the same bytes.

    Args:
        content: The float file.
        images: Input tensors of training images, as the device makes them. One at least.
        input_name: Of the tensor that they are.

    Raises:
        ModelError: If the graph has no convolution.
    """
    _seek_convolution(onnx.load_from_string(content).graph)
    with tempfile.TemporaryDirectory() as scratch:
        given, prepared, result = (Path(scratch) / f"{name}.onnx" for name in ("given", "prepared", "int8"))
        given.write_bytes(content)  # a loaded model it would write with all values beside it, and not know its shapes
        # Symbolic shapes are for sizes that stay open; it wants another package, and the plain inference does for ours.
        quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        model = onnx.load(prepared)
        _name_nodes(model.graph)
        normalization = normalization_of(model.graph)
        quantize_static(
            model,
            str(result),
            _Calibration(input_name, iter(images)),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=float_nodes(model.graph),
            extra_options=_options(normalization),
        )
        graph = onnx.load(result)
    if normalization is not None:
        _feed_bytes(graph.graph, normalization)
    return bytes(graph.SerializeToString(deterministic=True))


def float_nodes(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the nodes that stay in float: the last convolutions, and all that no convolution follows.

    Scores and sides come out of the last convolutions; they are cheap, and the ranking of boxes hangs on their bits.
    """
    followed = _before_a_convolution(graph)
    return [node.name for node in graph.node if node.name not in followed]


def normalization_of(graph: onnx.GraphProto) -> Normalization | None:
    """Return how a graph normalizes the bytes that it takes, where 8 bits hold the result without an error.

    None for a graph that takes no bytes, or does something else with them: it is quantized all the same.
    """
    tensor = graph.input[0]
    if tensor.type.tensor_type.elem_type != onnx.TensorProto.UINT8:
        return None
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    name, values = tensor.name, [np.empty(0), np.empty(0)]
    for number, kind in enumerate(_BYTES_LEAVE_FROM):
        users = [node for node in graph.node if name in node.input]
        if len(users) != 1 or users[0].op_type != kind or users[0].input[0] != name:
            return None
        if number:
            values[number - 1] = np.asarray(constants.get(users[0].input[1], np.empty(0)), np.float64)
        name = users[0].output[0]
    zero, steps = values
    if zero.size != 1 or steps.size != 1 or not float(zero.item()).is_integer():
        return None
    if not 0 <= zero.item() <= _HIGHEST_BYTE or steps.item() <= 0:
        return None
    return Normalization(name, int(zero.item()), float(steps.item()))


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # its package has no types
    """Gives one input tensor after the other."""

    def __init__(self, name: str, tensors: Iterator[NDArray[Any]]) -> None:
        self._name, self._tensors = name, tensors

    def get_next(self) -> Mapping[str, NDArray[Any]] | None:
        tensor = next(self._tensors, None)
        return None if tensor is None else {self._name: tensor}


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Give every node a name of its own: nodes are chosen by name, and other exporters leave them out."""
    for number, node in enumerate(graph.node):
        node.name = f"{number}:{node.op_type}"


def _seek_convolution(graph: onnx.GraphProto) -> None:
    if not any(node.op_type == "Conv" for node in graph.node):
        msg = f"INT8: expected a graph with convolutions, found {sorted({node.op_type for node in graph.node})}"
        raise ModelError(msg)


def _before_a_convolution(graph: onnx.GraphProto) -> set[str]:
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    followed: set[str] = set()
    for node in reversed(graph.node):
        after = [user for name in node.output for user in users.get(name, [])]
        if any(user.op_type == "Conv" or user.name in followed for user in after):
            followed.add(node.name)
    return followed


def _options(normalization: Normalization | None) -> dict[str, Any]:
    if normalization is None:
        return {}
    scale, zero = np.array(1 / normalization.steps, np.float32), np.array(normalization.zero, np.uint8)
    return {"TensorQuantOverrides": {normalization.tensor: [{"scale": scale, "zero_point": zero}]}}


def _feed_bytes(graph: onnx.GraphProto, normalization: Normalization) -> None:
    """Let the first convolution take the graph's bytes: they are what normalizing and quantizing them would give.

    A graph whose only convolutions are the last ones takes the normalized values in float, and stays as it is.
    """
    quantize = next(node for node in graph.node if normalization.tensor in node.input)
    if quantize.op_type != "QuantizeLinear":
        return
    for user in graph.node:
        if quantize.output[0] in user.input:
            user.input[0] = graph.input[0].name
    makers = {name: node for node in graph.node for name in node.output}
    idle, name = [quantize], normalization.tensor
    while name != graph.input[0].name:
        idle.append(makers[name])
        name = makers[name].input[0]
    for node in idle:
        graph.node.remove(node)
