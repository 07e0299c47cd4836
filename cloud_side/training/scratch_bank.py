"""Real scratches cut out of the training photographs, to be pasted elsewhere: every scratch on every background.

A scratch is what is brighter than the surface around it, so it can be lifted off by subtraction, turned and stretched,
and added to another surface. The reverse hides a labeled scratch under the surface beside it, which gives photographs
of clean parts.

Source:
    The idea of Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method", CVPR 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from edge_inspector.geometry import Boxes, as_boxes, clip, iou

# Wider than any scratch and narrower than any shadow: the median of this window is the surface without its scratch.
SURFACE_WINDOW = 31
NOISE_LEVEL = 10
# Fainter ones are labeled in one photograph and not in the next: pasting them would teach that hairlines are defects.
FAINTEST_PEAK = 70
# A pasted scratch must lie on the part, which is darker than the fixture around it.
DARKEST_SURFACE, BRIGHTEST_SURFACE = 30, 150
LARGEST_OVERLAP = 0.2
ATTEMPTS = 6
# Fraction of a scratch's peak from which a pixel counts as part of it.
VISIBLE = 0.25
CUT_SHARE = 0.3
CUT_GAP = (7.0, 18.0)


@dataclass(frozen=True, slots=True, eq=False)
class Scratch:
    """One scratch without its surface.

    Attributes:
        light: (h, w) float32, how much brighter than the surface.
        margin: How far its label reaches beyond the visible pixels, in pixels.
        class_id: Its class.
    """

    light: NDArray[np.float32]
    margin: float
    class_id: int


def lift_scratches(examples: Sequence[Example]) -> list[Scratch]:
    """Return every labeled scratch that is bright enough to be told from its surface."""
    lifted = (
        _lift(example.image, box, int(class_id))
        for example in examples
        for box, class_id in zip(example.boxes, example.class_ids, strict=True)
    )
    return [scratch for scratch in lifted if scratch is not None]


def paste(example: Example, scratch: Scratch, rng: np.random.Generator) -> Example:
    """Return the example with the scratch turned, stretched and added; unchanged where no free place was found."""
    light = _turn(scratch, rng)
    pieces = [light]
    if rng.random() < CUT_SHARE:
        pieces = _cut(light, float(rng.uniform(*CUT_GAP)), float(rng.uniform(0.3, 0.7)))
        light = np.sum(pieces, axis=0, dtype=np.float32)
    extents = [extent for extent in map(_extent, pieces) if extent is not None]
    if not extents:
        return example
    height, width = example.image.shape
    boxes = as_boxes(extents)
    left, top = (int(value) for value in boxes[:, :2].min(axis=0))
    right, bottom = (int(value) for value in boxes[:, 2:].max(axis=0))
    if right - left >= width or bottom - top >= height:
        return example
    for _ in range(ATTEMPTS):
        x = int(rng.integers(0, width - (right - left)))
        y = int(rng.integers(0, height - (bottom - top)))
        under = example.image[y : y + bottom - top, x : x + right - left]
        on_part = np.percentile(under, 5) > DARKEST_SURFACE and np.percentile(under, 90) < BRIGHTEST_SURFACE
        placed = boxes + np.array([x - left, y - top, x - left, y - top], dtype=np.float32)
        if not on_part or (iou(placed, example.boxes) > LARGEST_OVERLAP).any():
            continue
        image = example.image.astype(np.float32)
        image[y : y + bottom - top, x : x + right - left] += light[top:bottom, left:right]
        margin = np.array([-1, -1, 1, 1], dtype=np.float32) * np.float32(scratch.margin)
        labels = clip(placed + margin, (width, height))
        return Example(
            np.clip(image, 0, 255).astype(np.uint8),
            as_boxes(np.concatenate((example.boxes, labels))),
            np.append(example.class_ids, np.full(len(labels), scratch.class_id)),
            example.group,
            example.name,
        )
    return example


def hide(example: Example, index: int, rng: np.random.Generator) -> Example:
    """Return the example with one labeled scratch covered by the surface beside it; unchanged where none is free."""
    box = _grown(example.boxes[index], 6, example.image.shape)
    left, top, right, bottom = (int(value) for value in box)
    height, width = example.image.shape
    for _ in range(ATTEMPTS):
        x, y = int(rng.integers(0, width - (right - left) + 1)), int(rng.integers(0, height - (bottom - top) + 1))
        source = example.image[y : y + bottom - top, x : x + right - left]
        place = np.array([[x, y, x + right - left, y + bottom - top]], dtype=np.float32)
        if (iou(place, example.boxes) > 0).any() or np.percentile(source, 95) > BRIGHTEST_SURFACE:
            continue
        cover = cv2.GaussianBlur(_inner_mask(source.shape), (0, 0), 2)
        under = example.image[top:bottom, left:right].astype(np.float32)
        level = float(np.median(under)) - float(np.median(source))
        image = example.image.copy()
        mixed = under * (1 - cover) + (source.astype(np.float32) + level) * cover
        image[top:bottom, left:right] = np.clip(mixed, 0, 255).astype(np.uint8)
        keep = np.arange(len(example.boxes)) != index
        # A scratch that reaches under the cover is damaged, and its label would be wrong.
        if (iou(as_boxes([box]), example.boxes[keep]) > 0).any():
            return example
        return Example(image, example.boxes[keep], example.class_ids[keep], example.group, example.name)
    return example


def _lift(image: NDArray[np.uint8], box: Boxes, class_id: int) -> Scratch | None:
    left, top, right, bottom = (int(value) for value in _grown(box, 24, image.shape))
    crop = image[top:bottom, left:right]
    light = crop.astype(np.float32) - cv2.medianBlur(crop, SURFACE_WINDOW).astype(np.float32)
    light = np.maximum(light - NOISE_LEVEL, 0)
    mask = np.zeros_like(light)
    x1, y1, x2, y2 = (int(value) for value in box - np.array([left, top, left, top]))
    mask[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = 1
    light *= mask
    seen = _extent(light)
    if light.max(initial=0) < FAINTEST_PEAK or seen is None:
        return None
    gaps = (seen[0] - x1, seen[1] - y1, x2 - seen[2], y2 - seen[3])
    return Scratch(light, float(np.clip(np.mean(gaps), 0, 8)), class_id)


def _turn(scratch: Scratch, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the scratch on a larger canvas, turned by any angle and stretched."""
    height, width = scratch.light.shape
    side = int(1.5 * (height + width))
    angle, stretch = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.4, 2) * np.array([1, rng.choice([-1, 1])])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag(stretch)
    shift = np.array([side / 2, side / 2]) - turn @ np.array([width / 2, height / 2])
    light = cv2.warpAffine(scratch.light, np.column_stack((turn, shift)), (side, side)).astype(np.float32)
    return light * np.float32(rng.uniform(0.8, 1.25))


