"""Real defects lifted off the training images, to be put elsewhere: every defect on every surface.

A defect is what differs from the surface around it, so it can be lifted off by subtraction, turned and stretched, and
added to another surface. The reverse hides a labeled defect under the surface beside it, which gives images of clean
parts. Both need a surface that is about the same everywhere; on a part with structure, as a circuit board, a defect
would be put where none can be, and for such products both stay off.

Source:
    The idea of Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method", CVPR 2021.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from cloud_side.training.variation.pieces import Difference, cut, extent, strength, turned
from edge_inspector.geometry import Boxes, as_boxes, clip, iou

LARGEST_OVERLAP: Final = 0.2
ATTEMPTS: Final = 6
MOST_BACKGROUND_PX: Final = 24  # around a box, for the surface to be seen
CUT_GAP: Final = (7.0, 18.0)
FADE_GAP: Final = 7.0  # pixels; shorter than some of them, and a defect does not fade
CUT_PLACE: Final = (0.3, 0.7)  # as a share of its length
# What people leave unlabeled, as a share of a plain defect's strength.
FAINT: Final = (0.12, 0.35)
# One polarity is noise or shadow where the other is this much stronger.
WEAK_POLARITY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Lifting:
    """How a defect is told from its surface; grey levels are those of 8 bits.

    Attributes:
        surface_window: Odd, pixels: wider than any defect and narrower than any shadow.
        noise: Grey levels that a clean surface differs from its own median.
        faintest: Grey levels: fainter defects are labeled in one image and not in the next, and are not put elsewhere.
        tolerance: Grey levels that another surface may differ from the one that the defect was on.
        cut_share: Of pasted defects, in two pieces that are labeled one by one.
        fade_share: Of pasted defects: one end is faint, and the label ends where that begins.
    """

    surface_window: int = 31
    noise: float = 10.0
    faintest: float = 70.0
    tolerance: float = 60.0
    cut_share: float = 0.3
    fade_share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What is put on an image: a defect, or a part of one that people would not label."""

    difference: Difference
    is_labeled: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Defect:
    """One defect without its surface.

    Attributes:
        difference: (h, w) or (h, w, 3) float32, grey levels above (or below) the surface.
        margin: How far its label reaches beyond the visible pixels, in pixels.
        level: Grey level of the surface that it was on.
        class_id: Its class.
    """

    difference: Difference
    margin: float
    level: float
    class_id: int


def lift_defects(examples: Iterable[Example], lifting: Lifting) -> list[Defect]:
    """Return every labeled defect that is plain enough to be told from its surface."""
    lifted = (
        _lift(example.image, box, int(class_id), lifting)
        for example in examples
        for box, class_id in zip(example.boxes, example.class_ids, strict=True)
    )
    return [defect for defect in lifted if defect is not None]


def paste(example: Example, defect: Defect, lifting: Lifting, rng: np.random.Generator) -> Example:
    """Return the example with the defect turned, stretched and added; unchanged where no free place was found."""
    whole = turned(defect.difference, rng)
    if lifting.fade_share and rng.random() < lifting.fade_share:
        return _put(example, defect, _faded(whole, rng), lifting, rng)
    pieces = [whole]
    if rng.random() < lifting.cut_share:
        pieces = cut(whole, float(rng.uniform(*CUT_GAP)), float(rng.uniform(*CUT_PLACE)))
    return _put(example, defect, [_Piece(each) for each in pieces], lifting, rng)


def paste_faint(example: Example, defect: Defect, lifting: Lifting, rng: np.random.Generator) -> Example:
    """Return the example with a trace of the defect, turned and stretched, so faint that nobody would label it."""
    trace = turned(defect.difference, rng) * np.float32(rng.uniform(*FAINT))
    return _put(example, defect, [_Piece(trace, is_labeled=False)], lifting, rng)


def hide(example: Example, index: int, lifting: Lifting, rng: np.random.Generator) -> Example:
    """Return the example with one labeled defect covered by the surface beside it; unchanged where none is free."""
    box = _grown(example.boxes[index], 6, example.image.shape)
    left, top, right, bottom = (int(value) for value in box)
    keep = np.arange(len(example.boxes)) != index
    # A defect that reaches under the cover would be damaged, and its label would be wrong.
    if (iou(as_boxes([box]), example.boxes[keep]) > 0).any():
        return example
    under = example.image[top:bottom, left:right].astype(np.float32)
    level = np.median(under, axis=(0, 1))
    height, width = example.image.shape[:2]
    for _ in range(ATTEMPTS):
        x, y = int(rng.integers(0, width - (right - left) + 1)), int(rng.integers(0, height - (bottom - top) + 1))
        source = example.image[y : y + bottom - top, x : x + right - left]
        place = np.array([[x, y, x + right - left, y + bottom - top]], dtype=np.float32)
        if (iou(place, example.boxes) > 0).any() or not _is_surface(source, float(np.mean(level)), lifting):
            continue
        cover = cv2.GaussianBlur(_inner_mask(source.shape[:2]), (0, 0), 2)
        if under.ndim == 3:
            cover = cover[..., None]
        image = example.image.copy()
        same_level = source.astype(np.float32) + (level - np.median(source, axis=(0, 1))).astype(np.float32)
        image[top:bottom, left:right] = np.clip(under * (1 - cover) + same_level * cover, 0, 255).astype(np.uint8)
        return replace(example, image=image, boxes=example.boxes[keep], class_ids=example.class_ids[keep])
    return example


