"""Items on levels, and lines between them that pass no box.

A line runs straight down beside the boxes of a level, and turns only between two levels. One that leads back runs
below its source to a lane of its own at the right, up, and in above its target. So none crosses a box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from cloud_side.drawing.columns import centers, spaced
from cloud_side.drawing.layers import Link, closing_links, levels_of
from cloud_side.drawing.ordering import Slot, ordered

Point: TypeAlias = tuple[float, float]

_LEVEL_GAP, _SLOPE, _WIDEST_GAP = 30.0, 0.14, 90.0
_TRACK = 9.0  # between lines that run beside each other
_LANE = 16.0
_BESIDE_LANE = 4.0
_INSET = 14.0  # of the first and last line at a box


@dataclass(frozen=True)
class Box:
    """An upright rectangle, in pixels; (x, y) is its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Return where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Return where it ends."""
        return self.y + self.height

    def moved(self, x: float, y: float) -> "Box":
        """Return it elsewhere."""
        return Box(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True)
class Route:
    """The line of a link: its corners, and where its label stands."""

    points: tuple[Point, ...]
    label: Box | None = None

    def moved(self, x: float, y: float) -> "Route":
        """Return it elsewhere."""
        return Route(tuple((px + x, py + y) for px, py in self.points), self.label and self.label.moved(x, y))


@dataclass(frozen=True)
class Arrangement:
    """Items and lines within a rectangle whose upper left corner is (0, 0); routes in the order of the links."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    routes: Sequence[Route]


@dataclass(frozen=True)
class _Lane:
    """Where a link that leads back runs: below its source, up at the right, above its target."""

    x: float
    below_y: float
    above_y: float


def arranged(sizes: Mapping[str, tuple[float, float]], links: Sequence[Link], *, padding: float) -> Arrangement:
    """Return where the items and lines of one plan are.

    Args:
        sizes: Width and height of each item; the first comes first.
        links: Between them.
        padding: Around all of it.
    """
    by_place = dict(enumerate(links))
    closing = closing_links(list(sizes), by_place)
    forward = {at: link for at, link in by_place.items() if at not in closing}
    level = levels_of(list(sizes), forward)
    back = {
        at: by_place[at] for at in sorted(closing, key=lambda at: level[links[at].source] - level[links[at].target])
    }
    net = _Net(sizes, level, forward, back)
    x = net.columns(padding)
    lanes_x, width = net.lanes(x, padding)
    bands, below, above, height = net.bands(x, padding)
    lanes = {at: _Lane(lanes_x[at], below[at], above[at]) for at in back}
    boxes = {name: Box(x[name] - w / 2, bands[level[name]][0], w, h) for name, (w, h) in sizes.items()}
    out, into = net.ports(x, boxes, lanes)
    routes = {at: net.down(at, x, bands, (out[at], into[at]), boxes) for at in forward}
    routes |= {at: _back(link, lanes[at], (out[at], into[at]), boxes) for at, link in back.items()}
    return Arrangement(width, height, boxes, [routes[at] for at in by_place])


