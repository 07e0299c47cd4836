"""Variation for training: other positions, other light, other noise; the truth moves with the image.

Works on frames as a camera takes them, grey or color; the letterbox comes after, as it does on the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from cloud_side.training.variation.defect_bank import Defect, Lifting, hide, paste, paste_faint
from edge_inspector.geometry import area, clip


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much is varied; a `_share` is a probability, other values are half ranges.

    Attributes:
        flip_share: Of each of the two mirrorings.
        turn_deg: Rotation in degrees. Small: a thin box does not tell how wide it becomes when its defect turns.
        stretch: Scale of each axis on its own, as the logarithm.
        shift: Of the frame's sides.
        hide_share: Of labeled defects: covered by the surface beside them.
        paste_share: Of images: get one to three defects of other images.
        faint_share: Of images: get one or two traces of such defects, too faint to be labeled.
        light: Gamma and contrast, as the logarithm.
        brightness: Grey levels.
        slope: Grey levels from the middle to the edge.
        noise_share: Of images: get up to `noise` grey levels of noise.
        noise: Grey levels.
        blur_share: Of images: get slightly out of focus.
        lifting: How defects are told from their surface, where they are hidden or put elsewhere.
    """

    flip_share: float = 0.5
    turn_deg: float = 1.0
    stretch: float = 0.2
    shift: float = 0.08
    hide_share: float = 0.0
    paste_share: float = 0.0
    faint_share: float = 0.0
    light: float = 0.25
    brightness: float = 12.0
    slope: float = 12.0
    noise_share: float = 0.5
    noise: float = 5.0
    blur_share: float = 0.2
    lifting: Lifting = field(default_factory=Lifting)

    def without_faint(self) -> "Augmentation":
        """Return the same with nothing on an image that looks like a defect and is not labeled."""
        return replace(self, faint_share=0.0, lifting=replace(self.lifting, fade_share=0.0))


# A box that a shift pushed out of the frame is kept while this share of it can be seen.
VISIBLE_SHARE: Final = 0.4
AROUND_DEFECT: Final = 0.75


def augmented(example: Example, bank: Sequence[Defect], settings: Augmentation, rng: np.random.Generator) -> Example:
    """Return a varied copy of `example`; the same generator state gives the same copy."""
    moved = rearranged(example, bank, settings, rng)
    return replace(moved, image=relight(moved.image, settings, rng))


def rearranged(example: Example, bank: Sequence[Defect], settings: Augmentation, rng: np.random.Generator) -> Example:
    """Return `example` with other defects at other places, in the light that it was taken in."""
    for index in reversed(range(len(example.boxes))):
        if settings.hide_share and rng.random() < settings.hide_share:
            example = hide(example, index, settings.lifting, rng)
    if bank and rng.random() < settings.paste_share:
        for _ in range(int(rng.integers(1, 4))):
            example = paste(example, bank[int(rng.integers(len(bank)))], settings.lifting, rng)
    if bank and settings.faint_share and rng.random() < settings.faint_share:
        for _ in range(int(rng.integers(1, 3))):
            example = paste_faint(example, bank[int(rng.integers(len(bank)))], settings.lifting, rng)
    return move(example, settings, rng)


def move(example: Example, settings: Augmentation, rng: np.random.Generator) -> Example:
    """Return the example mirrored, stretched, turned and shifted, all about the middle of the frame."""
    height, width = example.image.shape[:2]
    scale = np.exp(rng.uniform(-settings.stretch, settings.stretch, 2))
    mirror = np.where(rng.random(2) < settings.flip_share, -1.0, 1.0)
    angle = np.deg2rad(rng.uniform(-settings.turn_deg, settings.turn_deg))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag(scale * mirror)
    middle = np.array([width / 2, height / 2])
    shift = rng.uniform(-settings.shift, settings.shift, 2) * np.array([width, height])
    # warpAffine speaks of pixel centres, the boxes of pixel edges: half a pixel between them.
    offset = middle + shift - matrix @ middle
    centres = offset + matrix @ np.array([0.5, 0.5]) - 0.5
    image = cv2.warpAffine(
        example.image, np.column_stack((matrix, centres)), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    # The sides keep their length: for a line at any angle that is right on average, where a turned box is too wide.
    middles = (example.boxes[:, :2] + example.boxes[:, 2:]) / 2 @ matrix.T + offset
    halves = (example.boxes[:, 2:] - example.boxes[:, :2]) / 2 * scale
    whole = np.concatenate((middles - halves, middles + halves), axis=1).astype(np.float32)
    boxes = clip(whole, (width, height))
    keep = area(boxes) > VISIBLE_SHARE * area(whole)
    return replace(
        example, image=image.astype(np.uint8, copy=False), boxes=boxes[keep], class_ids=example.class_ids[keep]
    )


def cropped(example: Example, crop_wh: tuple[int, int], rng: np.random.Generator) -> Example:
    """Return a part of the image at its own scale: three of four times around a defect, where there is one.

    Args:
        example: At least as large as the part.
        crop_wh: Width and height of the part in pixels.
        rng: Chooses.
    """
    height, width = example.image.shape[:2]
    side = np.array(crop_wh)
    most = np.array([width, height]) - side
    corner = rng.uniform(0, 1, 2) * most
    if len(example.boxes) and rng.random() < AROUND_DEFECT:
        box = example.boxes[int(rng.integers(len(example.boxes)))]
        corner = (box[:2] + box[2:]) / 2 - rng.uniform(0.1, 0.9, 2) * side
    x, y = (int(value) for value in np.clip(corner, 0, most))
    whole = example.boxes - np.array([x, y, x, y], dtype=np.float32)
    boxes = clip(whole, crop_wh)
    keep = area(boxes) > VISIBLE_SHARE * area(whole)
    image = example.image[y : y + crop_wh[1], x : x + crop_wh[0]]
    return replace(example, image=image, boxes=boxes[keep], class_ids=example.class_ids[keep])


def relight(image: NDArray[np.uint8], settings: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return (h, w) or (h, w, 3) uint8 under other light, through another lens, with other noise."""
    levels = _tone_curve(settings, rng)[image]
    height, width = image.shape[:2]
    slope_x, slope_y = rng.uniform(-settings.slope, settings.slope, 2)
    across = np.linspace(-slope_x, slope_x, width, dtype=np.float32)
    slope = across + np.linspace(-slope_y, slope_y, height, dtype=np.float32)[:, None]
    levels += slope if image.ndim == 2 else slope[..., None]
    if rng.random() < settings.blur_share:
        levels = cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.4, 1.0)).astype(np.float32, copy=False)
    if rng.random() < settings.noise_share:
        levels += rng.standard_normal(levels.shape, dtype=np.float32) * np.float32(rng.uniform(0, settings.noise))
    return np.clip(levels, 0, 255).astype(np.uint8)


def _tone_curve(settings: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    gamma, contrast = np.exp(rng.uniform(-settings.light, settings.light, 2))
    brightness = rng.uniform(-settings.brightness, settings.brightness)
    curve = 255 * np.linspace(0, 1, 256) ** gamma
    return np.asarray((curve - 114) * contrast + 114 + brightness, dtype=np.float32)
