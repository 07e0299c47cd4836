"""Variation for training: other positions, other light, other noise; the truth moves with the image.

Works on frames as a camera takes them; the letterbox comes after, as it does on the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from cloud_side.training.scratch_bank import Scratch, hide, paste
from edge_inspector.geometry import area, clip


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much is varied; a `_share` is a probability, other values are half ranges.

    Attributes:
        flip_share: Of each of the two mirrorings.
        turn_deg: Rotation in degrees. Small: a thin box does not tell how wide it becomes when its scratch turns.
        stretch: Scale of each axis on its own, as the logarithm.
        shift: Of the frame's sides.
        hide_share: Of labeled scratches: covered by the surface beside them.
        paste_share: Of images: get one to three scratches of other photographs.
        light: Gamma and contrast, as the logarithm.
        brightness: Grey levels.
        slope: Grey levels from the middle to the edge.
        noise_share: Of images: get up to `noise` grey levels of noise.
        noise: Grey levels.
        blur_share: Of images: get slightly out of focus.
    """

    flip_share: float = 0.5
    turn_deg: float = 1.0
    stretch: float = 0.2
    shift: float = 0.08
    hide_share: float = 0.2
    paste_share: float = 0.5
    light: float = 0.25
    brightness: float = 12.0
    slope: float = 12.0
    noise_share: float = 0.5
    noise: float = 5.0
    blur_share: float = 0.2


# A box that a shift pushed out of the frame is kept while this share of it can be seen.
VISIBLE_SHARE = 0.4


def augmented(example: Example, bank: Sequence[Scratch], settings: Augmentation, rng: np.random.Generator) -> Example:
    """Return a varied copy of `example`; the same generator state gives the same copy."""
    for index in reversed(range(len(example.boxes))):
        if rng.random() < settings.hide_share:
            example = hide(example, index, rng)
    if bank and rng.random() < settings.paste_share:
        for _ in range(int(rng.integers(1, 4))):
            example = paste(example, bank[int(rng.integers(len(bank)))], rng)
    moved = move(example, settings, rng)
    return Example(relight(moved.image, settings, rng), moved.boxes, moved.class_ids, moved.group, moved.name)


def move(example: Example, settings: Augmentation, rng: np.random.Generator) -> Example:
    """Return the example mirrored, stretched, turned and shifted, all about the middle of the frame."""
    height, width = example.image.shape
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
    return Example(
        image.astype(np.uint8, copy=False), boxes[keep], example.class_ids[keep], example.group, example.name
    )


def relight(image: NDArray[np.uint8], settings: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return (h, w) uint8 under other light, through another lens, with other noise."""
    levels = _tone_curve(settings, rng)[image]
    height, width = image.shape
    slope_x, slope_y = rng.uniform(-settings.slope, settings.slope, 2)
    levels += np.linspace(-slope_x, slope_x, width, dtype=np.float32)
    levels += np.linspace(-slope_y, slope_y, height, dtype=np.float32)[:, None]
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
