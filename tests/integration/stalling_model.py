"""A model that does not come back from a frame with a white pixel."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import bright_spot_graph, gray_input, write_package

_FOR_EVER = 10**13  # turns of a loop, each a part of a microsecond


def stalling_model(folder: Path, *, model_wh: tuple[int, int]) -> Path:
    """Write the package of the bright spot model, with a loop of one turn that a white pixel makes endless."""
    model = bright_spot_graph(model_wh=model_wh)
    graph = model.graph
    *others, last = graph.node
    joined, last.input[0] = last.input[0], "late"
    body = helper.make_graph(
        [helper.make_node("Identity", [f"{name}_in"], [f"{name}_out"]) for name in ("goes_on", "kept")],
        "turn",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("goes_on_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("kept_in", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("goes_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("kept_out", TensorProto.FLOAT, []),
        ],
    )
    loop = [
        helper.make_node("ReduceMax", ["brightness"], ["brightest"], keepdims=0),
        helper.make_node("GreaterOrEqual", ["brightest", "white"], ["is_white"]),
        helper.make_node("Where", ["is_white", "for_ever", "once"], ["turns"]),
        helper.make_node("Loop", ["turns", "", "brightest"], ["kept"], body=body),
        helper.make_node("Mul", ["kept", "nothing"], ["no_more"]),
        helper.make_node("Add", [joined, "no_more"], ["late"]),
    ]
    del graph.node[:]
    graph.node.extend([*others, *loop, last])
    constants = {"for_ever": np.array(_FOR_EVER), "once": np.array(1), "nothing": np.array(0, np.float32)}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return write_package(folder, model, input=gray_input(model_wh))
