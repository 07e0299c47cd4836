"""Circuit boards that nobody has to photograph: a second product, in color, with three kinds of tiny defects.

The boards of a lot have one layout, one solder mask and one light; each lies a little differently under the camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from edge_inspector.geometry import as_boxes

BRIDGE, HOLE, MISSING_SOLDER = BOARD_CLASSES = ("bridge", "hole", "missing_solder")
SIDE: Final = 640

_Color: TypeAlias = tuple[int, int, int]
_Box: TypeAlias = tuple[float, float, float, float]
_MASKS: Final[tuple[_Color, ...]] = ((52, 92, 28), (96, 58, 26), (40, 44, 120), (44, 44, 44))  # BGR
_SOLDER: Final[_Color] = (196, 200, 202)
_COPPER: Final[_Color] = (72, 124, 196)
_PRINT: Final[_Color] = (228, 232, 232)
_PACKAGE: Final[_Color] = (38, 36, 36)
_CELL: Final = 160  # of the grid that parts are placed in, pixels
_SHIFT: Final = 4  # bits of a pixel's parts in OpenCV's drawing


@dataclass(frozen=True, slots=True)
class _Pad:
    xyxy: _Box
    neighbor: _Box | None  # the next one in its row, which solder may reach


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are on the boards of a lot, in pixels."""

    pads: tuple[_Pad, ...]
    packages: tuple[_Box, ...]
    traces: tuple[tuple[tuple[float, float], ...], ...]
    vias: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class _Painting:
    """A board that is being painted, and what is wrong with it."""

    image: NDArray[np.uint8]
    offset: tuple[float, float]
    boxes: list[_Box] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def rectangle(self, xyxy: _Box, color: Sequence[float]) -> None:
        x0, y0, x1, y1 = self._fixed(xyxy)
        cv2.rectangle(self.image, (x0, y0), (x1, y1), color, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def disc(self, center: tuple[float, float], radius: float, color: Sequence[float]) -> None:
        x, y = self._fixed(center)
        cv2.circle(self.image, (x, y), round(radius * 2**_SHIFT), color, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def line(self, points: Sequence[tuple[float, float]], color: Sequence[float], thickness: int) -> None:
        fixed = np.array([self._fixed(point) for point in points], dtype=np.int32)
        cv2.polylines(self.image, [fixed], False, color, thickness, cv2.LINE_AA, _SHIFT)  # noqa: FBT003 - is not closed

    def defect(self, label: str, xyxy: _Box) -> None:
        dx, dy = self.offset
        self.boxes.append((xyxy[0] + dx, xyxy[1] + dy, xyxy[2] + dx, xyxy[3] + dy))
        self.labels.append(label)

    def _fixed(self, values: Sequence[float]) -> tuple[int, ...]:
        return tuple(round((value + self.offset[index % 2]) * 2**_SHIFT) for index, value in enumerate(values))


def render_board(seed: int, number: int, *, lot: int = 0, defect_rate: float = 0.6, side: int = SIDE) -> Example:
    """Return one board: a pure function of its arguments, the same in any order.

    Args:
        seed: Chooses the product line, from 0.
        number: Chooses the board, from 0.
        lot: Chooses layout, mask and light, from 0; its boards are one group.
        defect_rate: Probability that it has defects (1 to 6 of them), in [0, 1].
        side: Of the square image in pixels, at least 320.

    Raises:
        ValueError: If the side is too short.
    """
    if side < 2 * _CELL:
        msg = f"side: expected {2 * _CELL} pixels or more, found {side}"
        raise ValueError(msg)
    lot_rng, rng = np.random.default_rng([seed, lot, 7]), np.random.default_rng([seed, lot, number, 8])
    layout = _layout(lot_rng, side)
    mask = np.clip(np.array(_MASKS[int(lot_rng.integers(len(_MASKS)))]) + lot_rng.integers(-10, 11, 3), 0, 255)
    dx, dy = rng.uniform(-5, 5, 2).tolist()
    board = _Painting(np.full((side, side, 3), mask, dtype=np.uint8), (dx, dy))
    _paint(board, layout, mask, rng)
    if rng.random() < defect_rate:
        _damage(board, layout, mask, rng)
    image = _taken(board.image, lot_rng, rng)
    name = f"board-{seed}-{number}"
    classes = np.array([BOARD_CLASSES.index(label) for label in board.labels], dtype=np.int64)
    return Example(image, as_boxes(board.boxes), classes, f"lot-{seed}-{lot}", name)


def _layout(rng: np.random.Generator, side: int) -> _Layout:
    pads: list[_Pad] = []
    packages: list[_Box] = []
    traces, vias = [], []
    cells = side // _CELL
    for row in range(cells):
        for column in range(cells):
            middle = ((column + 0.5) * side / cells, (row + 0.5) * side / cells)
            part_pads, package = _part(rng, middle)
            pads += part_pads
            packages.append(package)
            for pad in part_pads[::3]:
                traces.append(_trace(rng, pad.xyxy, side))
                vias.append(traces[-1][-1])
    return _Layout(tuple(pads), tuple(packages), tuple(traces), tuple(vias))


def _part(rng: np.random.Generator, middle: tuple[float, float]) -> tuple[list[_Pad], _Box]:
    """Return the two rows of pads of a part, and its package between them; some parts stand, others lie."""
    count, pitch = int(rng.integers(3, 7)), float(rng.uniform(14, 19))
    pad_width, pad_length, half = pitch * 0.52, float(rng.uniform(13, 18)), float(rng.uniform(20, 32))
    stands, (x, y) = bool(rng.random() < 0.5), middle
    starts = [(index - (count - 1) / 2) * pitch - pad_width / 2 for index in range(count)]

    def box(along: float, across: float) -> _Box:
        if stands:
            return x + across, y + along, x + across + pad_length, y + along + pad_width
        return x + along, y + across, x + along + pad_width, y + across + pad_length

    pads = []
    for across in (-half - pad_length, half):
        row = [box(start, across) for start in starts]
        pads += [_Pad(here, following) for here, following in zip(row, [*row[1:], None], strict=True)]
    reach = count * pitch / 2 + 3
    inner = half - 3
    package = (x - inner, y - reach, x + inner, y + reach) if stands else (x - reach, y - inner, x + reach, y + inner)
    return pads, package


def _trace(rng: np.random.Generator, pad: _Box, side: int) -> tuple[tuple[float, float], ...]:
    """Return a trace from a pad: straight, then at 45 degrees, as they are laid."""
    start = (pad[0] + pad[2]) / 2, (pad[1] + pad[3]) / 2
    away = -1.0 if rng.random() < 0.5 else 1.0
    straight, slanted = rng.uniform(14, 34), rng.uniform(8, 30)
    corner = start[0], start[1] + away * straight
    end = corner[0] + slanted * (1 if rng.random() < 0.5 else -1), corner[1] + away * slanted
    return tuple((float(np.clip(px, 8, side - 8)), float(np.clip(py, 8, side - 8))) for px, py in (start, corner, end))


def _paint(board: _Painting, layout: _Layout, mask: NDArray[np.int64], rng: np.random.Generator) -> None:
    lighter = np.clip(mask * 1.25 + 12, 0, 255).tolist()
    for trace in layout.traces:
        board.line(trace, lighter, 4)
    for x, y in layout.vias:
        board.disc((x, y), 6, _COPPER)
        board.disc((x, y), 3, (16, 16, 16))
    for x0, y0, x1, y1 in layout.packages:
        board.rectangle((x0 - 4, y0 - 4, x1 + 4, y1 + 4), _PRINT)
        board.rectangle((x0 - 2, y0 - 2, x1 + 2, y1 + 2), mask.tolist())
        board.rectangle((x0, y0, x1, y1), _PACKAGE)
        board.disc((x0 + 6, y0 + 6), 2, _PRINT)
    for pad in layout.pads:
        _solder(board, pad.xyxy, rng)


def _solder(board: _Painting, xyxy: _Box, rng: np.random.Generator) -> None:
    x0, y0, x1, y1 = xyxy
    shade = np.array(_SOLDER) + rng.integers(-14, 15)
    board.rectangle(xyxy, shade.tolist())
    glint = x0 + rng.uniform(0.3, 0.7) * (x1 - x0), y0 + rng.uniform(0.25, 0.6) * (y1 - y0)
    board.disc(glint, min(x1 - x0, y1 - y0) * 0.25, (250, 250, 250))


def _damage(board: _Painting, layout: _Layout, mask: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Paint one to six defects, each on a pad of its own that no other touches."""
    used: set[_Box] = set()
    kinds = [BOARD_CLASSES[int(kind)] for kind in rng.integers(0, len(BOARD_CLASSES), int(rng.integers(1, 7)))]
    order = iter(rng.permutation(len(layout.pads)).tolist())
    for kind in kinds:
        for index in order:
            pad = layout.pads[index]
            touched = {pad.xyxy} if pad.neighbor is None else {pad.xyxy, pad.neighbor}
            if touched & used or (kind == BRIDGE and pad.neighbor is None):
                continue
            used |= touched
            _spoil(board, kind, pad, mask, rng)
            break


def _spoil(board: _Painting, kind: str, pad: _Pad, mask: NDArray[np.int64], rng: np.random.Generator) -> None:
    x0, y0, x1, y1 = pad.xyxy
    if kind == MISSING_SOLDER:
        board.rectangle(pad.xyxy, mask.tolist())
        board.rectangle(pad.xyxy, (np.array(_COPPER) + rng.integers(-16, 17)).tolist())
        board.defect(kind, pad.xyxy)
    elif kind == BRIDGE and pad.neighbor is not None:
        board.defect(kind, _bridge(board, pad.xyxy, pad.neighbor, rng))
    else:
        radius = float(rng.uniform(2.6, 3.8))
        center = float(rng.uniform(x0 + 3, x1 - 3)), float(rng.uniform(y0 + 3, y1 - 3))
        board.disc(center, radius, (120, 124, 128))
        board.disc(center, radius - 0.8, (24, 26, 30))
        board.defect(kind, (center[0] - radius, center[1] - radius, center[0] + radius, center[1] + radius))


def _bridge(board: _Painting, here: _Box, following: _Box, rng: np.random.Generator) -> _Box:
    """Paint solder between two pads, and return where it is: the gap, and a little of both pads."""
    thickness, overlap, place = float(rng.uniform(5, 8)), 2.0, float(rng.uniform(0.25, 0.75))
    shade = (np.array(_SOLDER) + rng.integers(-14, 15)).tolist()
    if following[0] > here[2]:
        middle = here[1] + place * (here[3] - here[1])
        box = (here[2] - overlap, middle - thickness / 2, following[0] + overlap, middle + thickness / 2)
    else:
        middle = here[0] + place * (here[2] - here[0])
        box = (middle - thickness / 2, here[3] - overlap, middle + thickness / 2, following[1] + overlap)
    board.rectangle(box, shade)
    return box


def _taken(image: NDArray[np.uint8], lot_rng: np.random.Generator, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the image as a camera takes it: its light, its lens, its noise."""
    side = image.shape[0]
    slope_x, slope_y = lot_rng.uniform(-18, 18, 2)
    gain = lot_rng.uniform(0.85, 1.1, 3) * rng.uniform(0.96, 1.04)
    levels = cv2.GaussianBlur(image, (0, 0), float(lot_rng.uniform(0.5, 0.8))).astype(np.float32)
    levels *= gain.astype(np.float32)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    levels += (slope_x * ramp[None, :] + slope_y * ramp[:, None])[..., None].astype(np.float32)
    levels += rng.standard_normal(levels.shape, dtype=np.float32) * np.float32(3.0)
    return np.clip(levels, 0, 255).astype(np.uint8)
