"""Tiles for frames much larger than the model's input: where they lie, and one list of what was found on all of them.

A box that touches an edge of its tile is *cut* for every tile that sees on behind that edge. Three rules make one
detection of what several tiles see:

    neither box is cut     one defect seen twice, if the boxes agree
    one is cut             it gives way to the whole one, if most of it lies in there
    each is cut            the two ends of one long defect, if they meet: they are united

What one tile sees as two stays two: its own suppression has spoken. The best pairs are joined first, the strongest
confidence counts, and whatever was found is still there afterwards.

Source:
    Akyon, Altinuc and Temizel, "Slicing Aided Hyper Inference and Fine-tuning for Small Object Detection", ICIP 2022,
    for looking at overlapping slices and at the whole. The rules for what is cut are this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections, joined
from edge_inspector.geometry import Boxes, area, iou

Tiles: TypeAlias = NDArray[np.int64]
_Pairs: TypeAlias = NDArray[np.bool_]

_AGREES = 0.5  # IoU from which two whole boxes of two tiles are one defect
_MOST = 0.5  # share of a cut box inside the whole one
_FRAGMENT = 0.8  # share of a cut box inside one that has its partner already
_AT_THE_EDGE = 0.02  # of the tile's side; a detector's boxes are not exact
_CANDIDATES = 1000  # boxes that are compared at most; the cost grows with their square
_OUTWARD = np.array([-1, -1, 1, 1])


@dataclass(frozen=True, slots=True)
class Tiling:
    """How frames are cut.

    Attributes:
        tile_wh: Width and height of a tile in frame pixels.
        overlap_px: What neighbors share at least; a defect up to this size lies whole in some tile.
        whole_frame: The resized frame is looked at too, for defects larger than that.
    """

    tile_wh: tuple[int, int]
    overlap_px: int
    whole_frame: bool = True

    def __post_init__(self) -> None:
        """Refuse an overlap that leaves nothing of a tile."""
        if not 0 <= self.overlap_px < min(self.tile_wh):
            msg = f"overlap_px: expected 0 or more and less than a tile of {self.tile_wh}, found {self.overlap_px}"
            raise ValueError(msg)


def plan_tiles(image_wh: tuple[int, int], tiling: Tiling) -> Tiles:
    """Return the fewest tiles that cover a frame and see every box no larger than the overlap whole in one of them.

    They are spread evenly, row by row. A side of the frame that is no longer than the tile's is taken whole.

    Args:
        image_wh: Width and height of the frame in pixels.
        tiling: How it is cut.

    Returns:
        (n, 4) int64 xyxy in frame pixels, far edges exclusive.
    """
    (lefts, width), (tops, height) = (
        _spread(side, tile, tiling.overlap_px) for side, tile in zip(image_wh, tiling.tile_wh, strict=True)
    )
    return np.array([(x, y, x + width, y + height) for y in tops for x in lefts], np.int64)


def _spread(side: int, tile: int, overlap: int) -> tuple[list[int], int]:
    """Return where the tiles of one axis begin, and how long they are."""
    if side <= tile:
        return [0], side
    gaps = -(-(side - tile) // (tile - overlap))
    return [number * (side - tile) // gaps for number in range(gaps + 1)], tile


def larger_than(detections: Detections, side_px: int) -> Detections:
    """Return the detections with a side longer than `side_px`, for example those that no tile need see whole."""
    xyxy = detections.xyxy
    return detections.take((xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0) > side_px)


def merge(
    found: Sequence[Detections], tiles: Tiles, *, max_detections: int, candidates: int = _CANDIDATES
) -> Detections:
    """Return what was found on all tiles, each defect once.

    Args:
        found: Detections of each tile, in frame pixels.
        tiles: (n, 4) their rectangles; the whole frame may be one of them.
        max_detections: Boxes returned at most.
        candidates: Boxes that are compared at most, the strongest; never more than `_CANDIDATES`.

    Returns:
        Detections in frame pixels, most confident first.
    """
    every = joined(found)
    strongest = np.argsort(-every.confidence, kind="stable")[: min(candidates, _CANDIDATES)]
    every = every.take(strongest)
    tile_of = np.repeat(np.arange(len(found)), [len(detections) for detections in found])[strongest]
    if len(every) > 1:
        used, tile_of = np.unique(tile_of, return_inverse=True)  # few tiles of a good part show anything
        cut = _cut(every.xyxy, tile_of, tiles[used])
        every = _united(every, _groups(every, tile_of, cut), cut)
    return every.take(np.arange(min(len(every), max_detections)))


def _cut(xyxy: Boxes, tile_of: NDArray[np.int64], tiles: Tiles) -> _Pairs:
    """Return (n boxes, n tiles) whether a box touches an edge of its tile behind which the other tile sees on."""
    sides = np.tile(tiles[:, 2:] - tiles[:, :2], 2)
    touches = np.abs(xyxy - tiles[tile_of]) <= np.maximum(1.0, _AT_THE_EDGE * sides)[tile_of]
    sees_on = (tiles[None] - tiles[:, None]) * _OUTWARD > 0
    cut: _Pairs = (touches[:, None] & sees_on[tile_of]).any(axis=2)
    return cut


def _groups(every: Detections, tile_of: NDArray[np.int64], cut: _Pairs) -> NDArray[np.int64]:
    """Return a number for each detection, the same for those that show one defect."""
    is_cut = cut[:, tile_of]  # by pairs: box i, for the tile that saw box j
    overlap, share = iou(every.xyxy, every.xyxy), _share(every.xyxy, every.xyxy)
    comparable = (every.class_id[:, None] == every.class_id) & (tile_of[:, None] != tile_of)
    gives_way = is_cut & ~is_cut.T & (share >= _MOST)
    ends_meet = is_cut & is_cut.T & (overlap > 0)
    same = ~is_cut & ~is_cut.T & (overlap >= _AGREES)
    pairs = np.argwhere(np.triu(comparable & (same | gives_way | gives_way.T | ends_meet)))
    groups = np.arange(len(every))
    tiles_of = {number: {tile} for number, tile in enumerate(tile_of.tolist())}
    for first, second in pairs[np.argsort(-overlap[tuple(pairs.T)], kind="stable")].tolist():
        one, other = groups[first], groups[second]
        if one != other and tiles_of[one].isdisjoint(tiles_of[other]):
            groups[groups == other] = one
            tiles_of[one] |= tiles_of[other]
    # Where a tile saw one defect as several pieces, one of them has found its partner by now.
    pieces = np.where(comparable & is_cut, share, 0)
    for number in np.flatnonzero(pieces.max(axis=1, initial=0) >= _FRAGMENT):
        if np.count_nonzero(groups == groups[number]) == 1:
            groups[number] = groups[pieces[number].argmax()]
    return groups


def _united(every: Detections, groups: NDArray[np.int64], cut: _Pairs) -> Detections:
    """Return one detection a group, most confident first: its strongest whole box, or all its pieces together."""
    is_whole: NDArray[np.bool_] = ~np.asarray(cut.any(axis=1))
    numbers, firsts = np.unique(groups, return_index=True)  # the first of a group is its strongest
    united = every.take(firsts)
    for index, number in enumerate(numbers):
        members = np.flatnonzero(groups == number)
        boxes, whole = every.xyxy[members], members[is_whole[members]]
        if whole.size:
            best = every.xyxy[whole[:1]]
            boxes = np.concatenate((best, boxes[_share(boxes, best)[:, 0] < _MOST]))
        united.xyxy[index, :2], united.xyxy[index, 2:] = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return united.take(np.argsort(firsts))


def _share(inner: Boxes, outer: Boxes) -> NDArray[np.float32]:
    """Return the (n, m) share of each inner box's area that lies in an outer box; 0 for an empty one."""
    top_left = np.maximum(inner[:, None, :2], outer[None, :, :2])
    size = np.maximum(np.minimum(inner[:, None, 2:], outer[None, :, 2:]) - top_left, np.float32(0))
    shared: NDArray[np.float32] = size[..., 0] * size[..., 1]
    whole = area(inner)[:, None]
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
