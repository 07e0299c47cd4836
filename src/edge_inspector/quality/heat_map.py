"""Heat map: where on the part defects sit, by the centers of their boxes on a coarse grid over the picture."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

COLUMNS, ROWS = 24, 16


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The grid.

    Attributes:
        counts: ROWS rows of COLUMNS counts, from the top left of the picture.
        total: Their sum.
        largest: The largest of them.
    """

    counts: tuple[tuple[int, ...], ...]
    total: int
    largest: int


def cell_of(xyxy: tuple[float, float, float, float], image_wh: tuple[int, int]) -> int:
    """Return the cell in which the center of a box lies, in [0, COLUMNS * ROWS), row by row.

    Args:
        xyxy: Corners in pixels of the frame; a center outside the frame belongs to the cell next to it.
        image_wh: Width and height of the frame, from 1.
    """
    x1, y1, x2, y2 = xyxy
    column = int((x1 + x2) / 2 / image_wh[0] * COLUMNS)
    row = int((y1 + y2) / 2 / image_wh[1] * ROWS)
    return min(max(row, 0), ROWS - 1) * COLUMNS + min(max(column, 0), COLUMNS - 1)


def heat_map(cells: Iterable[int]) -> HeatMap:
    """Return the map of cells, one for each box."""
    found = Counter(cells)
    counts = tuple(tuple(found[row * COLUMNS + column] for column in range(COLUMNS)) for row in range(ROWS))
    return HeatMap(counts, found.total(), max(found.values(), default=0))
