"""What happens on a line of metal tags: how parts lie, how light falls, which marks they carry.

Every function draws from the generator it is given: the same generator gives the same plan. Coordinates here
are pixels of a 450 x 300 frame until `Pose.place` has moved them; what leaves this module is in frame pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from edge_inspector.simulation.paint import Bar, Box, Point, Scene, Segment, Shade
from edge_inspector.simulation.strokes import (
    Floats,
    dark_strokes,
    draw_length,
    draw_path,
    draw_specks,
    draw_strands,
    draw_tail,
    happens,
    rotation,
    segments_of,
)
from edge_inspector.simulation.style import REFERENCE_WH, LineStyle, Range

_PART_CENTER = (231.0, 158.5)
_HALF_WH = np.array((201.5, 125.0))
_CORNERS = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)))
_HOLE_XY = np.array((-177.0, -100.0))
_MOST_OVERLAP = 0.3  # of the smaller of two truth boxes, where there is room
_WORN_XY = ((180, 105), (185, -110), (-150, 112), (0, 118))


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch as planned: truth box in frame pixels, contrast in (0, 1], and its (n, 6) segments."""

    xyxy: Box
    contrast: float
    segments: Floats


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the part lies: reference points around its centre become frame pixels."""

    scale: float
    center: Point
    angle_rad: float

    def place(self, points: Floats) -> Floats:
        """Return (n, 2) frame pixels for (n, 2) reference pixels relative to the part's centre."""
        placed: Floats = points @ rotation(self.angle_rad) * self.scale + self.center
        return placed

    def outline(self, points: Sequence[Point] | Sequence[Floats] | Floats) -> tuple[Point, ...]:
        """Return placed points as the tuples a plan holds."""
        return tuple((x, y) for x, y in self.place(np.asarray(points)).tolist())

    def marks(self, segments: Floats) -> tuple[Segment, ...]:
        """Return (n, 6) reference segments (x0, y0, x1, y1, width, strength) as placed marks."""
        ends = self.place(segments[:, :4].reshape(-1, 2)).reshape(-1, 4)
        placed = np.hstack((ends, segments[:, 4:5] * self.scale, segments[:, 5:]))
        return tuple(map(Segment._make, placed.tolist()))


def plan_scene(  # noqa: PLR0913 - all that tells one part from another
    rng: Generator,
    lot_rng: Generator,
    image_wh: tuple[int, int],
    *,
    defective: bool,
    exposure: float,
    style: LineStyle,
) -> tuple[Scene, tuple[Scratch, ...]]:
    """Draw one part and its surroundings.

    Args:
        rng: Draws what differs from part to part.
        lot_rng: Draws what the parts of a lot share, or the same generator where they share nothing.
        image_wh: Width and height of the frame in pixels.
        defective: Whether the part has scratches.
        exposure: Factor on the light.
        style: How much the line varies.

    Returns:
        What to paint, and the 1 to 3 scratches in it if the part is defective.
    """
    pose = _plan_pose(rng, image_wh, style)
    turn = -1 if happens(rng, style.turned_share) else 1
    hole_x, hole_y = pose.outline([turn * _HOLE_XY])[0]
    scratches: list[Scratch] = []
    if defective:
        for _ in range(int(rng.choice((1, 2, 3), p=(0.3, 0.56, 0.14)))):
            scratches.append(_plan_scratch(rng, pose, image_wh, style, scratches))
    segments = [_plan_harmless(rng, turn, style), *(scratch.segments for scratch in scratches)]
    scene = Scene(
        scale=pose.scale,
        corners=pose.outline(_HALF_WH * _CORNERS),
        corner_px=pose.scale * 7.5,
        hole=(hole_x, hole_y, pose.scale * 10.3),
        fixture=_plan_fixture(lot_rng, pose.scale, image_wh),
        backdrop_level=rng.uniform(*style.backdrop_level),
        metal_level=lot_rng.uniform(*style.metal_level) * rng.uniform(0.97, 1.03),
        light=_plan_light(rng, style),
        shades=_plan_shades(rng, lot_rng, pose, style),
        marks=pose.marks(np.concatenate(segments)),
        texture=(
            lot_rng.uniform(*style.brushed_level),
            lot_rng.uniform(*style.mottle_level),
            rng.uniform(*style.noise_level),
        ),
        texture_origin=(int(rng.integers(96)), int(rng.integers(96)), int(rng.integers(4))),
        blur_xy=_plan_blur(rng, pose.scale, style),
        exposure=exposure * rng.uniform(*style.exposure),
        gamma=rng.uniform(*style.gamma),
    )
    return scene, tuple(scratches)


def _plan_pose(rng: Generator, image_wh: tuple[int, int], style: LineStyle) -> Pose:
    scale = min(image_wh[0] / REFERENCE_WH[0], image_wh[1] / REFERENCE_WH[1])
    center = np.asarray(_PART_CENTER) + rng.uniform(*style.shift, size=2) * (1, 0.6)
    x, y = np.asarray(image_wh) / 2 + (center - np.asarray(REFERENCE_WH) / 2) * scale
    return Pose(scale, (float(x), float(y)), float(np.deg2rad(rng.uniform(*style.angle_deg))))


