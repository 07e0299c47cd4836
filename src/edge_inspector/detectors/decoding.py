"""The `output` section of model.json -> which tensors are fetched, and how one image's become detections."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Manifest, ModelOutput
from edge_inspector.detectors.set_outputs import DetrOutput, End2EndOutput
from edge_inspector.errors import ModelError
from edge_inspector.postprocess import (
    Decode,
    Limits,
    decode_detr,
    decode_end2end,
    decode_xyxy_scores,
    decode_yolov5,
    decode_yolov8,
)

_FLOAT = ("float32",)
_WHOLE = ("int64", "int32")
_CORNERS = 4  # columns of a box

Tensors: TypeAlias = Sequence[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Decoder:
    """How one image's output is read.

    Attributes:
        dtypes: Names of the tensors to fetch, in the order in which `decode` takes them, and the types each may have.
        decode: One image's tensors, each with a batch axis of 1, -> detections in model-input pixels; raises
            ModelError where they contradict model.json.
    """

    dtypes: Mapping[str, tuple[str, ...]]
    decode: Callable[[Tensors], Detections]


def decoder_of(manifest: Manifest, *, confidence: float, max_detections: int, counts_from: float = 0.0) -> Decoder:
    """Return the decoder that a manifest asks for.

    Args:
        manifest: Valid `model.json`.
        confidence: Lowest score kept, in [0, 1].
        max_detections: Boxes kept at most.
        counts_from: As in `Limits`.
    """
    output, class_count = manifest.output, len(manifest.class_names)
    limits = Limits(confidence, max_detections=max_detections, counts_from=counts_from)
    match output:
        case ModelOutput():
            return _anchors(output, class_count, replace(limits, iou_threshold=output.nms_iou))
        case DetrOutput():
            return _queries(output, class_count, limits, manifest.input.model_wh)
        case End2EndOutput():
            return _end2end(output, class_count, limits, manifest.input.model_wh)
    assert_never(output)


def _anchors(output: ModelOutput, class_count: int, limits: Limits) -> Decoder:
    axis, others = (1, 4) if output.decode is Decode.YOLOV8 else (2, 5 if output.decode is Decode.YOLOV5 else 4)
    decode_one = {
        Decode.YOLOV8: decode_yolov8,
        Decode.YOLOV5: decode_yolov5,
        Decode.XYXY_SCORES: decode_xyxy_scores,
    }[output.decode]

    def decode(tensors: Tensors) -> Detections:
        (tensor,) = tensors
        if tensor.ndim != 3 or tensor.shape[axis] != others + class_count:
            raise _other_classes(output.name, tensor.shape, class_count, output.decode)
        return decode_one(tensor, limits)

    return Decoder({output.name: _FLOAT}, decode)


def _queries(output: DetrOutput, class_count: int, limits: Limits, model_wh: tuple[int, int]) -> Decoder:
    columns = class_count + (output.background is not None)

    def decode(tensors: Tensors) -> Detections:
        joined = len(tensors) == 1
        boxes, logits = (tensors[0][..., :_CORNERS], tensors[0][..., _CORNERS:]) if joined else tensors
        if logits.ndim != 3 or logits.shape[2] != columns:
            raise _other_classes(output.tensors[-1], tensors[-1].shape, class_count, output.decode)
        return decode_detr(
            boxes,
            logits,
            limits,
            activation=output.activation,
            background=output.background,
            normalized_wh=model_wh if output.normalized else None,
        )

    return Decoder(dict.fromkeys(output.tensors, _FLOAT), decode)


def _end2end(output: End2EndOutput, class_count: int, limits: Limits, model_wh: tuple[int, int]) -> Decoder:
    types = {output.classes: (*_WHOLE, *_FLOAT), output.count: _WHOLE}
    dtypes = {name: types.get(name, _FLOAT) for name in output.tensors}

    def decode(tensors: Tensors) -> Detections:
        named = dict(zip(dtypes, tensors, strict=True))
        count = None if output.count is None else named.pop(output.count)
        boxes, scores, classes = _parts(output.decode, list(named.values()))
        return decode_end2end(
            boxes,
            scores,
            classes,
            limits,
            class_count=class_count,
            count=None if count is None else _only(count),
            box_format=output.box_format,
            normalized_wh=model_wh if output.normalized else None,
        )

    return Decoder(dtypes, decode)


def _parts(decode: Decode, tensors: Tensors) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return boxes, scores and classes, however they are joined: all as columns, or the score beside its box."""
    if len(tensors) == 3:
        return tensors[0], tensors[1], tensors[2]
    joined, columns = tensors[0], 6 if len(tensors) == 1 else 5
    if joined.ndim != 3 or joined.shape[2] != columns:
        msg = f"{decode} output: expected shape (1, n, {columns}), found {joined.shape}"
        raise ModelError(msg)
    classes = joined[..., 5] if len(tensors) == 1 else tensors[1]
    return joined[..., :_CORNERS], joined[..., 4], classes


def _only(count: NDArray[Any]) -> int:
    if count.size != 1:
        msg = f"end2end output: expected one count an image, found shape {count.shape}"
        raise ModelError(msg)
    return int(np.asarray(count).flat[0])


def _other_classes(name: str, shape: tuple[int, ...], class_count: int, decode: Decode) -> ModelError:
    return ModelError(
        f"output {name!r} has shape {shape}, which does not hold the {class_count} classes of model.json "
        f"as decode type {decode}"
    )
