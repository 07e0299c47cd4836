"""Graphs with the real head structures of the YOLO families on random weights, and their decoding in plain numpy.

A stub of strided convolutions takes the backbone's place. Every graph also gives the raw maps of its three strides,
from which the reference starts.
"""

from collections.abc import Callable

import numpy as np
import onnx
import onnx.parser
from numpy.typing import NDArray
from onnx import numpy_helper

SIDE, CLASSES, BINS, CHOSEN = 160, 4, 16, 300
STRIDES, CHANNELS = (8, 16, 32), (16, 24, 32)
ANCHORS_WH = {
    8: ((10, 13), (16, 30), (33, 23)),
    16: ((30, 61), (62, 45), (59, 119)),
    32: ((116, 90), (156, 198), (90, 80)),
}
Maps = dict[int, NDArray[np.float64]]
Rows = tuple[NDArray[np.float64], NDArray[np.float64]]


class _Text:
    """Collects the body and the weights of a graph."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.lines: list[str] = []
        self.weights: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {}

    def add(self, line: str) -> None:
        self.lines.append(line)

    def constant(self, name: str, value: object, kind: type = np.float32) -> str:
        self.weights[name] = np.asarray(value, kind)
        return name

    def conv(self, source: str, out: str, shape: tuple[int, int, int], *, stride: int = 1, bias: float = 0.0) -> None:
        """Add a convolution with a weight of (out, in, kernel), gained so that its values spread."""
        channels, inside, kernel = shape
        weight = self._random.normal(0, 1.5 / np.sqrt(inside * kernel * kernel), (channels, inside, kernel, kernel))
        self.constant(f"{out}_w", weight)
        self.constant(f"{out}_b", self._random.normal(bias, 0.5, channels))
        attributes = f"kernel_shape=[{kernel},{kernel}], strides=[{stride},{stride}]"
        self.add(f"{out} = Conv <{attributes}> ({source}, {out}_w, {out}_b)")

    def backbone(self) -> None:
        source, inside, stride = "images", 3, 8
        for level, channels in zip(STRIDES, CHANNELS, strict=True):
            self.conv(source, f"c{level}", (channels, inside, stride), stride=stride)
            self.add(f"p{level} = Tanh (c{level})")
            source, inside, stride = f"p{level}", channels, 2

    def model(self, outputs: str) -> onnx.ModelProto:
        body = "\n".join(self.lines)
        model = onnx.parser.parse_model(
            f"""<ir_version: 8, opset_import: ["": 17]>
            yolo (float[1, 3, {SIDE}, {SIDE}] images) => ({outputs}) {{ {body} }}"""
        )
        model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in self.weights.items())
        onnx.checker.check_model(model)
        return model


def _raw_outputs(columns: int) -> str:
    return ", ".join(f"float[1, {columns}, {SIDE // s}, {SIDE // s}] raw{s}" for s in STRIDES)


def _flat_maps(text: _Text, box_rows: int, *, box_bias: float) -> None:
    """Add the two branches of every stride, joined as `raw`, and all strides side by side as `boxes` and `classes`."""
    text.backbone()
    for stride, channels in zip(STRIDES, CHANNELS, strict=True):
        text.conv(f"p{stride}", f"box{stride}", (box_rows, channels, 1), bias=box_bias)
        text.conv(f"p{stride}", f"cls{stride}", (CLASSES, channels, 1), bias=-1.0)
        text.add(f"raw{stride} = Concat <axis=1> (box{stride}, cls{stride})")
        text.constant(f"flat{stride}_shape", [1, box_rows + CLASSES, -1], np.int64)
        text.add(f"flat{stride} = Reshape (raw{stride}, flat{stride}_shape)")
    text.add("all = Concat <axis=2> (flat8, flat16, flat32)")
    text.constant("parts", [box_rows, CLASSES], np.int64)
    text.add("boxes, logits = Split <axis=1> (all, parts)")
    text.add("classes = Sigmoid (logits)")
    centres, strides = _grid()
    text.constant("centres", centres.T[None])
    text.constant("strides", strides[None, None])


def _grid() -> Rows:
    """Return the (n, 2) centres of all cells in units of their stride, and the (n,) strides."""
    centres, strides = [], []
    for stride in STRIDES:
        side = SIDE // stride
        y, x = np.mgrid[:side, :side]
        centres.append(np.stack([x.ravel(), y.ravel()], axis=1) + 0.5)
        strides.append(np.full(side * side, stride))
    return np.concatenate(centres), np.concatenate(strides)


def yolov8_head() -> onnx.ModelProto:
    """Return the YOLOv8 / YOLO11 head: each side's distance is the mean of a distribution over 16 bins."""
    text = _Text(8)
    _flat_maps(text, 4 * BINS, box_bias=0.0)
    text.constant("by_side", [1, 4, BINS, -1], np.int64)
    text.constant("bins", np.arange(BINS).reshape(1, BINS, 1, 1))
    text.constant("four", [1, 4, -1], np.int64)
    text.constant("two_two", [2, 2], np.int64)
    text.constant("two", 2)
    for line in (
        "distribution = Reshape (boxes, by_side)",
        "turned = Transpose <perm=[0, 2, 1, 3]> (distribution)",
        "likely = Softmax <axis=1> (turned)",
        "mean_w = Transpose <perm=[1, 0, 2, 3]> (bins)",
        "mean = Conv <kernel_shape=[1, 1]> (likely, mean_w)",
        "ltrb = Reshape (mean, four)",
        "lt, rb = Split <axis=1> (ltrb, two_two)",
        "top_left = Sub (centres, lt)",
        "bottom_right = Add (centres, rb)",
        "sum = Add (top_left, bottom_right)",
        "centre = Div (sum, two)",
        "size = Sub (bottom_right, top_left)",
        "in_cells = Concat <axis=1> (centre, size)",
        "pixels = Mul (in_cells, strides)",
        "output0 = Concat <axis=1> (pixels, classes)",
    ):
        text.add(line)
    text.weights["bins"] = text.weights["bins"].reshape(BINS, 1, 1, 1)
    count = len(_grid()[1])
    return text.model(f"float[1, {4 + CLASSES}, {count}] output0, {_raw_outputs(4 * BINS + CLASSES)}")