def _plan_blur(rng: Generator, scale: float, style: LineStyle) -> tuple[float, float]:
    defocus = rng.uniform(*style.defocus) * scale
    # The standard deviation of a box as long as the motion is its length over the root of 12.
    motion = rng.uniform(*style.motion) * scale / np.sqrt(12)
    return float(np.hypot(defocus, motion)), defocus


def _plan_light(rng: Generator, style: LineStyle) -> tuple[tuple[float, ...], ...]:
    """Draw a slope along x, a weaker one along y, and a little unevenness on a 3 x 4 grid."""
    across = rng.uniform(*style.light_slope) * np.linspace(-0.5, 0.5, 4)
    down = 0.4 * rng.uniform(*style.light_slope) * np.linspace(-0.5, 0.5, 3)
    return _tuples(1 + across + down[:, None] + rng.normal(0, 0.015, (3, 4)))


def _plan_shades(rng: Generator, lot_rng: Generator, pose: Pose, style: LineStyle) -> tuple[Shade, ...]:
    """Draw a shadow along the left edge, diagonal reflections, the remains of a sticker, and worn corners."""
    shades = []
    if happens(lot_rng, style.edge_shadow_share):
        top, bottom = -201 + lot_rng.uniform(4, 24, 2) + rng.uniform(-1, 1, 2)
        outline = [(-230, -140), (top, -140), (bottom, 140), (-230, 140)]
        shades.append(Shade(pose.outline(outline), lot_rng.uniform(-0.4, -0.2), 1.5 * pose.scale))
    if happens(rng, style.reflection_share):
        for _ in range(rng.integers(1, 4)):
            x, width, slant, gain = rng.uniform((-180, 15, -50, -0.07), (180, 90, 90, 0.09)).tolist()
            outline = [(x, -130), (x + width, -130), (x + width - slant, 130), (x - slant, 130)]
            shades.append(Shade(pose.outline(outline), gain, rng.uniform(2, 12) * pose.scale))
    if happens(rng, style.residue_share):
        x, y, width, height = rng.uniform((-150, -90, 25, 12), (130, 80, 70, 30))
        outline = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        gain = rng.uniform(0.04, 0.12) * (1 if happens(rng, 0.5) else -1)
        shades.append(Shade(pose.outline(outline), gain, 1.5 * pose.scale))
    if happens(rng, style.scuff_share):
        for center in _WORN_XY[: rng.integers(len(_WORN_XY) + 1)]:
            x, y = np.asarray(center) + rng.normal(0, 10, 2)
            a, b = rng.uniform((8, 5), (30, 16))
            outline = [(x - a, y), (x, y - b), (x + a, y), (x, y + b)]
            shades.append(Shade(pose.outline(outline), rng.uniform(0, 0.14), 5 * pose.scale))
    return tuple(shades)


def _plan_fixture(rng: Generator, scale: float, image_wh: tuple[int, int]) -> tuple[Bar, ...]:
    """Draw what shows above and below the part."""
    middle_x, middle_y = image_wh[0] / 2, image_wh[1] / 2

    def placed(bar: Bar) -> Bar:
        x0, y0, x1, y1 = ((edge - half) * scale for edge, half in zip(bar.xyxy, (225, 150) * 2, strict=True))
        return replace(bar, xyxy=(middle_x + x0, middle_y + y0, middle_x + x1, middle_y + y1))

    return tuple(placed(bar) for bar in (*_plan_ledges(rng, top=True), *_plan_ledges(rng, top=False)))


def _plan_ledges(rng: Generator, *, top: bool) -> list[Bar]:
    """Draw a grey post or bright steps between the frame's edge and the part, and thin lines across."""
    left, right, grey, dark = rng.uniform((127, 295, 135, 25), (159, 321, 185, 95)).tolist()
    split = rng.uniform(left + 30, right - 20)
    outer, inner = (-1000, 70) if top else (250, 1300)
    if happens(rng, 0.5):
        first, second = grey, [grey, dark, 300][rng.integers(3)]
        if happens(rng, 0.5):
            first, second = second, first
        steps = [(left, split, grey, grey), (split, right, first, second)]
    elif happens(rng, 0.5):
        steps = [
            (left, split, 300, 300),
            (split - 6, split + 14, 290, grey),
            (split + 14, right, grey, grey - 25),
        ]
    else:
        steps = [(left, split, grey - 30, grey), (split, right, 300, 300)]
    bars = [Bar((x0, outer, x1, inner), level0, level1) for x0, x1, level0, level1 in steps]
    around = rng.uniform(3, 30) if top else 300 - rng.uniform(2, 14)
    for _ in range(rng.integers(4)):
        y = around + rng.uniform(-14, 14)
        thickness, level = rng.uniform((0.8, 40), (2.2, 150)).tolist()
        bars.append(Bar((left, y, right, y + thickness), level, level))
        bars.append(Bar((left, y + thickness, right, y + thickness + 1), 300, 230))
    if happens(rng, 0.6):
        edge = (left, 0.0, right, rng.uniform(2, 5)) if top else (split, 297.0, right, 1300.0)
        bars.append(Bar(edge, dark, dark))
    return bars


