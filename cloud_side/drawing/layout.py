"""Where everything of a machine is drawn: boxes on levels from top to bottom, and others within them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cloud_side.drawing.layers import Link
from cloud_side.drawing.lines import Box, Route, arranged

PADDING = 14.0


@dataclass(frozen=True)
class Item:
    """What becomes a box, as large as this or as what is in it.

    Attributes:
        plans: What is drawn within it, side by side, below its `height`.
    """

    name: str
    width: float
    height: float
    plans: tuple["Plan", ...] = ()


@dataclass(frozen=True)
class Plan:
    """Items, the first of which comes first, and links between them; no two items of a machine share a name."""

    items: tuple[Item, ...]
    links: tuple[Link, ...]


Frames: TypeAlias = Mapping[str, Sequence[Box]]


@dataclass(frozen=True)
class Layout:
    """Places within a rectangle whose upper left corner is (0, 0).

    Attributes:
        boxes: By name of the item, with those of inner plans.
        routes: First those of this plan, in the order of its links, then those of each item's plans.
        frames: By name of the item: where each of its plans is.
    """

    width: float
    height: float
    boxes: Mapping[str, Box]
    routes: tuple[Route, ...]
    frames: Frames = field(default_factory=dict)


def lay_out(plan: Plan) -> Layout:
    """Return where everything is drawn."""
    inner = {item.name: [lay_out(each) for each in item.plans] for item in plan.items}
    sizes = {item.name: _size(item, inner[item.name]) for item in plan.items}
    own = arranged(sizes, plan.links, padding=PADDING)
    boxes, frames, routes = dict(own.boxes), dict[str, Sequence[Box]](), list(own.routes)
    for item in plan.items:
        if within := inner[item.name]:
            frames[item.name] = _frames(own.boxes[item.name], item, within)
            for frame, each in zip(frames[item.name], within, strict=True):
                x = frame.x + (frame.width - each.width) / 2
                boxes |= {name: box.moved(x, frame.y) for name, box in each.boxes.items()}
                frames |= {name: [box.moved(x, frame.y) for box in own] for name, own in each.frames.items()}
                routes += [route.moved(x, frame.y) for route in each.routes]
    return Layout(own.width, own.height, boxes, tuple(routes), frames)


def _size(item: Item, inner: Sequence[Layout]) -> tuple[float, float]:
    if not inner:
        return item.width, item.height
    width = sum(each.width for each in inner) + PADDING * (len(inner) + 1)
    return max(item.width, width), item.height + max(each.height for each in inner) + PADDING


def _frames(box: Box, item: Item, inner: Sequence[Layout]) -> list[Box]:
    """Return the frames side by side, as high as the highest and together as wide as the box."""
    spare = (box.width - sum(each.width for each in inner) - PADDING * (len(inner) + 1)) / len(inner)
    height = max(each.height for each in inner)
    frames, x = [], box.x + PADDING
    for each in inner:
        frames.append(Box(x, box.y + item.height, each.width + spare, height))
        x += each.width + spare + PADDING
    return frames