def _cut(light: NDArray[np.float32], gap: float, place: float) -> list[NDArray[np.float32]]:
    """Return the two ends of a scratch whose middle is taken out; labelers box such ends one by one."""
    rows, columns = np.nonzero(light > VISIBLE * light.max(initial=0))
    if rows.size < 2:
        return [light]
    points = np.column_stack((columns, rows)).astype(np.float64)
    middle = points.mean(axis=0)
    # The longest direction of the visible pixels.
    along = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    y, x = np.indices(light.shape)
    position = (x - middle[0]) * along[0] + (y - middle[1]) * along[1]
    reach = (points - middle) @ along
    low, high = float(reach.min()), float(reach.max())
    if high - low < 4 * gap:
        return [light]
    at = low + place * (high - low)
    return [np.where(position < at - gap / 2, light, 0), np.where(position > at + gap / 2, light, 0)]


def _extent(light: NDArray[np.float32]) -> tuple[int, int, int, int] | None:
    visible = light > VISIBLE * light.max(initial=0)
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _grown(box: Boxes, by: int, shape: tuple[int, ...]) -> Boxes:
    grown = box + np.array([-by, -by, by, by], dtype=np.float32)
    return np.clip(grown, 0, np.array([shape[1], shape[0], shape[1], shape[0]], dtype=np.float32))


def _inner_mask(shape: tuple[int, ...]) -> NDArray[np.float32]:
    mask = np.zeros(shape, dtype=np.float32)
    mask[3:-3, 3:-3] = 1
    return mask
