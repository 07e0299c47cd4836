"""Box arrays: (n, 4) float32 xyxy in pixels, the one home of the box convention.

`x1, y1` is the top left corner and `x2, y2` the bottom right one; the far edge is exclusive: the width is `x2 - x1`.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Boxes: TypeAlias = NDArray[np.float32]


def as_boxes(values: object) -> Boxes:
    """Return `values` as an (n, 4) float32 array; an empty sequence becomes (0, 4).

    Raises:
        ValueError: If the values do not have four columns.
    """
    boxes = np.asarray(values, dtype=np.float32)
    if boxes.size == 0:
        return np.empty((0, 4), dtype=np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        msg = f"boxes: expected shape (n, 4), found {boxes.shape}"
        raise ValueError(msg)
    return boxes


def cxcywh_to_xyxy(cxcywh: Boxes) -> Boxes:
    """Convert (n, 4) centre x, centre y, width, height to xyxy."""
    half = cxcywh[:, 2:] * np.float32(0.5)
    return np.concatenate((cxcywh[:, :2] - half, cxcywh[:, :2] + half), axis=1)


def xywh_to_xyxy(xywh: Boxes) -> Boxes:
    """Convert (n, 4) left, top, width, height to xyxy."""
    return np.concatenate((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]), axis=1)


def area(xyxy: Boxes) -> NDArray[np.float32]:
    """Return the (n,) areas in square pixels; an inverted box has area 0."""
    size: Boxes = np.maximum(xyxy[:, 2:] - xyxy[:, :2], np.float32(0))
    return size[:, 0] * size[:, 1]


def iou(first: Boxes, second: Boxes) -> NDArray[np.float32]:
    """Return the (n, m) overlaps, intersection over union in [0, 1]; 0 where both boxes are empty."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    size = np.maximum(bottom_right - top_left, np.float32(0))
    intersection: NDArray[np.float32] = size[..., 0] * size[..., 1]
    union = area(first)[:, None] + area(second)[None, :] - intersection
    overlap: NDArray[np.float32] = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return overlap


def clip(xyxy: Boxes, image_wh: tuple[int, int]) -> Boxes:
    """Return the boxes cut to a frame of `image_wh` pixels."""
    width, height = image_wh
    return np.clip(xyxy, 0, np.array([width, height, width, height], dtype=np.float32))


def nms(
    xyxy: Boxes, confidence: NDArray[np.float32], class_id: NDArray[np.int64], iou_threshold: float
) -> NDArray[np.int64]:
    """Return the indices of the boxes that survive suppression within their own class, most confident first.

    Ties keep the order of the input, so that the same frame always gives the same boxes.

    Args:
        xyxy: (n, 4) boxes.
        confidence: (n,) scores.
        class_id: (n,) classes; a box never suppresses one of another class.
        iou_threshold: A box that overlaps a kept one by more than this is dropped, in [0, 1].

    Source:
        Greedy suppression as in Neubeck and Van Gool, "Efficient Non-Maximum Suppression", ICPR 2006.
    """
    order = np.argsort(-confidence, kind="stable")
    if order.size < 2:
        return order
    boxes, classes = xyxy[order], class_id[order]
    suppresses = (iou(boxes, boxes) > iou_threshold) & (classes[:, None] == classes[None, :])
    alive = np.ones(order.size, dtype=np.bool_)
    for index in range(order.size):
        if alive[index]:
            alive[index + 1 :] &= ~suppresses[index, index + 1 :]
    return order[alive]
