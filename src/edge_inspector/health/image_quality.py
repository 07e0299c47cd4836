"""What a picture is like as a picture: how sharp, how bright, and how far its content lies from where it usually does.

All is read off 64 rows spread over the frame, averaged to at most 640 columns: an unreduced sample along the rows, in
which defocus shows, at a few percent of the pixels. 640 columns are about what a model sees; blur below that is not
its concern. Measured on a frame of 2448 x 2048 pixels, shift included: 0.3 ms gray, 0.45 ms color.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Sample: TypeAlias = NDArray[np.uint8]
Profile: TypeAlias = NDArray[np.float64]

_ROWS, _COLUMNS = 64, 640
_BINS = 160  # columns of a profile
_CONTRAST = 40  # gray levels that a row must span before its edges tell anything
_FEWEST_ROWS = 8
_BRIGHTEST = 250
_MOST_SHIFT = 0.5  # of the picture
_LEAST_MATCH = 0.6
_FAR_IS_UNLIKELY = 0.2  # correlation that a shift over the whole picture must win: patterns match themselves further on


@dataclass(frozen=True, slots=True)
class Quality:
    """One picture, measured.

    Attributes:
        mean: Mean gray value, 0 to 255.
        clipped: Share of it that is at its upper limit, in [0, 1].
        sharpness: Slope of its sharpest edges as share of the contrast per pixel of the sample: one divided by their
            width in pixels; None where there is not enough contrast to tell.
        across: (160,) mean gray value by column.
        down: (64,) the same by row.
        aspect: Height by width.
    """

    mean: float
    clipped: float
    sharpness: float | None
    across: Profile
    down: Profile
    aspect: float


def sample(image: NDArray[np.uint8]) -> Sample:
    """Return at most 64 rows of a picture, gray, averaged to at most 640 columns.

    Args:
        image: (h, w, 3) BGR or (h, w) gray.
    """
    height, width = image.shape[:2]
    count, together = min(_ROWS, height), -(-width // _COLUMNS)
    columns = width // together
    rows = image[(np.arange(count) * 2 + 1) * height // (2 * count), : columns * together]
    if rows.ndim == 3:
        rows = cv2.cvtColor(rows, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    if together > 1:
        rows = cv2.resize(rows, (columns, count), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return rows


def measure(image: NDArray[np.uint8]) -> Quality:
    """Measure a picture, (h, w, 3) BGR or (h, w) gray."""
    rows = sample(image)
    across = cv2.resize(cv2.reduce(rows, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F), (_BINS, 1), interpolation=cv2.INTER_AREA)
    return Quality(
        mean=float(rows.mean()),
        clipped=float(np.count_nonzero(rows >= _BRIGHTEST)) / rows.size,
        sharpness=_sharpness(rows),
        across=across.ravel().astype(np.float64),
        down=rows.mean(axis=1),
        aspect=image.shape[0] / image.shape[1],
    )


def _sharpness(rows: Sample) -> float | None:
    """Return the median over the rows of their steepest step, as share of what the row spans.

    The steepest step is an edge of the part or its fixture, which is there whether or not the part has texture; as
    share of the contrast it does not depend on the light. Defocus widens every edge, so it shows in every row.
    """
    if rows.shape[1] < 2:
        return None
    span = rows.max(axis=1).astype(np.float64) - rows.min(axis=1)
    tells = span >= _CONTRAST
    if np.count_nonzero(tells) < min(_FEWEST_ROWS, len(rows)):
        return None
    step = cv2.absdiff(rows[:, 1:], rows[:, :-1]).max(axis=1)
    return float(np.median(step[tells] / span[tells]))


def shift(quality: Quality, usual: tuple[Profile, Profile]) -> tuple[float, float] | None:
    """Return how far right and down a picture's content lies from where it usually does, as shares of the width.

    Args:
        quality: The picture.
        usual: Mean `across` and `down` of the usual pictures.

    Returns:
        None where the picture does not look like the usual ones at any shift.
    """
    right, down = lag(quality.across, usual[0]), lag(quality.down, usual[1])
    if right is None or down is None:
        return None
    return right, down * quality.aspect


def lag(profile: Profile, usual: Profile) -> float | None:
    """Return by which share of its length a profile is shifted against the usual one, in [-0.5, 0.5], or None.

    Of all shifts by whole bins, the one with the highest correlation of what overlaps, which neither gain nor offset of
    the light change.
    """
    length = len(profile)
    if length != len(usual):
        return None
    most = int(length * _MOST_SHIFT)
    shifts = np.arange(-most, most + 1)
    scores = _correlations(profile - profile.mean(), usual - usual.mean(), most)
    scores -= _FAR_IS_UNLIKELY * np.abs(shifts) / length
    best = int(scores.argmax())
    return float(shifts[best]) / length if scores[best] >= _LEAST_MATCH else None


def _correlations(first: Profile, second: Profile, most: int) -> Profile:
    """Return the correlation of what overlaps when `second` is shifted by -most to most bins against `first`."""
    length = len(first)
    shifts = np.arange(-most, most + 1)
    overlap = length - np.abs(shifts)
    low, high = np.maximum(0, shifts), length + np.minimum(0, shifts)
    sums_1, squares_1 = _of_ranges(first, low, high), _of_ranges(first**2, low, high)
    sums_2, squares_2 = (
        _of_ranges(second, low - shifts, high - shifts),
        _of_ranges(second**2, low - shifts, high - shifts),
    )
    middle = length - 1
    together = np.correlate(first, second, mode="full")[middle - most : middle + most + 1]
    variance_1, variance_2 = squares_1 - sums_1**2 / overlap, squares_2 - sums_2**2 / overlap
    size = np.sqrt(np.maximum(variance_1, 0) * np.maximum(variance_2, 0))
    has_contrast = size > overlap  # a gray level of deviation in the mean
    found: Profile = np.where(has_contrast, (together - sums_1 * sums_2 / overlap) / np.where(has_contrast, size, 1), 0)
    return found


def _of_ranges(values: Profile, low: NDArray[np.int64], high: NDArray[np.int64]) -> Profile:
    """Return the sum of the values from each `low` to before each `high`."""
    until = np.concatenate(([0.0], values.cumsum()))
    sums: Profile = until[high] - until[low]
    return sums