def _plan_scratch(
    rng: Generator, pose: Pose, image_wh: tuple[int, int], style: LineStyle, others: Sequence[Scratch]
) -> Scratch:
    """Draw a scratch that stays on the part and, if a few draws find room, mostly off the others."""
    faint = happens(rng, style.faint_share)
    widths, (low, high) = _stroke_ranges(style, faint=faint)
    contrast = float(low + (high - low) * rng.random() ** 0.6)
    width = rng.uniform(*widths)
    broken = not faint and happens(rng, style.broken_share)
    margins = rng.uniform(1, 6, 4)
    for _ in range(6):
        path = _inside_part(rng, draw_path(rng, draw_length(rng, style.scratch_length), step=2, wobble=0.5))
        if style.is_dark:
            segments = dark_strokes(path, width, contrast)
        else:
            segments = draw_strands(rng, path, width, contrast, broken=broken)
        box = _box(pose.place(segments[:, :4].reshape(-1, 2)), (width / 2 + margins) * pose.scale, image_wh)
        if all(_overlap(box, other.xyxy) < _MOST_OVERLAP for other in others):
            break
    if style.is_dark:
        return Scratch(box, contrast, segments)
    extras = [segments]
    if happens(rng, style.tail_share):
        extras.append(draw_tail(rng, path, style))
    if happens(rng, style.shadow_share):
        beside = (path + rng.normal(0, 2.5, 2))[: len(path) // 2]
        extras.append(segments_of(beside[:-1], beside[1:], 1, -rng.uniform(0.1, 0.4)))
    return Scratch(box, contrast, np.concatenate(extras))


def _stroke_ranges(style: LineStyle, *, faint: bool) -> tuple[Range, Range]:
    """Return what widths and contrasts are drawn from."""
    if style.is_dark:
        return style.dark_width, style.dark_contrast
    return (style.faint_width, style.faint_contrast) if faint else (style.scratch_width, style.scratch_contrast)


def _inside_part(rng: Generator, path: Floats) -> Floats:
    """Move a path to a random place where all of it is on the part, shrunk if there is no such place."""
    low, high = path.min(axis=0), path.max(axis=0)
    room = 2 * (_HALF_WH - 14)
    path = path * min(1.0, float(np.min(room / (high - low + 1e-6))))
    low, high = path.min(axis=0), path.max(axis=0)
    corner = rng.random(2) * np.maximum(0, room - (high - low)) - room / 2
    return np.asarray(path - low + corner, dtype=np.float64)


def _plan_harmless(rng: Generator, turn: int, style: LineStyle) -> Floats:
    """Draw hairlines, dust, and scuffs made of tiny strokes near corners, the hole and the lower edge."""
    n = round(rng.uniform(*style.specks))
    spots = rng.uniform(-_HALF_WH, _HALF_WH, (n, 2))
    segments = [draw_specks(rng, spots, 1.5, rng.uniform(*style.speck_strength) * rng.random(n) ** 3)]
    for _ in range(round(rng.uniform(*style.hairlines))):
        path = draw_path(rng, rng.uniform(25, 260), step=6, wobble=0.8) + rng.uniform(-_HALF_WH, _HALF_WH)
        strength = rng.uniform(*style.hairline_strength) * rng.uniform(0.4, 1.0, len(path) - 1)
        segments.append(segments_of(path[:-1], path[1:], rng.uniform(*style.hairline_width), strength))
    if happens(rng, style.scuff_share):
        for center in (*_WORN_XY, turn * _HOLE_XY):
            n = int(100 * rng.random() ** 2)
            spots = np.asarray(center) + rng.normal(0, rng.uniform((6, 4), (28, 13)), (n, 2))
            segments.append(draw_specks(rng, spots, 3.5, rng.uniform(0.1, 0.6) * rng.random(n) ** 2))
    return np.concatenate(segments)


def _box(points: Floats, margins: Floats, image_wh: tuple[int, int]) -> Box:
    """Return the box around (n, 2) points plus (left, top, right, bottom) margins, clipped to the frame."""
    low, high = points.min(axis=0) - margins[:2], points.max(axis=0) + margins[2:]
    x0, y0 = np.maximum(low, 0).tolist()
    x1, y1 = np.minimum(high, image_wh).tolist()
    return x0, y0, x1, y1


def _overlap(a: Box, b: Box) -> float:
    """Return the share of the smaller box that the other one covers."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b))
    return max(0.0, width) * max(0.0, height) / smaller


def _tuples(rows: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, rows.tolist()))
