"""Paint a planned metal part the way a grey line camera sees it: arithmetic only, every choice is the plan's.

The order is that of the light: backdrop, fixture, metal, marks, lens, sensor. Positions and sizes are frame
pixels, where pixel 0 covers [0, 1). Levels are grey levels before the sensor clips at 255, so an overexposed
backdrop lies above that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Plane = NDArray[np.float32]

_FIELD_SPARE = 96
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of the fixture: a rectangle whose grey runs from its left level to its right one."""

    xyxy: Box
    left_level: float
    right_level: float


@dataclass(frozen=True, slots=True)
class Shade:
    """A convex area of the metal that is lit differently: `gain` 0.2 is a fifth brighter, -0.3 darker."""

    outline: tuple[Point, ...]
    gain: float
    softness_px: float


class Segment(NamedTuple):
    """A short straight piece of a mark; `strength` 1 is white, 0 is the metal itself, -1 is black.

    A plan holds hundreds, hence no dataclass.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    width_px: float
    strength: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything there is to see in one frame.

    Attributes:
        scale: Frame pixels per pixel of a 450 x 300 frame.
        corners: The part's four corners, clockwise.
        hole: Centre x, centre y, radius.
        light: Relative brightness on a 3 x 4 grid (rows, columns) over the frame; 1 is nominal.
        texture: Standard deviations of (brushed lines, mottle, sensor noise) in grey levels.
        texture_origin: Where the textures are cut: x and y in [0, 96), and which of 4 flips.
        blur_xy: Standard deviations of the blur in pixels: defocus, and along x also motion.
        exposure: Factor on all light; `gamma` 1 is a linear sensor.
    """

    scale: float
    corners: tuple[Point, ...]
    corner_px: float
    hole: tuple[float, float, float]
    fixture: tuple[Bar, ...]
    backdrop_level: float
    metal_level: float
    light: tuple[tuple[float, ...], ...]
    shades: tuple[Shade, ...]
    marks: tuple[Segment, ...]
    texture: tuple[float, float, float]
    texture_origin: tuple[int, int, int]
    blur_xy: tuple[float, float]
    exposure: float
    gamma: float

    @property
    def part_xyxy(self) -> Box:
        """Box around the part itself, in frame pixels, not clipped to the frame."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


def paint_scene(scene: Scene, image_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Paint one frame.

    Args:
        scene: What to paint, in the pixels of a frame of this size.
        image_wh: Width and height of the frame in pixels.

    Returns:
        (height, width) uint8 grey frame, byte for byte the same for the same arguments on the same machine.
    """
    brushed, mottle, noise = scene.texture
    frame = _backdrop(scene, image_wh)
    metal = _light(scene, image_wh)
    metal *= scene.metal_level
    metal += _cut(_brushed_field(image_wh, scene.scale), scene, image_wh) * np.float32(brushed)
    metal += _cut(_mottle_field(image_wh, scene.scale), scene, image_wh) * np.float32(mottle)
    _add_marks(metal, scene, image_wh)
    metal -= frame
    metal *= _part_mask(scene, image_wh)
    frame += metal
    sigma_x, sigma_y = scene.blur_xy
    frame = _plane(cv2.GaussianBlur(frame, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y))
    frame *= np.float32(scene.exposure)
    frame += _cut(_noise_field(image_wh), scene, image_wh) * np.float32(noise)
    levels = _plane(cv2.convertScaleAbs(np.maximum(frame, 0, out=frame)))
    return np.asarray(cv2.LUT(levels, _gamma_table(scene.gamma)), dtype=np.uint8)


def _plane(image: object) -> Plane:
    """State that what OpenCV returned is the plane it was given: its stubs only say "some array"."""
    return cast("Plane", image)


def _backdrop(scene: Scene, image_wh: tuple[int, int]) -> Plane:
    width, height = image_wh
    frame = np.full((height, width), scene.backdrop_level, dtype=np.float32)
    mottle = _cut(_mottle_field(image_wh, scene.scale), scene, image_wh)
    for bar in scene.fixture:
        x0, y0, x1, y1 = (max(0, round(edge)) for edge in bar.xyxy)
        piece = frame[y0:y1, x0:x1]
        if piece.size:
            piece[:] = np.linspace(bar.left_level, bar.right_level, piece.shape[1], dtype=np.float32)
            piece += mottle[y0:y1, x0:x1] * np.float32(3)
    return frame


