"""Small real ONNX models whose output depends on the image, and packages made of them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge_inspector.detectors.model_file import SCHEMA, Manifest, write_manifest

CELL = 16  # side of a grid cell in model-input pixels: each cell is one fixed box
MODEL_WH = (64, 48)
CLASS_NAMES = ("bright-spot",)
ONNX_NAME = "model.onnx"
COLOR_NAMES = ("red-spot", "green-spot", "blue-spot")

Poison = Literal["nan", "logits", "nan-boxes"]
_OPSET, _IR_VERSION = 17, 8
_FLOAT = TensorProto.FLOAT


def bright_spot_graph(  # noqa: PLR0913 - the knobs of a test model
    *,
    model_wh: tuple[int, int] = MODEL_WH,
    classes: int = 1,
    input_name: str = "image",
    output_name: str = "boxes",
    output_shape: Sequence[int | str | None] | None = None,
    output_type: int = _FLOAT,
    poison: Poison | None = None,
) -> onnx.ModelProto:
    """Return a model that finds, of every cell of a grid, how bright its brightest pixel is.

    Input uint8 (1, 1, h, w) grey; output (1, n_cells, 4 + classes), `xyxy_scores`: the box of the cell, the brightness
    from 0 to 1 as the score of class 0, and 0 for every other class. A cell fires on its own pixels alone.

    Args:
        model_wh: Width and height of the input, multiples of `CELL`.
        classes: Classes in the output.
        input_name: Name of the input tensor.
        output_name: Name of the output tensor.
        output_shape: Declared shape; the true one by default, `[None, None, None]` for one that is not told.
        output_type: ONNX element type of the output.
        poison: `nan`: pure white (255) gives NaN; `nan-boxes`: pure white gives NaN boxes; `logits`: scores are logits.
    """
    width, height = model_wh
    cells = xyxy_cells(model_wh)
    nodes = [
        helper.make_node("Cast", [input_name], ["pixels"], to=_FLOAT),
        helper.make_node("MaxPool", ["pixels"], ["pooled"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Reshape", ["pooled", "column"], ["brightness"]),
        helper.make_node("Div", ["brightness", "white"], ["bright"]),
        helper.make_node("Concat", ["bright", "silent"], ["all_scores"], axis=2),
        *_poison(poison, "all_scores", "brightness", "boxes_in", "scores_out", "boxes_out"),
        helper.make_node("Concat", ["boxes_out", "scores_out"], ["joined"], axis=2),
        *_hide_shape("joined", "told", "bright", hidden=output_shape is not None),
        helper.make_node("Cast", ["told"], [output_name], to=output_type),
    ]
    constants = {
        "column": np.array([1, -1, 1], np.int64),
        "white": np.array(255, np.float32),
        "silent": np.zeros((1, len(cells), classes - 1), np.float32),
        "boxes_in": cells[None],
        "shape": np.array([1, len(cells), 4 + classes], np.int64),
    }
    shape = [1, len(cells), 4 + classes] if output_shape is None else list(output_shape)
    return _model(
        nodes,
        constants,
        helper.make_tensor_value_info(input_name, TensorProto.UINT8, [1, 1, height, width]),
        helper.make_tensor_value_info(output_name, output_type, shape),
    )


def yolov8_graph(  # noqa: PLR0913 - the knobs of a test model
    *,
    model_wh: tuple[int, int] = MODEL_WH,
    class_names: Sequence[str] | None = COLOR_NAMES,
    classes: int | None = None,
    dynamic: bool = False,
    output_shape: Sequence[int | str | None] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """Return a model in the layout of the public YOLOv8 exports, with their metadata.

    Input `images` float32 (1, 3, h, w) RGB in 0..1; output `output0` (1, 4 + classes, n_cells). The score of class c in
    a cell is the strongest value there of color channel c modulo 3: red, green, blue.

    Args:
        model_wh: Width and height of the input, multiples of `CELL`.
        class_names: Names in the metadata; None leaves them out.
        classes: Classes in the output; as many as names by default.
        dynamic: Batch, height, width and anchors are symbols, as the exporter's option `dynamic` makes them.
        output_shape: Declared shape of the output; the true one by default.
        metadata: Entries that replace the usual ones.
    """
    width, height = model_wh
    count = classes if classes is not None else len(class_names or COLOR_NAMES)
    cells = xyxy_cells(model_wh)
    centres = np.concatenate(((cells[:, :2] + cells[:, 2:]) / 2, cells[:, 2:] - cells[:, :2]), axis=1)
    nodes = [
        helper.make_node("MaxPool", ["images"], ["pooled"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Reshape", ["pooled", "rows"], ["channels"]),
        helper.make_node("Gather", ["channels", "channel_of_class"], ["scores"], axis=1),
        helper.make_node("Concat", ["boxes", "scores"], ["joined"], axis=1),
        *_hide_shape("joined", "output0", "scores", hidden=dynamic or output_shape is not None),
    ]
    constants = {
        "rows": np.array([1, 3, -1], np.int64),
        "channel_of_class": np.arange(count, dtype=np.int64) % 3,
        "boxes": np.ascontiguousarray(centres.T[None]),
        "shape": np.array([1, 4 + count, len(cells)], np.int64),
    }
    shape: list[int | str | None] = ["batch", 4 + count, "anchors"] if dynamic else [1, 4 + count, len(cells)]
    model = _model(
        nodes,
        constants,
        helper.make_tensor_value_info(
            "images", _FLOAT, ["batch", 3, "height", "width"] if dynamic else [1, 3, height, width]
        ),
        helper.make_tensor_value_info("output0", _FLOAT, shape if output_shape is None else list(output_shape)),
    )
    entries = {
        "description": "Ultralytics YOLOv8n model",
        "task": "detect",
        "stride": "32",
        "batch": "1",
        "imgsz": str([height, width]),
        **({} if class_names is None else {"names": str(dict(enumerate(class_names)))}),
        **(metadata or {}),
    }
    helper.set_model_props(model, entries)
    return model


def bright_spot_model(  # noqa: PLR0913 - the knobs of a test model
    folder: Path,
    *,
    model_wh: tuple[int, int] = MODEL_WH,
    class_names: Sequence[str] = CLASS_NAMES,
    review_at: float = 0.4,
    reject_at: float = 0.7,
    poison: Poison | None = None,
    **manifest: Any,
) -> Path:
    """Write a package that finds white spots as class 0, and return its folder.

    Draw a white rectangle on a dark frame: every grid cell that it touches is reported with confidence 1.0.

    Args:
        folder: Package folder to make.
        model_wh: As in `bright_spot_graph`.
        class_names: Names; only the first is ever found.
        review_at: Brightness from 0 to 1 that is reviewed, for every class.
        reject_at: Brightness that is rejected.
        poison: As in `bright_spot_graph`.
        manifest: Further fields of `model.json`, or replaced ones.
    """
    graph = bright_spot_graph(model_wh=model_wh, classes=len(class_names), poison=poison)
    fields = {
        "input": gray_input(model_wh),
        "class_names": list(class_names),
        "thresholds": {name: {"review_at": review_at, "reject_at": reject_at} for name in class_names},
    }
    return write_package(folder, graph, **{**fields, **manifest})


def yolov8_model(path: Path, **graph: Any) -> Path:
    """Write a plain ONNX file in the layout of the public YOLOv8 exports; arguments as in `yolov8_graph`."""
    path.write_bytes(yolov8_graph(**graph).SerializeToString())
    return path


def yolov8_package(folder: Path, *, model_wh: tuple[int, int] = MODEL_WH, **graph: Any) -> Path:
    """Write a package around `yolov8_graph` with the classes red-spot, green-spot and blue-spot."""
    return write_package(
        folder,
        yolov8_graph(model_wh=model_wh, **graph),
        input={
            "name": "images",
            "layout": "NCHW",
            "dtype": "float32",
            "model_wh": model_wh,
            "color": "rgb",
            "scale": 1 / 255,
        },
        output={"name": "output0", "decode": "yolov8"},
        class_names=list(COLOR_NAMES),
        thresholds={name: {"review_at": 0.4, "reject_at": 0.7} for name in COLOR_NAMES},
    )


def write_package(folder: Path, model: onnx.ModelProto | bytes, **manifest: Any) -> Path:
    """Write a package folder with `model.onnx` and a valid `model.json`, and return the folder.

    Args:
        folder: Folder to make.
        model: The graph, or any bytes to put in its place; the sha256 is made to fit.
        manifest: Fields of `model.json` that replace those of the bright spot model; `files` is made from the bytes.
    """
    content = model if isinstance(model, bytes) else model.SerializeToString()
    fields = manifest_fields(sha256=hashlib.sha256(content).hexdigest()) | manifest
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ONNX_NAME).write_bytes(content)
    write_manifest(folder, Manifest.model_validate(fields))
    return folder


def manifest_fields(*, sha256: str = "0" * 64) -> dict[str, Any]:
    """Return the fields of a valid `model.json` for the default bright spot model."""
    return {
        "schema": SCHEMA,
        "name": "bright-spot",
        "version": "1.2.3",
        "files": [{"path": ONNX_NAME, "sha256": sha256}],
        "input": gray_input(MODEL_WH),
        "output": {"name": "boxes", "decode": "xyxy_scores"},
        "class_names": list(CLASS_NAMES),
        "thresholds": {name: {"review_at": 0.4, "reject_at": 0.7} for name in CLASS_NAMES},
    }


def gray_input(model_wh: tuple[int, int]) -> dict[str, Any]:
    """Return the `input` of a model.json for `bright_spot_graph`; the border is black, so that it never fires."""
    return {
        "name": "image",
        "layout": "NCHW",
        "dtype": "uint8",
        "model_wh": list(model_wh),
        "color": "gray",
        "pad_value": 0,
    }


def xyxy_cells(model_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Return the (n, 4) boxes of the grid in model-input pixels, row by row."""
    width, height = model_wh
    if width % CELL or height % CELL:
        msg = f"model_wh: expected multiples of {CELL}, found {model_wh}"
        raise ValueError(msg)
    corners = [(x, y) for y in range(0, height, CELL) for x in range(0, width, CELL)]
    return np.array([(x, y, x + CELL, y + CELL) for x, y in corners], dtype=np.float32)