class _Net:
    """Items and links on their levels; a link has a slot on each level that it passes."""

    def __init__(
        self,
        sizes: Mapping[str, tuple[float, float]],
        level: Mapping[str, int],
        forward: Mapping[int, Link],
        back: Mapping[int, Link],
    ) -> None:
        self.level, self.forward, self.back = level, forward, back
        self.chains: dict[int, list[Slot]] = {}
        self.wh: dict[Slot, tuple[float, float]] = {name: own for name, own in sizes.items()}  # noqa: C416 - other keys come
        rows: list[list[Slot]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
        for name, own in level.items():
            rows[own].append(name)
        for at, link in forward.items():
            passed = range(level[link.source] + 1, level[link.target])
            self.chains[at] = [link.source, *((at, own) for own in passed), link.target]
            for own in passed:
                rows[own].append((at, own))
                self.wh[at, own] = link.label_wh if own == passed[0] else (0.0, 0.0)
        self.pairs = [pair for chain in self.chains.values() for pair in pairwise(chain)]
        self.rows = ordered(rows, self.pairs)

    def columns(self, padding: float) -> dict[Slot, float]:
        """Return the middle of each slot."""
        x = centers(self.rows, self.pairs, {slot: width for slot, (width, _) in self.wh.items()})
        left = min((x[slot] - self.wh[slot][0] / 2 for slot in x), default=0.0)
        return {slot: round(at - left + padding, 1) for slot, at in x.items()}

    def lanes(self, x: Mapping[Slot, float], padding: float) -> tuple[dict[int, float], float]:
        """Return the lane of each link that leads back, and the width of all."""
        right = max((x[slot] + self.wh[slot][0] / 2 for slot in x), default=0.0)
        found = {}
        for at, link in self.back.items():
            found[at] = right + _LANE
            right = found[at] + (link.label_wh[0] + _BESIDE_LANE if link.is_labeled else 0.0)
        return found, right + padding

    def bands(
        self, x: Mapping[Slot, float], padding: float
    ) -> tuple[list[tuple[float, float]], dict[int, float], dict[int, float], float]:
        """Return top and bottom of each level, where links that lead back run below and above them, and the height."""
        bands: list[tuple[float, float]] = []
        below: dict[int, float] = {}
        above: dict[int, float] = {}
        y = padding
        for level, row in enumerate(self.rows):
            entering = [at for at, link in self.back.items() if self.level[link.target] == level]
            above |= {at: y + place * _TRACK for place, at in enumerate(reversed(entering))}
            y += len(entering) * _TRACK + padding if entering else 0.0
            bands.append((y, y + max(self.wh[slot][1] for slot in row)))
            leaving = [at for at, link in self.back.items() if self.level[link.source] == level]
            below |= {at: bands[-1][1] + place * _TRACK for place, at in enumerate(leaving, start=1)}
            y = bands[-1][1] + len(leaving) * _TRACK + self._gap(level, x)
        return bands, below, above, y + padding

    def _gap(self, level: int, x: Mapping[Slot, float]) -> float:
        """Return the room below a level: more where lines go far aside."""
        if level + 1 == len(self.rows):
            return 0.0
        here = set(self.rows[level])
        aside = max((abs(x[one] - x[other]) for one, other in self.pairs if one in here), default=0.0)
        return min(_LEVEL_GAP + _SLOPE * aside, _WIDEST_GAP)

    def ports(
        self, x: Mapping[Slot, float], boxes: Mapping[str, Box], lanes: Mapping[int, _Lane]
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Return where each line leaves its box, and where it enters one."""
        out: dict[str, list[tuple[float, int]]] = {name: [] for name in boxes}
        into: dict[str, list[tuple[float, int]]] = {name: [] for name in boxes}
        for at, link in self.forward.items():
            out[link.source].append((x[self.chains[at][1]], at))
            into[link.target].append((x[self.chains[at][-2]], at))
        for at, link in self.back.items():
            out[link.source].append((lanes[at].x, at))
            into[link.target].append((lanes[at].x, at))
        return _spread(boxes, out), _spread(boxes, into)

    def down(
        self,
        at: int,
        x: Mapping[Slot, float],
        bands: Sequence[tuple[float, float]],
        ends: tuple[float, float],
        boxes: Mapping[str, Box],
    ) -> Route:
        """Return the line of a link that leads down."""
        link, first = self.forward[at], self.level[self.forward[at].source]
        points = [(ends[0], boxes[link.source].bottom), (ends[0], bands[first][1])]
        for level, slot in enumerate(self.chains[at][1:-1], start=first + 1):
            points += [(x[slot], bands[level][0]), (x[slot], bands[level][1])]
        points.append((ends[1], boxes[link.target].y))
        width, height = link.label_wh
        label = Box(points[2][0] - width / 2, bands[first + 1][0], width, height) if link.is_labeled else None
        return Route(tuple(points), label)


def _back(link: Link, lane: _Lane, ends: tuple[float, float], boxes: Mapping[str, Box]) -> Route:
    corners = ((ends[0], lane.below_y), (lane.x, lane.below_y), (lane.x, lane.above_y), (ends[1], lane.above_y))
    width, height = link.label_wh
    middle = (lane.below_y + lane.above_y) / 2
    label = Box(lane.x + _BESIDE_LANE, middle - height / 2, width, height) if link.is_labeled else None
    return Route(((ends[0], boxes[link.source].bottom), *corners, (ends[1], boxes[link.target].y)), label)


def _spread(boxes: Mapping[str, Box], wanted: Mapping[str, Sequence[tuple[float, int]]]) -> dict[int, float]:
    """Return where lines meet the side of their box: as straight as they can, and not on each other."""
    found: dict[int, float] = {}
    for name, lines in wanted.items():
        box, in_order = boxes[name], sorted(lines)
        inset = min(_INSET, box.width / 2)
        low, high = box.x + inset, box.right - inset
        gap = min(_TRACK, (high - low) / max(1, len(lines) - 1))
        near = spaced([min(max(x, low), high) for x, _ in in_order], [gap] * len(lines))
        for place, (x, (_, at)) in enumerate(zip(near, in_order, strict=True)):
            found[at] = round(min(max(x, low + place * gap), high - (len(lines) - 1 - place) * gap), 1)
    return found
