"""The small shapes of the picture: signs of outcomes, arrowheads, and lines with round corners."""

from collections.abc import Mapping, Sequence

from cloud_side.drawing.lines import Point
from cloud_side.drawing.markup import Markup, element
from cloud_side.drawing.visits import Outcome
from cloud_side.drawing.words import NOT_ENTERED

_BEND = 7.0

SIGNS: Mapping[str, str] = {  # within a circle of radius 9 around (0, 0)
    Outcome.SUCCEEDED: "M-4 .3 -1.3 3 4.2 -2.8",
    Outcome.FAILED: "M-3.2 -3.2 3.2 3.2M3.2 -3.2 -3.2 3.2",
    Outcome.CAUGHT: "M0 -4.6 0 1M0 4.2 0 4.3",
    Outcome.RUNNING: "M-2.2 -3.8 4 0 -2.2 3.8Z",
    Outcome.ABORTED: "M-2.9 -2.9 2.9 -2.9 2.9 2.9 -2.9 2.9Z",
    NOT_ENTERED: "M-3.5 0 3.5 0",
}


def _arrow(name: str) -> Markup:
    return element(
        "marker",
        element("path", d="M0 0 9 4.5 0 9Z", class_=name),
        id=name,
        viewBox="0 0 9 9",
        refX=8.5,
        refY=4.5,
        markerWidth=9,
        markerHeight=9,
        markerUnits="userSpaceOnUse",
        orient="auto",
    )


ARROWS = element("defs", _arrow("arrow"), _arrow("arrow-taken"))


def path_of(corners: Sequence[Point]) -> str:
    """Return the line through some corners: straight and round where it goes up, down or aside, else a soft curve."""
    points = [one for one, before in zip(corners, (None, *corners), strict=False) if one != before]
    drawn = [f"M{_pair(points[0])}"]
    for at in range(1, len(points)):
        before, here = points[at - 1], points[at]
        after = points[at + 1] if at + 1 < len(points) else here
        if before[0] != here[0] and before[1] != here[1]:
            middle = (before[1] + here[1]) / 2
            drawn.append(f"C{_pair((before[0], middle))} {_pair((here[0], middle))} {_pair(here)}")
        elif _turns(before, here, after):
            drawn.append(f"L{_pair(_toward(here, before))}Q{_pair(here)} {_pair(_toward(here, after))}")
        else:
            drawn.append(f"L{_pair(here)}")
    return "".join(drawn)


def _turns(before: Point, here: Point, after: Point) -> bool:
    one, other = (here[0] - before[0], here[1] - before[1]), (after[0] - here[0], after[1] - here[1])
    return (one[0] == 0) == (other[1] == 0) and one[0] * other[0] + one[1] * other[1] == 0 and other != (0, 0)


def _toward(here: Point, there: Point) -> Point:
    dx, dy = there[0] - here[0], there[1] - here[1]
    length = abs(dx) + abs(dy)
    part = min(_BEND, length / 2) / length
    return here[0] + dx * part, here[1] + dy * part


def _pair(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
