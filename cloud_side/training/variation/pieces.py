"""What differs from a surface, as an image of its own: where it is seen, turned, and cut in two."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

# (h, w) or (h, w, 3) float32, grey levels above or below the surface.
Difference = NDArray[np.float32]

# Fraction of a defect's peak from which a pixel counts as part of it.
VISIBLE: Final = 0.25
# Shorter than this many gaps, and a cut would leave crumbs.
_SHORTEST_IN_GAPS: Final = 4


def strength(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return (h, w) the largest magnitude over the channels; grey is returned as it is."""
    if pixels.ndim == 2:
        return np.asarray(np.abs(pixels))
    return np.asarray(np.abs(pixels).max(axis=2))


def extent(difference: Difference) -> tuple[int, int, int, int] | None:
    """Return the xyxy of what is seen; None where there is nothing."""
    there = _visible(difference)
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def turned(difference: Difference, rng: np.random.Generator) -> Difference:
    """Return it on a larger canvas, turned by any angle, stretched, mirrored or not, and stronger or fainter."""
    height, width = difference.shape[:2]
    side = int(1.5 * (height + width))
    angle, stretch = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.4, 2) * np.array([1, rng.choice([-1, 1])])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag(stretch)
    shift = np.array([side / 2, side / 2]) - turn @ np.array([width / 2, height / 2])
    canvas = cv2.warpAffine(difference, np.column_stack((turn, shift)), (side, side)).astype(np.float32)
    return canvas * np.float32(rng.uniform(0.8, 1.25))


def cut(difference: Difference, gap: float, place: float) -> list[Difference]:
    """Return the two ends of a long defect whose middle is taken out; labelers box such ends one by one.

    Args:
        difference: The defect.
        gap: Pixels to take out.
        place: Where, as a share of its length.

    Returns:
        The two ends; the defect alone where it is too short.
    """
    rows, columns = np.nonzero(_visible(difference))
    if rows.size < 2:
        return [difference]
    points = np.column_stack((columns, rows)).astype(np.float64)
    middle = points.mean(axis=0)
    # The longest direction of the visible pixels.
    along = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    y, x = np.indices(difference.shape[:2])
    position = (x - middle[0]) * along[0] + (y - middle[1]) * along[1]
    reach = (points - middle) @ along
    low, high = float(reach.min()), float(reach.max())
    if high - low < _SHORTEST_IN_GAPS * gap:
        return [difference]
    at = low + place * (high - low)
    ends = (position < at - gap / 2, position > at + gap / 2)
    return [difference * (end if difference.ndim == 2 else end[..., None]) for end in ends]


def _visible(difference: Difference) -> NDArray[np.bool_]:
    seen = strength(difference)
    return np.asarray(seen > VISIBLE * seen.max(initial=0))
