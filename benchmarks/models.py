"""Models to measure against: the shipped one with a float input, and one of YOLOv8n's size with random weights."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_inspector.detectors.model_file import Manifest, ModelPackage, write_manifest

CLASSES = 80
ANCHORS_PER_STRIDE = (8, 16, 32)


def float_input(content: bytes) -> bytes:
    """Return a uint8 model with a float32 input instead: the bare network, without its cast."""
    model = onnx.load_from_string(content)
    entrance = model.graph.input[0]
    for cast in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] == entrance.name]:
        for node in model.graph.node:
            node.input[:] = [entrance.name if name == cast.output[0] else name for name in node.input]
        model.graph.node.remove(cast)
    entrance.type.tensor_type.elem_type = TensorProto.FLOAT
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@contextmanager
def yolov8n_size(side: int = 640) -> Iterator[ModelPackage]:
    """Yield a package of about YOLOv8n's work: 3 M parameters, 9 GFLOP at 640 x 640, SiLU, 80 classes, float input."""
    content = _yolov8n_size(side)
    names = [f"class-{index}" for index in range(CLASSES)]
    manifest = Manifest.model_validate(
        {
            "schema": "edge-inspector/model/1",
            "name": "yolov8n-size",
            "version": "1.0.0",
            "files": [{"path": "model.onnx", "sha256": hashlib.sha256(content).hexdigest()}],
            "input": {
                "name": "images", "dtype": "float32", "model_wh": [side, side], "color": "rgb", "scale": 1 / 255
            },
            "output": {"name": "output0", "decode": "yolov8"},
            "class_names": names,
            "thresholds": {name: {"review_at": 0.25, "reject_at": 0.5} for name in names},
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.onnx").write_bytes(content)
        write_manifest(Path(folder), manifest)
        yield ModelPackage.open(Path(folder))


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._rng = np.random.default_rng(0)

    def conv(  # noqa: PLR0913 - a convolution has these
        self, source: str, channels_in: int, channels: int, *, kernel: int, stride: int = 1, act: bool = True
    ) -> str:
        name = f"conv{len(self.nodes)}"
        scale = 1.0 / np.sqrt(channels_in * kernel * kernel)
        weight = self._rng.normal(0, scale, (channels, channels_in, kernel, kernel)).astype(np.float32)
        self.weights += [
            numpy_helper.from_array(weight, f"{name}.w"),
            numpy_helper.from_array(np.full(channels, 0.0 if act else -6.0, np.float32), f"{name}.b"),
        ]
        pads = [kernel // 2] * 4
        self.node(
            "Conv", [source, f"{name}.w", f"{name}.b"], name, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads
        )
        return self.node("Mul", [name, self.node("Sigmoid", [name], f"{name}.s")], f"{name}.a") if act else name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def _yolov8n_size(side: int) -> bytes:
    """Stages of strided and residual convolutions, then one head of three strides, decoded as that family does."""
    builder = _Builder()
    x, channels = builder.conv("images", 3, 16, kernel=3, stride=2), 16
    pyramid = []
    for width, blocks in ((32, 1), (64, 2), (128, 2), (256, 1)):
        x, channels = builder.conv(x, channels, width, kernel=3, stride=2), width
        for _ in range(blocks):
            inner = builder.conv(builder.conv(x, width, width // 2, kernel=3), width // 2, width, kernel=3)
            x = builder.node("Add", [x, inner], f"add{len(builder.nodes)}")
        pyramid.append((x, width))
    flat = []
    for (level, width), stride in zip(pyramid[1:], ANCHORS_PER_STRIDE, strict=True):
        stem = builder.conv(builder.conv(level, width, 64, kernel=3), 64, 64, kernel=3)
        wide = builder.conv(builder.conv(level, width, CLASSES, kernel=3), CLASSES, CLASSES, kernel=3)
        boxes = builder.conv(stem, 64, 4, kernel=1, act=False)
        scores = builder.conv(wide, CLASSES, CLASSES, kernel=1, act=False)
        joined = builder.node("Concat", [boxes, scores], f"joined{stride}", axis=1)
        shape = f"shape{stride}"
        builder.weights.append(
            numpy_helper.from_array(np.array([1, 4 + CLASSES, (side // stride) ** 2], np.int64), shape)
        )
        flat.append(builder.node("Reshape", [joined, shape], f"flat{stride}"))
    builder.node("Concat", flat, "all", axis=2)
    builder.node("Sigmoid", ["all"], "output0")
    anchors = sum((side // stride) ** 2 for stride in ANCHORS_PER_STRIDE)
    graph = helper.make_graph(
        builder.nodes,
        "yolov8n-size",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + CLASSES, anchors])],
        builder.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
