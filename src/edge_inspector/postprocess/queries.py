"""Outputs of the DETR family: a few hundred queries, each with one box and a logit for every class.

Training matches every object with one query, so that no suppression is needed and none is done.
"""

from enum import StrEnum
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.errors import ModelError
from edge_inspector.geometry import cxcywh_to_xyxy
from edge_inspector.postprocess.kept import NOTHING, Limits, candidates, check_boxes, fractions_to_pixels, strongest


class Activation(StrEnum):
    """How logits become scores."""

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    NONE = "none"


class Background(StrEnum):
    """Which logit stands for "no object"."""

    FIRST = "first"
    LAST = "last"


def decode_detr(  # noqa: PLR0913 - the options in which heads of this family differ
    boxes: NDArray[np.float32],
    logits: NDArray[np.float32],
    limits: Limits,
    *,
    activation: Activation = Activation.SIGMOID,
    background: Background | None = None,
    normalized_wh: tuple[int, int] | None = None,
) -> Detections:
    """Turn one image's boxes and logits into detections; each query gives its best class.

    Args:
        boxes: (1, n_queries, 4) float32: centre x, centre y, width, height.
        logits: (1, n_queries, n_classes) float32, one more with a background.
        limits: What is kept; `iou_threshold` is not used.
        activation: `sigmoid`: each logit by itself (RT-DETR, D-FINE, RF-DETR); `softmax`: over a query's logits, the
            background too (the original DETR); `none`: they are scores in [0, 1] already.
        background: Which logit is no class; class ids count the others from 0.
        normalized_wh: Width and height in pixels that boxes in 0..1 are fractions of; None for boxes in pixels.

    Returns:
        Detections in model-input pixels, most confident first.

    Raises:
        ModelError: If the shapes are others, a value is not finite, a score is outside [0, 1], or a confident box is of
            negative size or, as a fraction, far outside of the model input.

    Source:
        Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020 (softmax); Zhao et al., "DETRs Beat
        YOLOs on Real-time Object Detection", CVPR 2024 (sigmoid).
    """
    classes = logits.shape[-1] - (background is not None) if logits.ndim == 3 else 0
    if boxes.shape[:1] != (1,) or boxes.shape[2:] != (4,) or logits.shape[:2] != boxes.shape[:2] or classes < 1:
        msg = (
            "detr output: expected shapes (1, n_queries, 4) and (1, n_queries, n_classes) with at least one class "
            f"beside the background, found {boxes.shape} and {logits.shape}"
        )
        raise ModelError(msg)
    check_boxes(boxes)
    if not np.isfinite(logits).all():
        msg = "model output: expected finite logits, found some that are not"
        raise ModelError(msg)
    logits = logits[0]
    first = int(background is Background.FIRST)
    objects = logits[:, first : first + classes]
    best = _scores(objects.max(axis=1), logits, activation)
    kept = candidates(best, limits)
    if not kept.size:
        return NOTHING
    cxcywh = boxes[0, kept]
    if normalized_wh is not None:
        cxcywh = fractions_to_pixels(cxcywh, normalized_wh)
    return strongest(cxcywh_to_xyxy(cxcywh), best[kept], objects[kept].argmax(axis=1), limits)


def _scores(best: NDArray[np.float32], logits: NDArray[np.float32], activation: Activation) -> NDArray[np.float32]:
    """Return the (n,) scores of the best logits; no exponent is positive, so that none overflows."""
    match activation:
        case Activation.SIGMOID:
            small = np.exp(-np.abs(best))
            return np.asarray(np.where(best >= 0, np.float32(1), small) / (1 + small))
        case Activation.SOFTMAX:
            highest = logits.max(axis=1)
            with np.errstate(over="ignore"):  # the difference of two huge logits: its exponential is 0 all the same
                return np.asarray(np.exp(best - highest) / np.exp(logits - highest[:, None]).sum(axis=1))
        case Activation.NONE:
            return best
    assert_never(activation)