def _lift(image: NDArray[np.uint8], box: Boxes, class_id: int, lifting: Lifting) -> Defect | None:
    left, top, right, bottom = (int(value) for value in _grown(box, MOST_BACKGROUND_PX, image.shape))
    crop = np.ascontiguousarray(image[top:bottom, left:right])
    surface = cv2.medianBlur(crop, lifting.surface_window).astype(np.float32)
    difference = crop.astype(np.float32) - surface
    difference = np.sign(difference) * np.maximum(np.abs(difference) - lifting.noise, 0)
    x1, y1, x2, y2 = (int(value) for value in box - np.array([left, top, left, top]))
    inside = np.zeros(crop.shape[:2], np.float32)
    inside[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = 1
    difference = _one_polarity(difference * (inside if crop.ndim == 2 else inside[..., None])).astype(np.float32)
    seen = extent(difference)
    if np.abs(difference).max(initial=0) < lifting.faintest or seen is None:
        return None
    gaps = (seen[0] - x1, seen[1] - y1, x2 - seen[2], y2 - seen[3])
    return Defect(difference, float(np.clip(np.mean(gaps), 0, 8)), float(np.median(surface)), class_id)


def _one_polarity(difference: Difference) -> Difference:
    """Return only what is brighter, or only what is darker, where the other is weak beside it."""
    brighter, darker = difference.max(initial=0), -difference.min(initial=0)
    if darker < WEAK_POLARITY * brighter:
        return np.maximum(difference, 0)
    if brighter < WEAK_POLARITY * darker:
        return np.minimum(difference, 0)
    return difference


def _faded(whole: Difference, rng: np.random.Generator) -> list[_Piece]:
    ends = cut(whole, FADE_GAP, float(rng.uniform(*CUT_PLACE)))
    if len(ends) == 1:
        return [_Piece(whole)]
    plain = ends[int(rng.integers(len(ends)))]
    return [_Piece(plain), _Piece((whole - plain) * np.float32(rng.uniform(*FAINT)), is_labeled=False)]


def _put(
    example: Example, defect: Defect, pieces: Sequence[_Piece], lifting: Lifting, rng: np.random.Generator
) -> Example:
    """Return the example with the pieces at a free place, and a label around each that people would label."""
    extents = [(found, piece.is_labeled) for piece in pieces if (found := extent(piece.difference)) is not None]
    if not extents:
        return example
    boxes = as_boxes([found for found, _ in extents])
    left, top, right, bottom = _hull(boxes)
    place = _free_place(example, boxes, defect.level, lifting, rng)
    if place is None:
        return example
    x, y = place
    whole: Difference = np.sum([piece.difference for piece in pieces], axis=0, dtype=np.float32)
    image = example.image.astype(np.float32)
    image[y : y + bottom - top, x : x + right - left] += whole[top:bottom, left:right]
    moved = boxes[[is_labeled for _, is_labeled in extents]] + np.array([x - left, y - top] * 2, dtype=np.float32)
    margin = np.array([-1, -1, 1, 1], dtype=np.float32) * np.float32(defect.margin)
    labels = clip(moved + margin, (image.shape[1], image.shape[0]))
    return replace(
        example,
        image=np.clip(image, 0, 255).astype(np.uint8),
        boxes=as_boxes(np.concatenate((example.boxes, labels))),
        class_ids=np.append(example.class_ids, np.full(len(labels), defect.class_id)),
    )


def _free_place(
    example: Example, boxes: Boxes, level: float, lifting: Lifting, rng: np.random.Generator
) -> tuple[int, int] | None:
    left, top, right, bottom = _hull(boxes)
    height, width = example.image.shape[:2]
    if right - left >= width or bottom - top >= height:
        return None
    for _ in range(ATTEMPTS):
        x, y = int(rng.integers(0, width - (right - left))), int(rng.integers(0, height - (bottom - top)))
        under = example.image[y : y + bottom - top, x : x + right - left]
        placed = boxes + np.array([x - left, y - top, x - left, y - top], dtype=np.float32)
        if _is_surface(under, level, lifting) and not (iou(placed, example.boxes) > LARGEST_OVERLAP).any():
            return x, y
    return None


def _is_surface(pixels: NDArray[np.uint8], level: float, lifting: Lifting) -> bool:
    """Return whether nearly all pixels are about as bright as the surface of the part: not of what lies around it."""
    dark, bright = np.percentile(strength(pixels), (5, 90))
    return bool(level - lifting.tolerance < dark and bright < level + lifting.tolerance)


def _hull(boxes: Boxes) -> tuple[int, int, int, int]:
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    return int(left), int(top), int(right), int(bottom)


def _grown(box: Boxes, by: int, shape: tuple[int, ...]) -> Boxes:
    grown = box + np.array([-by, -by, by, by], dtype=np.float32)
    return np.clip(grown, 0, np.array([shape[1], shape[0], shape[1], shape[0]], dtype=np.float32))


def _inner_mask(shape: tuple[int, ...]) -> NDArray[np.float32]:
    mask = np.zeros(shape, dtype=np.float32)
    mask[3:-3, 3:-3] = 1
    return mask
