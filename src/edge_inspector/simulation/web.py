"""A continuous web of brushed metal with known scratches, as a line-scan camera sees it: line after line.

The web is planned in sections of equal length, each but the first with at most one scratch, and painted section by
section: any lines of it can be asked for, and are the same whoever asks. `y` counts lines from the begin of the roll.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_inspector.simulation.paint import Box, Scene, Segment, paint_scene
from edge_inspector.simulation.strokes import (
    Floats,
    draw_length,
    draw_path,
    draw_specks,
    draw_strands,
    happens,
    segments_of,
)
from edge_inspector.simulation.style import DEMO_STYLE, LineStyle, require

WEB_WIDTH = 450
_EDGES_X = (12, 438)  # where the metal begins and ends; beside it the backlight shows
_HALVES_X = ((24.0, 218.0), (232.0, 426.0))  # neighbors in turn, so that no two scratches cross
_PAD = 12  # lines painted beyond each end of a section, so that blur and strokes go on
_CLEAR = 6.0  # lines between a seam and a scratch that does not lie on it
_BROKEN_SHARE = 0.4
_MARGIN_PX = 3.0  # around the strokes, as people draw boxes
_ROOM = 40  # lines between two seams, so that a scratch finds a place there


@dataclass(frozen=True, slots=True)
class WebStyle:
    """What a web is like.

    Attributes:
        section_lines: Lines of a section.
        seams: Lines of a section, from its begin, at which frames begin or end.
        defect_rate: Share of sections that have a scratch, in [0, 1].
        on_seam_every: One of so many scratches lies across a seam, the others between two; at least 1.
    """

    section_lines: int = 200
    seams: tuple[int, ...] = (0, 100)
    defect_rate: float = 0.3
    on_seam_every: int = 5

    def __post_init__(self) -> None:
        """Refuse what leaves no room for a scratch between two seams."""
        gaps = np.diff(self.edges())
        require("section_lines", "100 or more", self.section_lines, ok=self.section_lines >= 100)
        has_room = bool(gaps.max() >= _ROOM and gaps.min() > 0) and self.edges()[0] >= 0
        require("seams", f"two that are {_ROOM} lines apart or more", self.seams, ok=has_room)
        require("defect_rate", "within [0, 1]", self.defect_rate, ok=0 <= self.defect_rate <= 1)
        require("on_seam_every", "1 or more", self.on_seam_every, ok=self.on_seam_every >= 1)

    def edges(self) -> tuple[int, ...]:
        """Return the seams of a section, and the first one of the next."""
        return (*self.seams, self.section_lines + self.seams[0]) if self.seams else (0, self.section_lines)


@dataclass(frozen=True, slots=True)
class WebScratch:
    """The truth about one scratch.

    Attributes:
        xyxy: Its box: x in pixels across the web, y in lines from the begin of the roll.
        contrast: In (0, 1], where 1 is a white stroke.
        on_seam: A frame begins or ends in the middle of it.
    """

    xyxy: Box
    contrast: float
    on_seam: bool


@dataclass(frozen=True, slots=True)
class _Section:
    scratch: WebScratch | None
    marks: tuple[Segment, ...]  # y from the begin of the roll


def web_scratches(seed: int, sections: range, style: WebStyle) -> list[WebScratch]:
    """Return the truth of some sections, in order: a pure function of its arguments."""
    planned = (_section(seed, number, style).scratch for number in sections)
    return [scratch for scratch in planned if scratch is not None]


def render_web(seed: int, first_line: int, lines: int, style: WebStyle) -> NDArray[np.uint8]:
    """Paint some lines of a web.

    Args:
        seed: Chooses the web, from 0.
        first_line: From the begin of the roll, 0 or more.
        lines: How many, at least 1.
        style: What the web is like.

    Returns:
        (lines, WEB_WIDTH) uint8 gray.
    """
    require("first_line", "0 or more", first_line, ok=first_line >= 0)
    require("lines", "1 or more", lines, ok=lines >= 1)
    size = style.section_lines
    rows = []
    for number in range(first_line // size, (first_line + lines - 1) // size + 1):
        begin = number * size
        rows.append(_painted(seed, number, style)[max(0, first_line - begin) : first_line + lines - begin])
    return np.concatenate(rows)


@lru_cache(maxsize=4)
def _painted(seed: int, number: int, style: WebStyle) -> NDArray[np.uint8]:
    size = style.section_lines
    top = number * size - _PAD
    neighbors = [_section(seed, other, style) for other in (number - 1, number, number + 1) if other >= 0]
    marks = [mark for section in neighbors for mark in section.marks]
    shown = tuple(mark._replace(y0=mark.y0 - top, y1=mark.y1 - top) for mark in marks)
    roll, rng = np.random.default_rng([seed, 3]), np.random.default_rng([seed, number, 4])
    wh = (WEB_WIDTH, size + 2 * _PAD)
    scene = _scene(roll, rng, wh, shown)
    painted = paint_scene(scene, wh)[_PAD:-_PAD]
    painted.setflags(write=False)
    return painted


def _scene(roll: Generator, rng: Generator, wh: tuple[int, int], marks: tuple[Segment, ...]) -> Scene:
    """Return what is painted; what all sections of a roll share comes from `roll`."""
    looks = DEMO_STYLE
    (left, right), height = _EDGES_X, wh[1]
    across = tuple((1 + roll.uniform(*looks.light_slope) * np.linspace(-0.5, 0.5, 4)).tolist())
    defocus = roll.uniform(*looks.defocus)
    return Scene(
        scale=1.0,
        corners=((left, -99.0), (right, -99.0), (right, height + 99.0), (left, height + 99.0)),
        corner_px=1.0,
        hole=(-99.0, -99.0, 1.0),
        fixture=(),
        backdrop_level=roll.uniform(*looks.backdrop_level),
        metal_level=roll.uniform(*looks.metal_level),
        light=(across, across, across),
        shades=(),
        marks=marks,
        texture=(
            roll.uniform(*looks.brushed_level),
            roll.uniform(*looks.mottle_level),
            roll.uniform(*looks.noise_level),
        ),
        texture_origin=(int(rng.integers(96)), int(rng.integers(96)), int(rng.integers(4))),
        blur_xy=(defocus, defocus),
        exposure=1.0,
        gamma=1.0,
    )


@lru_cache(maxsize=16)
def _section(seed: int, number: int, style: WebStyle) -> _Section:
    rng = np.random.default_rng([seed, number, 5])
    strokes = [_harmless(rng, DEMO_STYLE, style.section_lines)]
    scratch = None
    if happens(rng, style.defect_rate) and number:
        scratch, segments = _scratch(rng, number, style)
        strokes.append(segments)
    every = np.concatenate(strokes)
    every[:, (1, 3)] += number * style.section_lines
    return _Section(scratch, tuple(map(Segment._make, every.tolist())))


def _scratch(rng: Generator, number: int, style: WebStyle) -> tuple[WebScratch, Floats]:
    """Draw the scratch of a section, and its strokes with y from the section's begin."""
    on_seam = number % style.on_seam_every == 0
    low_x, high_x = _HALVES_X[number % 2]
    looks = DEMO_STYLE
    path = draw_path(rng, draw_length(rng, looks.scratch_length), step=2, wobble=0.5)
    seam, following = _gap(rng, style)
    low_y, high_y = seam + _CLEAR + 4, following - _CLEAR - 4
    room_y = looks.scratch_length[1] if on_seam else high_y - low_y
    if on_seam and np.ptp(path[:, 1]) < np.ptp(path[:, 0]):
        path = path[:, ::-1]  # one that runs along the seam is hardly cut by it
    path *= min(1.0, float(np.min(np.array((high_x - low_x, room_y)) / (np.ptp(path, axis=0) + 1e-6))))
    path -= path.min(axis=0)
    width, height = np.ptp(path, axis=0).tolist()
    x = rng.uniform(low_x, high_x - width)
    y = seam - height * rng.uniform(0.2, 0.8) if on_seam else rng.uniform(low_y, high_y - height)
    path += (x, y)
    stroke_width = rng.uniform(*looks.scratch_width)
    low, high = looks.scratch_contrast
    contrast = float(low + (high - low) * rng.random() ** 0.6)
    segments = draw_strands(rng, path, stroke_width, contrast, broken=happens(rng, _BROKEN_SHARE))
    ends = segments[:, :4].reshape(-1, 2)
    margin = stroke_width / 2 + _MARGIN_PX
    (x0, y0), (x1, y1) = (ends.min(axis=0) - margin).tolist(), (ends.max(axis=0) + margin).tolist()
    first = number * style.section_lines
    return WebScratch((x0, y0 + first, x1, y1 + first), contrast, on_seam), segments


def _gap(rng: Generator, style: WebStyle) -> tuple[float, float]:
    """Draw two seams that follow each other, with room for a scratch between them."""
    gaps = [pair for pair in pairwise(style.edges()) if pair[1] - pair[0] >= _ROOM]
    first, second = gaps[int(rng.integers(len(gaps)))]
    return float(first), float(second)


def _harmless(rng: Generator, looks: LineStyle, lines: int) -> Floats:
    """Draw hairlines and dust over a section."""
    n = round(rng.uniform(*looks.specks))
    spots = rng.uniform((_EDGES_X[0], 0), (_EDGES_X[1], lines), (n, 2))
    segments = [draw_specks(rng, spots, 1.5, rng.uniform(*looks.speck_strength) * rng.random(n) ** 3)]
    for _ in range(round(rng.uniform(*looks.hairlines))):
        path = draw_path(rng, rng.uniform(25, 200), step=6, wobble=0.8) + rng.uniform((60, 0), (390, lines))
        strength = rng.uniform(*looks.hairline_strength) * rng.uniform(0.4, 1.0, len(path) - 1)
        segments.append(segments_of(path[:-1], path[1:], rng.uniform(*looks.hairline_width), strength))
    return np.concatenate(segments)