def _light(scene: Scene, image_wh: tuple[int, int]) -> Plane:
    """Return the (h, w) relative brightness of the metal, made at a third of the size: it is smooth."""
    step = max(1, round(3 * scene.scale))
    small_wh = (-(-image_wh[0] // step), -(-image_wh[1] // step))
    grid = np.asarray(scene.light, dtype=np.float32)
    light = _plane(cv2.resize(grid, small_wh, interpolation=cv2.INTER_CUBIC))
    for shade in scene.shades:
        area = np.zeros(small_wh[::-1], dtype=np.float32)
        outline = _fixed_point(shade.outline, 1 / step)
        cv2.fillConvexPoly(area, outline, shade.gain, cv2.LINE_8, _SUBPIXEL_BITS)
        light += _plane(cv2.GaussianBlur(area, (0, 0), max(0.4, shade.softness_px / step)))
    return _plane(cv2.resize(light, image_wh, interpolation=cv2.INTER_LINEAR))


def _add_marks(metal: Plane, scene: Scene, image_wh: tuple[int, int]) -> None:
    """Move the metal towards white under bright marks and towards black under dark ones, in place."""
    marks = np.asarray(scene.marks, dtype=np.float64).reshape(-1, 6)
    bright, dark = marks[marks[:, 5] > 0], marks[marks[:, 5] < 0]
    if len(bright):
        cover = _coverage(bright, scene.scale, image_wh)
        # A strong stroke mirrors the lamp: it is brighter than the sensor can say, and clips after the blur.
        cover *= np.float32(0.75) + np.float32(0.7) * cover
        metal += (np.float32(255) - metal) * cover
    if len(dark):
        metal -= metal * _coverage(dark, scene.scale, image_wh)


def _coverage(marks: NDArray[np.float64], scale: float, image_wh: tuple[int, int]) -> Plane:
    """Return how strongly (n, 6) segments cover each pixel: (h, w) in [0, 1], small frames drawn finer."""
    fine = max(1, round(2 / scale))
    canvas = np.zeros((image_wh[1] * fine, image_wh[0] * fine), dtype=np.uint8)
    # Faint first, so that the round end of a faint piece never bites into a strong one.
    marks = marks[np.argsort(np.abs(marks[:, 5]), kind="stable")]
    ends = _fixed_point(marks[:, :4], fine).tolist()
    widths = np.maximum(1, np.rint(marks[:, 4] * fine)).astype(int).tolist()
    levels = (255 * np.abs(marks[:, 5])).tolist()
    for (x0, y0, x1, y1), width, level in zip(ends, widths, levels, strict=True):
        cv2.line(canvas, (x0, y0), (x1, y1), level, width, cv2.LINE_8, _SUBPIXEL_BITS)
    small = canvas if fine == 1 else cv2.resize(canvas, image_wh, interpolation=cv2.INTER_AREA)
    return np.multiply(small, np.float32(1 / 255), dtype=np.float32)


def _part_mask(scene: Scene, image_wh: tuple[int, int]) -> Plane:
    mask = np.zeros(image_wh[::-1], dtype=np.uint8)
    outline = _rounded(scene.corners, scene.corner_px)
    cv2.fillConvexPoly(mask, _fixed_point(outline, 1), 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    x, y = _fixed_point(scene.hole[:2], 1).tolist()
    radius = round(scene.hole[2] * 2**_SUBPIXEL_BITS)
    cv2.circle(mask, (x, y), radius, 0, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    return np.multiply(mask, np.float32(1 / 255), dtype=np.float32)


def _rounded(corners: Sequence[Point], radius: float) -> list[Point]:
    """Replace each corner by a short curve that begins and ends `radius` pixels away from it."""
    points = np.asarray(corners)
    curve: list[Point] = []
    for index, corner in enumerate(points):
        before, after = points[index - 1] - corner, points[(index + 1) % len(points)] - corner
        a, b = (corner + side * radius / np.hypot(*side) for side in (before, after))
        for t in (0.0, 0.3, 0.7, 1.0):
            x, y = (1 - t) ** 2 * a + 2 * t * (1 - t) * corner + t**2 * b
            curve.append((float(x), float(y)))
    return curve


def _fixed_point(places: Sequence[Point] | Point | NDArray[np.float64], factor: float) -> NDArray[np.int32]:
    """Return OpenCV's drawing coordinates: to it the centre of pixel 0 is at 0, and here it is at 0.5."""
    points: NDArray[np.float64] = np.asarray(places) * factor - 0.5
    return np.asarray(np.rint(points * 2**_SUBPIXEL_BITS), dtype=np.int32)


def _cut(field: Plane, scene: Scene, image_wh: tuple[int, int]) -> Plane:
    """Return a view of the texture in the size of the frame, cut at another place for each part."""
    x, y, flip = scene.texture_origin
    cut = field[y : y + image_wh[1], x : x + image_wh[0]]
    return cut[:: -1 if flip & 1 else 1, :: -1 if flip & 2 else 1]


@lru_cache(maxsize=4)
def _brushed_field(image_wh: tuple[int, int], scale: float) -> Plane:
    """Return fine horizontal lines, unit variance, 96 pixels larger than the frame each way."""
    return _smooth_field(image_wh, 1, sigma_x=7 * scale, sigma_y=0.6 * scale)


@lru_cache(maxsize=4)
def _mottle_field(image_wh: tuple[int, int], scale: float) -> Plane:
    return _smooth_field(image_wh, 2, sigma_x=2.2 * scale, sigma_y=2.2 * scale)


@lru_cache(maxsize=4)
def _noise_field(image_wh: tuple[int, int]) -> Plane:
    # The camera's own processing ties neighbouring pixels together.
    return _smooth_field(image_wh, 3, sigma_x=0.6, sigma_y=0.6)


def _smooth_field(image_wh: tuple[int, int], seed: int, *, sigma_x: float, sigma_y: float) -> Plane:
    shape = (image_wh[1] + _FIELD_SPARE, image_wh[0] + _FIELD_SPARE)
    noise = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    field = _plane(cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y))
    field /= field.std()
    field.setflags(write=False)
    return field


def _gamma_table(gamma: float) -> NDArray[np.uint8]:
    levels = np.arange(256) / 255
    return np.rint(255 * levels**gamma).astype(np.uint8)