def _poison(  # noqa: PLR0913, PLR0917 - names of tensors
    poison: Poison | None, scores: str, brightness: str, boxes: str, scores_out: str, boxes_out: str
) -> list[onnx.NodeProto]:
    """Return the nodes between the honest scores and boxes and those that leave the model."""
    almost_white = numpy_helper.from_array(np.array(254.5, np.float32))
    zero, ten, twenty = (numpy_helper.from_array(np.array(value, np.float32)) for value in (0, 10, 20))
    root_of_negative = [
        helper.make_node("Constant", [], ["almost_white"], value=almost_white),
        helper.make_node("Constant", [], ["zero"], value=zero),
        helper.make_node("Sub", ["almost_white", brightness], ["distance"]),
        helper.make_node("Sqrt", ["distance"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["zero_or_nan"]),
    ]
    honest_scores = helper.make_node("Identity", [scores], [scores_out])
    honest_boxes = helper.make_node("Identity", [boxes], [boxes_out])
    match poison:
        case "nan":
            return [*root_of_negative, helper.make_node("Add", [scores, "zero_or_nan"], [scores_out]), honest_boxes]
        case "nan-boxes":
            return [*root_of_negative, honest_scores, helper.make_node("Add", [boxes, "zero_or_nan"], [boxes_out])]
        case "logits":
            return [
                helper.make_node("Constant", [], ["ten"], value=ten),
                helper.make_node("Constant", [], ["twenty"], value=twenty),
                helper.make_node("Mul", [scores, "twenty"], ["scaled"]),
                helper.make_node("Sub", ["scaled", "ten"], [scores_out]),
                honest_boxes,
            ]
        case None:
            return [honest_scores, honest_boxes]


def _hide_shape(name: str, name_out: str, any_number: str, *, hidden: bool) -> list[onnx.NodeProto]:
    """Return nodes behind which the runtime cannot infer a shape that the file does not declare."""
    if not hidden:
        return [helper.make_node("Identity", [name], [name_out])]
    nothing = numpy_helper.from_array(np.array(0, np.float32))
    return [
        helper.make_node("ReduceMin", [any_number], ["weakest"], keepdims=0),
        helper.make_node("Constant", [], ["nothing"], value=nothing),
        helper.make_node("Mul", ["weakest", "nothing"], ["float_zero"]),
        helper.make_node("Cast", ["float_zero"], ["integer_zero"], to=TensorProto.INT64),
        helper.make_node("Add", ["shape", "integer_zero"], ["shape_at_run_time"]),
        helper.make_node("Reshape", [name, "shape_at_run_time"], [name_out]),
    ]


def _model(
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    entrance: onnx.ValueInfoProto,
    exit_: onnx.ValueInfoProto,
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "test", [entrance], [exit_], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
