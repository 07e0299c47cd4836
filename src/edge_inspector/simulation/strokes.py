"""Strokes: the lines that scratches and harmless marks are made of, drawn from a generator.

Coordinates are pixels of a 450 x 300 frame. A stroke is an (n, 6) array of segments: x0, y0, x1, y1, width, strength.
"""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_inspector.simulation.style import LineStyle, Range

Floats = NDArray[np.float64]

_SOFT_STEPS = 8


def draw_path(rng: Generator, length: float, *, step: float, wobble: float) -> Floats:
    """Return (n, 2) points about `step` apart along a straight, bowed or kinked line around the origin."""
    t = np.linspace(-0.5, 0.5, max(3, round(length / step) + 1))
    y = rng.normal(0, wobble) * np.sin(t * rng.uniform(4, 14) + rng.uniform(0, 6))
    if happens(rng, 0.4):
        y += length * rng.normal(0, 0.25) * (t**2 - 0.08)
    elif happens(rng, 0.3):
        y += length * rng.normal(0, 0.35) * np.maximum(0, t - rng.uniform(-0.3, 0.3))
    path: Floats = np.stack((t * length, y), axis=1) @ rotation(rng.uniform(-np.pi / 2, np.pi / 2))
    return path


def draw_length(rng: Generator, limits: Range) -> float:
    """Draw a length: most are medium, few are at the limits."""
    low, high = limits
    return float(low + (high - low) * rng.beta(2.2, 1.8))


def draw_strands(rng: Generator, path: Floats, width: float, contrast: float, *, broken: bool) -> Floats:
    """Return the strokes of a scratch: one solid, or one or a few broken ones side by side."""
    if not broken:
        n = len(path) - 1
        taper = 0.6 + 0.4 * np.sin(np.linspace(0.15, np.pi - 0.15, n)) ** 0.5
        strength = contrast * rng.uniform(0.85, 1.0, n)
        return segments_of(path[:-1], path[1:], width * taper * rng.uniform(0.8, 1.1, n), strength)
    strands = []
    for strand in range(int(rng.choice((1, 1, 1, 2, 3)))):
        share = path if strand == 0 else path[rng.integers(len(path) // 2) :][: len(path) // 2 + 1]
        n = len(share) - 1
        offset = rng.normal(0, 2.5 if strand else 0, 2) + rng.normal(0, rng.uniform(0.1, 0.6), (n, 2))
        widths = width * rng.uniform(0.5, 1.25, n)
        strength = contrast * _breaks(rng, n)
        strands.append(segments_of(share[:-1] + offset, share[1:] + offset, widths, strength))
    return np.concatenate(strands)


def dark_strokes(path: Floats, width: float, contrast: float) -> Floats:
    """Return the strokes of a dark scratch: across it, darkness is a bell, at a quarter of its height `width` wide."""
    heights = (np.arange(_SOFT_STEPS) + 0.5) / _SOFT_STEPS
    widths = width * np.sqrt(np.log(heights) / np.log(0.25))
    steps = zip(widths.tolist(), heights.tolist(), strict=True)
    return np.concatenate([segments_of(path[:-1], path[1:], wide, -contrast * height) for wide, height in steps])


def _breaks(rng: Generator, n: int) -> Floats:
    """Return (n,) relative strengths along a broken stroke; both ends stay, so that the box is tight."""
    wave = np.interp(np.arange(n), np.cumsum(rng.integers(1, 9, n)), rng.random(n))
    strength = rng.uniform(0.7, 1.0, n)
    gaps = 0.7 * rng.random(n) + 0.5 * wave > rng.uniform(0.45, 0.9)
    strength[gaps] *= rng.uniform(0, 0.6, gaps.sum())
    strength[[0, -1]] = 1
    return strength


def draw_tail(rng: Generator, path: Floats, style: LineStyle) -> Floats:
    """Let a scratch run out in a hairline along its last direction."""
    n = int(rng.integers(6, 25))
    direction = (path[-1] - path[-4:][0]) / 3
    bend = rng.normal(0, 0.05) * np.array((-direction[1], direction[0]))
    steps = np.arange(n + 1)[:, None]
    points = path[-1] + steps * direction + steps**2 * bend
    strength = rng.uniform(*style.hairline_strength) * np.linspace(1, 0.3, n)
    return segments_of(points[:-1], points[1:], rng.uniform(*style.hairline_width), strength)


def draw_specks(rng: Generator, spots: Floats, length: float, strength: Floats) -> Floats:
    """Return one tiny stroke at each of the (n, 2) spots."""
    reach = rng.normal(0, length / 2, spots.shape)
    return segments_of(spots - reach, spots + reach, rng.uniform(0.4, 1.2, len(spots)), strength)


def segments_of(starts: Floats, ends: Floats, width: Floats | float, strength: Floats | float) -> Floats:
    """Return (n, 6) segments from (n, 2) starts and ends; width and strength are (n,) or one for all."""
    segments = np.empty((len(starts), 6))
    segments[:, :2], segments[:, 2:4], segments[:, 4], segments[:, 5] = starts, ends, width, strength
    return segments


def happens(rng: Generator, share: float) -> bool:
    """Draw whether something with this probability is so."""
    return rng.random() < share


def rotation(angle_rad: float) -> Floats:
    """Return the (2, 2) matrix that turns rows of points by an angle."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array(((cos, sin), (-sin, cos)))