def yolo26_head() -> onnx.ModelProto:
    """Return the one-to-one head: plain distances, and the best of all boxes and classes chosen in the graph."""
    text = _Text(26)
    _flat_maps(text, 4, box_bias=6.0)
    text.constant("two_two", [2, 2], np.int64)
    text.constant("k", [CHOSEN], np.int64)
    text.constant("n_classes", CLASSES, np.int64)
    text.constant("last", [2], np.int64)
    text.constant("one_row", [1, -1], np.int64)
    text.constant("a_box", [1, 1, 4], np.int64)
    text.constant("a_class", [1, 1, CLASSES], np.int64)
    for line in (
        "lt, rb = Split <axis=1> (boxes, two_two)",
        "top_left = Sub (centres, lt)",
        "bottom_right = Add (centres, rb)",
        "in_cells = Concat <axis=1> (top_left, bottom_right)",
        "pixels = Mul (in_cells, strides)",
        "by_anchor = Transpose <perm=[0, 2, 1]> (pixels)",
        "scores_by_anchor = Transpose <perm=[0, 2, 1]> (classes)",
        "best = ReduceMax <axes=[2], keepdims=0> (scores_by_anchor)",
        "best_scores, anchors = TopK <axis=1> (best, k)",
        "anchor_column = Unsqueeze (anchors, last)",
        "box_indices = Tile (anchor_column, a_box)",
        "class_indices = Tile (anchor_column, a_class)",
        "chosen_boxes = GatherElements <axis=1> (by_anchor, box_indices)",
        "chosen_scores = GatherElements <axis=1> (scores_by_anchor, class_indices)",
        "in_a_row = Reshape (chosen_scores, one_row)",
        "scores, flat = TopK <axis=1> (in_a_row, k)",
        "row = Div (flat, n_classes)",
        "class = Mod (flat, n_classes)",
        "row_column = Unsqueeze (row, last)",
        "row_indices = Tile (row_column, a_box)",
        "last_boxes = GatherElements <axis=1> (chosen_boxes, row_indices)",
        "score_column = Unsqueeze (scores, last)",
        "class_column = Unsqueeze (class, last)",
        "class_float = Cast <to=1> (class_column)",
        "output0 = Concat <axis=2> (last_boxes, score_column, class_float)",
    ):
        text.add(line)
    return text.model(f"float[1, {CHOSEN}, 6] output0, {_raw_outputs(4 + CLASSES)}")


