from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("onnx", reason="INT8 needs the extra edge-inspector-cloud[train], which is not installed")

import onnx
from onnx import TensorProto, helper, numpy_helper

from cloud_side.training.dataset import LabeledImage
from cloud_side.training.exporting.calibration import spread_choice
from cloud_side.training.exporting.package import network_input
from cloud_side.training.exporting.quantization import float_nodes, normalization_of, quantized
from cloud_side.training.simulated.tags import simulated_examples
from edge_inspector.detectors.model_file import Color
from edge_inspector.detectors.preprocess import Preprocessor
from edge_inspector.errors import ConfigError, ModelError
from edge_inspector.geometry import as_boxes


def noise() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(2)
    return (rng.integers(0, 256, (1, 2, 8, 8), dtype=np.uint8) for _ in range(3))


def graph_of(*, takes_bytes: bool = True, middle: float = 100.0, convolutions: int = 2) -> bytes:
    """Return a model as another exporter could write it: nodes without names, two convolutions, and a decode tail."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("Cast", ["picture"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["cast", "middle"], ["moved"]),
        helper.make_node("Div", ["moved", "steps"], ["normal"]),
        helper.make_node("Conv", ["normal", "first"], ["one"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["one"], ["two"]),
        helper.make_node("Conv", ["two", "second"], ["three"]),
        helper.make_node("Sigmoid", ["three"], ["result"]),
    ]
    if convolutions < 2:
        nodes = nodes[: 3 + convolutions]
        nodes.append(helper.make_node("Sigmoid", nodes[-1].output, ["result"]))
    constants = {
        "middle": np.array(middle, np.float32),
        "steps": np.array(50.0, np.float32),
        "first": rng.normal(0, 0.3, (4, 2, 3, 3)).astype(np.float32),
        "second": rng.normal(0, 0.3, (3, 4, 1, 1)).astype(np.float32),
    }
    kind = TensorProto.UINT8 if takes_bytes else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("picture", kind, [1, 2, 8, 8])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(value, name)
            for name, value in constants.items()
            if any(name in node.input for node in nodes)
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def run(content: bytes, tensor: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: tensor})[0])


def kinds(content: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def test_int8_is_near_the_float_file_and_a_quarter_of_its_size(shipped_content: bytes, shipped_int8: bytes) -> None:
    assert len(shipped_int8) < 0.3 * len(shipped_content)
    preprocessor = Preprocessor(network_input((320, 224), Color.GRAY, name="image"))
    # Tags that the ranges were not taken from.
    for tag in simulated_examples(77, 2, defect_rate=1):
        tensor = preprocessor.write(tag.image)[0]
        exact, found = run(shipped_content, tensor)[0], run(shipped_int8, tensor)[0]
        counts = exact[:, 4] > 0.3
        assert counts.any()
        assert np.abs(exact[counts, 4] - found[counts, 4]).mean() < 0.05
        assert np.abs(exact[counts, :4] - found[counts, :4]).mean() < 2


def test_the_same_images_give_the_same_bytes() -> None:
    first, second = (quantized(graph_of(), noise(), input_name="picture") for _ in range(2))
    assert first == second


def test_the_first_convolution_takes_the_bytes_as_they_are(shipped_int8: bytes) -> None:
    graph = onnx.load_from_string(shipped_int8).graph
    users = [node.op_type for node in graph.node if graph.input[0].name in node.input]
    assert users == ["DequantizeLinear"]
    assert not {"Cast", "Div"} & {node.op_type for node in graph.node}


def test_activations_are_unsigned_and_weights_have_seven_bits_for_each_channel(shipped_int8: bytes) -> None:
    """Pairs of products of 8-bit weights overflow the 16 bits in which processors without VNNI add them."""
    graph = onnx.load_from_string(shipped_int8).graph
    values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    activations = [values[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert len(activations) > 20
    assert {value.dtype for value in activations} == {np.dtype(np.uint8)}
    weights = [value for value in values.values() if value.dtype == np.int8 and value.ndim == 4]
    assert len(weights) == 21  # the head's are shared by the strides
    assert max(int(np.abs(value.astype(int)).max()) for value in weights) == 64
    assert all(len(values[name]) > 1 for name in values if name.endswith("weight_scale"))


def test_the_last_convolutions_and_the_decode_tail_stay_in_float_in_any_graph(shipped_content: bytes) -> None:
    graph = onnx.load_from_string(graph_of()).graph
    for number, node in enumerate(graph.node):
        node.name = str(number)
    assert float_nodes(graph) == ["5", "6"]
    found = kinds(quantized(graph_of(), noise(), input_name="picture"))
    assert found[-2:] == ["Conv", "Sigmoid"]
    shipped = onnx.load_from_string(shipped_content).graph
    names = {node.name: node.op_type for node in shipped.node}
    kept = [names[name] for name in float_nodes(shipped)]
    assert kept.count("Conv") == 6
    assert {"Softmax", "Sigmoid", "ReduceSum"} <= set(kept)


def test_a_graph_of_another_kind_is_quantized_with_its_normalization_in_float() -> None:
    image = next(noise())
    for content, tensor in (
        (graph_of(middle=100.5), image),  # no byte is zero
        (graph_of(takes_bytes=False), image.astype(np.float32)),
    ):
        given = onnx.load_from_string(content).graph
        assert normalization_of(given) is None
        images = (each.astype(tensor.dtype) for each in noise())
        result = quantized(content, images, input_name="picture")
        assert "Div" in kinds(result)
        assert np.abs(run(content, tensor) - run(result, tensor)).max() < 0.05
    known = normalization_of(onnx.load_from_string(graph_of()).graph)
    assert known is not None
    assert (known.tensor, known.zero, known.steps) == ("normal", 100, 50.0)


def test_a_graph_with_one_convolution_stays_in_float() -> None:
    content, image = graph_of(convolutions=1), next(noise())
    result = quantized(content, noise(), input_name="picture")
    assert "QuantizeLinear" not in kinds(result)
    np.testing.assert_allclose(run(result, image), run(content, image), atol=1e-6)


def test_a_graph_without_convolutions_is_refused() -> None:
    with pytest.raises(ModelError, match="expected a graph with convolutions, found"):
        quantized(graph_of(convolutions=0), noise(), input_name="picture")


def rows(groups: str, *, unlabeled: str = "") -> list[LabeledImage]:
    return [
        LabeledImage(
            Path(f"{number}.png"),
            group,
            9,
            9,
            as_boxes([]),
            np.empty(0, np.int64),
            labeled=str(number) not in unlabeled,
        )
        for number, group in enumerate(groups)
    ]


def test_calibration_images_come_from_as_many_groups_as_there_are() -> None:
    every = rows("aaaaabbc", unlabeled="7")
    assert {row.group for row in spread_choice(every, 2)} == {"a", "b"}
    assert sorted(row.group for row in spread_choice(every, 4)) == ["a", "a", "b", "b"]
    assert len(spread_choice(every, 200)) == 7
    with pytest.raises(ConfigError, match="images: expected at least 1, found 0"):
        spread_choice(every, 0)


def test_the_choice_of_images_hangs_on_the_seed_and_not_on_the_order_of_rows() -> None:
    every = rows("abcdefghij")
    names = [[row.path.name for row in spread_choice(each, 5)] for each in (every, every[::-1])]
    assert names[0] == names[1]
    assert names[0] != [row.path.name for row in spread_choice(every, 5, seed=1)]
