"""What an ONNX file says of its tensors, and whether that fits `model.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from edge_inspector.detectors.model_file import ModelInput
from edge_inspector.errors import ModelError

Shape: TypeAlias = tuple[int | str | None, ...]

_TYPES = {
    "float32": "tensor(float)",
    "uint8": "tensor(uint8)",
    "int32": "tensor(int32)",
    "int64": "tensor(int64)",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, ONNX type and shape of an input or output; a side is a number, a symbol, or None."""

    name: str
    type: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Graph:
    """What an ONNX file says of itself."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: dict[str, str]


def input_batch(graph: Graph, model_input: ModelInput, *, name: str) -> int | None:
    """Return how many images the graph takes at a time; None where it leaves that open.

    Raises:
        ModelError: If the inputs contradict the manifest.
    """
    inputs = {tensor.name: tensor for tensor in graph.inputs}
    wanted = [model_input.name] if model_input.size_name is None else [model_input.name, model_input.size_name]
    if set(inputs) != set(wanted):
        expected = "one input named" if len(wanted) == 1 else "inputs named"
        msg = f"{name}: expected {expected} {', '.join(map(repr, wanted))}, found {sorted(inputs)}"
        raise ModelError(msg)
    image = inputs[model_input.name]
    _check_type(image, (model_input.dtype,), f"{name}: input")
    batch = image.shape[0] if image.shape and isinstance(image.shape[0], int) and image.shape[0] > 0 else None
    _check_shape(image, (batch or 1, *model_input.image_shape), f"{name}: input")
    if model_input.size_name is not None:
        size = inputs[model_input.size_name]
        _check_type(size, ("int64",), f"{name}: input")
        _check_shape(size, (batch or 1, 2), f"{name}: input")
    return batch


def check_outputs(graph: Graph, dtypes: Mapping[str, tuple[str, ...]], *, name: str) -> None:
    """Raise ModelError unless the graph has the wanted outputs, each of one of its types."""
    outputs = {tensor.name: tensor for tensor in graph.outputs}
    for wanted, types in dtypes.items():
        if wanted not in outputs:
            msg = f"{name}: expected an output named {wanted!r}, found {sorted(outputs)}"
            raise ModelError(msg)
        _check_type(outputs[wanted], types, f"{name}: output")


def _check_type(tensor: Tensor, dtypes: tuple[str, ...], what: str) -> None:
    expected = [_TYPES[dtype] for dtype in dtypes]
    if tensor.type not in expected:
        msg = f"{what} {tensor.name!r}: expected {' or '.join(expected)}, found {tensor.type}"
        raise ModelError(msg)


def _check_shape(tensor: Tensor, expected: tuple[int, ...], what: str) -> None:
    """Raise ModelError unless the declared shape allows `expected`; a symbolic side allows any length."""
    fits = len(tensor.shape) == len(expected) and all(
        not isinstance(side, int) or side == wanted for side, wanted in zip(tensor.shape, expected, strict=True)
    )
    if not fits:
        msg = f"{what} {tensor.name!r}: expected shape {expected} as in model.json, found {list(tensor.shape)}"
        raise ModelError(msg)