def yolov5_head() -> onnx.ModelProto:
    """Return the anchor-based head: three anchors a cell, with objectness."""
    text = _Text(5)
    text.backbone()
    columns = 5 + CLASSES
    text.constant("parts", [2, 2, 1 + CLASSES], np.int64)
    text.constant("two", 2)
    text.constant("rows", [1, -1, columns], np.int64)
    for stride, channels in zip(STRIDES, CHANNELS, strict=True):
        side = SIDE // stride
        y, x = np.mgrid[:side, :side]
        text.constant(f"cells{stride}", (np.stack([x, y], axis=-1) - 0.5)[None, None])
        text.constant(f"anchors{stride}", np.array(ANCHORS_WH[stride]).reshape(1, 3, 1, 1, 2))
        text.constant(f"stride{stride}", stride)
        text.constant(f"shape{stride}", [1, 3, columns, side, side], np.int64)
        text.conv(f"p{stride}", f"raw{stride}", (3 * columns, channels, 1))
        for line in (
            "apart@ = Reshape (raw@, shape@)",
            "last@ = Transpose <perm=[0, 1, 3, 4, 2]> (apart@)",
            "soft@ = Sigmoid (last@)",
            "xy@, wh@, rest@ = Split <axis=4> (soft@, parts)",
            "xy2@ = Mul (xy@, two)",
            "moved@ = Add (xy2@, cells@)",
            "centre@ = Mul (moved@, stride@)",
            "wh2@ = Mul (wh@, two)",
            "squared@ = Mul (wh2@, wh2@)",
            "size@ = Mul (squared@, anchors@)",
            "joined@ = Concat <axis=4> (centre@, size@, rest@)",
            "flat@ = Reshape (joined@, rows)",
        ):
            text.add(line.replace("@", str(stride)))
    text.add("output0 = Concat <axis=1> (flat8, flat16, flat32)")
    return text.model(f"float[1, {3 * len(_grid()[1])}, {columns}] output0, {_raw_outputs(3 * columns)}")


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def _by_anchor(maps: Maps) -> NDArray[np.float64]:
    """Return the (n, columns) values of all cells, stride by stride and row by row."""
    return np.concatenate([maps[stride][0].reshape(maps[stride].shape[1], -1).T for stride in STRIDES])


def yolov8_reference(maps: Maps) -> Rows:
    """Return (n, 4) xyxy boxes and (n, classes) scores."""
    values = _by_anchor(maps)
    likely = np.exp(values[:, : 4 * BINS].reshape(-1, 4, BINS))
    distances = (likely * np.arange(BINS)).sum(axis=2) / likely.sum(axis=2)
    return _around_centres(distances), _sigmoid(values[:, 4 * BINS :])


def yolo26_reference(maps: Maps) -> Rows:
    """Return (n, 4) xyxy boxes and (n, classes) scores; the choice among them is left to the reader."""
    values = _by_anchor(maps)
    return _around_centres(values[:, :4]), _sigmoid(values[:, 4:])


def _around_centres(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    centres, strides = _grid()
    corners = [centres - distances[:, :2], centres + distances[:, 2:]]
    return np.concatenate(corners, axis=1) * strides[:, None]


def yolov5_reference(maps: Maps) -> Rows:
    """Return (n, 4) xyxy boxes and (n, classes) scores, one cell and anchor after the other."""
    boxes, scores = [], []
    for stride in STRIDES:
        grid = maps[stride][0]
        side = grid.shape[1]
        for anchor, (width, height) in enumerate(ANCHORS_WH[stride]):
            for y in range(side):
                for x in range(side):
                    cell = _sigmoid(grid[anchor * (5 + CLASSES) : (anchor + 1) * (5 + CLASSES), y, x])
                    centre_x, centre_y = (2 * cell[0] - 0.5 + x) * stride, (2 * cell[1] - 0.5 + y) * stride
                    half_w, half_h = (2 * cell[2]) ** 2 * width / 2, (2 * cell[3]) ** 2 * height / 2
                    boxes.append((centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h))
                    scores.append(cell[4] * cell[5:])
    return np.array(boxes), np.array(scores)


Reference = Callable[[Maps], Rows]
