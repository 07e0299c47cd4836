"""Bright spot models that take their time, some of them for ever."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import bright_spot_graph, gray_input, write_package

_FOR_EVER = 10**13  # turns of a loop, each a part of a microsecond


def stalling_model(folder: Path, *, model_wh: tuple[int, int]) -> Path:
    """Write the package of the bright spot model, with a loop of one turn that a white pixel makes endless."""
    model = bright_spot_graph(model_wh=model_wh)
    turns = [
        helper.make_node("GreaterOrEqual", ["brightest", "white"], ["is_white"]),
        helper.make_node("Where", ["is_white", "for_ever", "once"], ["turns"]),
    ]
    delay(model, turns, {"for_ever": _FOR_EVER, "once": 1})
    return write_package(folder, model, input=gray_input(model_wh))


def delay(model: onnx.ModelProto, turns: Sequence[onnx.NodeProto], constants: Mapping[str, int]) -> None:
    """Put an empty loop before the output of a `bright_spot_graph`.

    Args:
        model: Changed in place.
        turns: Nodes that make `turns`, how often the loop goes round, of `brightest`, the brightness of the brightest
            pixel from 0 to 255; none where `turns` is one of the constants.
        constants: Numbers by name.
    """
    graph = model.graph
    last = graph.node.pop()
    joined, last.input[0] = last.input[0], "late"
    states = {"goes_on": TensorProto.BOOL, "kept": TensorProto.FLOAT}
    body = helper.make_graph(
        [helper.make_node("Identity", [f"{name}_in"], [f"{name}_out"]) for name in states],
        "turn",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            *(helper.make_tensor_value_info(f"{name}_in", kind, []) for name, kind in states.items()),
        ],
        [helper.make_tensor_value_info(f"{name}_out", kind, []) for name, kind in states.items()],
    )
    loop = [
        helper.make_node("ReduceMax", ["brightness"], ["brightest"], keepdims=0),
        *turns,
        helper.make_node("Loop", ["turns", "", "brightest"], ["kept"], body=body),
        helper.make_node("Mul", ["kept", "no_more"], ["zero_late"]),
        helper.make_node("Add", [joined, "zero_late"], ["late"]),
    ]
    graph.node.extend([*loop, last])
    arrays = {name: np.array(number) for name, number in constants.items()} | {"no_more": np.array(0, np.float32)}
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
