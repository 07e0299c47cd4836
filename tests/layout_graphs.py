"""One small real graph for every layout of outputs that a detector can have; each sees colors in the cells of a grid.

Input `images` float32 (batch, 3, 48, 64) RGB in 0..1. A cell of 16 x 16 pixels is a box, and the strongest value of
color channel c inside is how sure the model is of class c: red, green, blue.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

from tests.onnx_models import COLOR_NAMES, MODEL_WH, write_package, xyxy_cells

CELLS = 12
_SEEN = """
  pooled = MaxPool <kernel_shape=[16, 16], strides=[16, 16]> (images)
  scores = Reshape (pooled, by_cell)
  strongest = ReduceMax <axes=[1], keepdims=1> (scores)
  nothing = Mul (strongest, zero)
  boxes_cxcywh = Add (cxcywh, nothing)
  boxes_xyxy = Add (xyxy, nothing)
"""
_LOGITS = """
  scaled = Mul (scores, twelve)
  logits_by_class = Sub (scaled, six)
  fractions = Div (boxes_cxcywh, wh)
"""
_CHOSEN = """
  best = ArgMax <axis=1, keepdims=1> (scores)
  best_as_float = Cast <to=1> (best)
"""
# layout: outputs, body, the `output` of model.json
LAYOUTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "yolov8": (
        "float[N, 7, 12] output0",
        "output0 = Concat <axis=1> (boxes_cxcywh, scores)",
        {"name": "output0", "decode": "yolov8"},
    ),
    "yolov5": (
        "float[N, 12, 8] output",
        """certain = Add (nothing, four_fifths)
           joined = Concat <axis=1> (boxes_cxcywh, certain, scores)
           output = Transpose <perm=[0, 2, 1]> (joined)""",
        {"name": "output", "decode": "yolov5"},
    ),
    "detr": (
        "float[N, 12, 4] pred_boxes, float[N, 12, 3] logits",
        _LOGITS
        + """pred_boxes = Transpose <perm=[0, 2, 1]> (fractions)
             logits = Transpose <perm=[0, 2, 1]> (logits_by_class)""",
        {"boxes": "pred_boxes", "logits": "logits", "decode": "detr"},
    ),
    "detr-pixels": (
        "float[N, 12, 4] pred_boxes, float[N, 12, 3] logits",
        _LOGITS
        + """pred_boxes = Transpose <perm=[0, 2, 1]> (boxes_cxcywh)
             logits = Transpose <perm=[0, 2, 1]> (logits_by_class)""",
        {"boxes": "pred_boxes", "logits": "logits", "decode": "detr", "normalized": False},
    ),
    "detr-softmax": (
        "float[N, 12, 4] pred_boxes, float[N, 12, 4] logits",
        _LOGITS
        + """with_background = Concat <axis=1> (logits_by_class, nothing)
             pred_boxes = Transpose <perm=[0, 2, 1]> (fractions)
             logits = Transpose <perm=[0, 2, 1]> (with_background)""",
        {
            "boxes": "pred_boxes",
            "logits": "logits",
            "decode": "detr",
            "activation": "softmax",
            "background": "last",
        },
    ),
    "detr-background-first": (
        "float[N, 12, 4] dets, float[N, 12, 4] labels",
        _LOGITS
        + """sure = Add (nothing, twelve)
             with_background = Concat <axis=1> (sure, logits_by_class)
             dets = Transpose <perm=[0, 2, 1]> (fractions)
             labels = Transpose <perm=[0, 2, 1]> (with_background)""",
        {"boxes": "dets", "logits": "labels", "decode": "detr", "background": "first"},
    ),
    "detr-joined": (
        "float[N, 12, 7] output0",
        _LOGITS
        + """joined = Concat <axis=1> (fractions, scores)
             output0 = Transpose <perm=[0, 2, 1]> (joined)""",
        {"name": "output0", "decode": "detr", "activation": "none"},
    ),
    "end2end": (
        "float[N, 12, 6] output0",
        _CHOSEN
        + """joined = Concat <axis=1> (boxes_xyxy, strongest, best_as_float)
             output0 = Transpose <perm=[0, 2, 1]> (joined)""",
        {"name": "output0", "decode": "end2end"},
    ),
    "end2end-cxcywh": (
        "float[N, 12, 6] output0",
        _CHOSEN
        + """fractions = Div (boxes_cxcywh, wh)
             joined = Concat <axis=1> (fractions, strongest, best_as_float)
             output0 = Transpose <perm=[0, 2, 1]> (joined)""",
        {"name": "output0", "decode": "end2end", "box_format": "cxcywh", "normalized": True},
    ),
    "end2end-sizes": (
        "int64[N, 12] labels, float[N, 12, 4] boxes, float[N, 12] scores_out",
        _CHOSEN
        + """fractions = Div (boxes_xyxy, wh)
             by_box = Transpose <perm=[0, 2, 1]> (fractions)
             sizes = Cast <to=1> (orig_target_sizes)
             twice = Concat <axis=1> (sizes, sizes)
             a_box = Unsqueeze (twice, one)
             boxes = Mul (by_box, a_box)
             labels = Squeeze (best, one)
             scores_out = Squeeze (strongest, one)""",
        {"boxes": "boxes", "scores": "scores_out", "classes": "labels", "decode": "end2end"},
    ),
    "end2end-count": (
        "int32[N, 1] num_dets, float[N, 12, 4] det_boxes, float[N, 12] det_scores, int32[N, 12] det_classes",
        _CHOSEN
        + """det_boxes = Transpose <perm=[0, 2, 1]> (boxes_xyxy)
             flat = Squeeze (best, one)
             det_classes = Cast <to=6> (flat)
             det_scores = Squeeze (strongest, one)
             weakest = ReduceMin <axes=[1], keepdims=1> (det_scores)
             no_number = Mul (weakest, zero)
             eight = Add (no_number, eight_boxes)
             num_dets = Cast <to=6> (eight)""",
        {
            "boxes": "det_boxes",
            "scores": "det_scores",
            "classes": "det_classes",
            "count": "num_dets",
            "decode": "end2end",
        },
    ),
    "end2end-scored-boxes": (
        "float[N, 12, 5] dets, int64[N, 12] labels",
        _CHOSEN
        + """joined = Concat <axis=1> (boxes_xyxy, strongest)
             dets = Transpose <perm=[0, 2, 1]> (joined)
             labels = Squeeze (best, one)""",
        {"boxes": "dets", "classes": "labels", "decode": "end2end"},
    ),
}


def layout_graph(
    layout: str, *, batch: int | str = 1, baked_batch: int | None = None, metadata: dict[str, str] | None = None
) -> onnx.ModelProto:
    """Return a graph of one of `LAYOUTS`.

    Args:
        layout: Its name.
        batch: The batch axis, a number or a symbol.
        baked_batch: Batch that the graph really takes, where it differs from what its symbol promises.
        metadata: Entries of the file.
    """
    outputs, body, _ = LAYOUTS[layout]
    width, height = MODEL_WH
    inputs = f"float[N, 3, {height}, {width}] images"
    if layout == "end2end-sizes":
        inputs += ", int64[N, 2] orig_target_sizes"
    text = f"""<ir_version: 8, opset_import: ["": 17]> layout ({inputs}) => ({outputs}) {{ {_SEEN} {body} }}"""
    model = onnx.parser.parse_model(text.replace("[N,", f"[{batch},"))
    xyxy = xyxy_cells(MODEL_WH).T[None]
    cxcywh = np.concatenate(((xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]), axis=1)
    constants = {
        "by_cell": np.array([baked_batch or 0, 3, CELLS]),
        "xyxy": xyxy,
        "cxcywh": cxcywh,
        "wh": np.array([width, height, width, height], np.float32).reshape(1, 4, 1),
        "one": np.array([1]),
    }
    numbers = {"zero": 0, "six": 6, "eight_boxes": 8, "twelve": 12, "four_fifths": 0.8}
    constants |= {name: np.array(value, np.float32) for name, value in numbers.items()}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()
    )
    if metadata:
        onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model


def layout_model(path: Path, layout: str, **graph: Any) -> Path:
    """Write a plain ONNX file of one of `LAYOUTS`; further arguments as in `layout_graph`."""
    path.write_bytes(layout_graph(layout, **graph).SerializeToString())
    return path


def layout_package(folder: Path, layout: str, *, output: dict[str, Any] | None = None, **graph: Any) -> Path:
    """Write a package around a graph of one of `LAYOUTS`, with fields of its output replaced."""
    model = layout_graph(layout, **graph)
    sizes = {"size_name": "orig_target_sizes"} if layout == "end2end-sizes" else {}
    return write_package(
        folder,
        model,
        input={
            "name": "images",
            "dtype": "float32",
            "model_wh": MODEL_WH,
            "color": "rgb",
            "scale": 1 / 255,
            "pad_value": 0,
            **sizes,
        },
        output={**LAYOUTS[layout][2], **(output or {})},
        class_names=list(COLOR_NAMES),
        thresholds={name: {"review_at": 0.4, "reject_at": 0.7} for name in COLOR_NAMES},
    )
