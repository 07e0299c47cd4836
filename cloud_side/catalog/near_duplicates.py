"""Images of different groups that show the same thing: copies, and photographs of one part taken again.

An image's fingerprint is a map of its fine structures: 18 x 12 cells for bright ones, as many for dark ones, 432 bytes.
What the images of a place share (fixture, edges of the part) says nothing, so each cell is compared by how far it is
from the usual there; small shifts are tried. That tells the scratches of one part from those of another.

Measured on 190 photographs of twelve metal tags in a fixture, each taken for a group of its own, at the threshold
below: 179 of them (94 %) are found to have a twin, and of 15,957 pairs of different tags none is reported (the most
alike have 0.73). If a fifth is drawn for the test by image, 92 % of the test has a twin in training (mean of 20 draws;
74 % in the worst). All copies are found that are compressed again or 30 % darker; of those 10 % brighter, 99 %; of
those shifted by 1 % of the width, 95 %, and by 1.5 %, 46 %.

Two simulated parts whose scratches happen to lie alike are more alike than two real ones, and a false alarm can stop a
version; so the threshold is higher than the photographs need. On lines that it was not chosen by: of 30 sets of 60
parts with scratches each, 1 has a false alarm (at 0.77, 8 have one); of 499,500 pairs of 1,000 parts, 3 in 10 of them
with scratches, 2 are false alarms (at 0.77, 43).

It is a warning and no proof: of a place with few images nobody knows what is usual, and what is on most images of a set
counts as background.
"""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cloud_side.catalog.labels import LabelError

THRESHOLD: Final = 0.88

_WORK_WH: Final = (288, 192)
_CELLS_WH: Final = (18, 12)
_COARSE_WH: Final = (9, 6)
_SHAPE: Final = (2, 12, 18)  # bright and dark, rows, columns
_FINE_PX: Final = 4.0  # structures up to about this size, of the 288 x 192 pixels
_NOISE: Final = 0.1  # of the contrast of the image: what varies less than this has little to say
_LEAST_CONTRAST: Final = 8.0  # grey levels
_MOST: Final = 3.0
_FULL: Final = 0.6  # what a cell seldom reaches
_SHIFT: Final = 2  # cells
_FEWEST: Final = 16  # images: of fewer nobody knows what is usual
_SAME: Final = 0.998  # likeness of the bare maps at which two of so few images are copies
_STEADY: Final = 0.2  # of how far cells vary in general: nothing varies less
_WEAK: Final = 0.5  # of the usual length: an image with less of its own is like any other

_COARSE: Final = 0.45
_CANDIDATES: Final = 32  # of each image: the likeliest, so that time and memory are bounded
_ROWS: Final = 256
_PAIRS: Final = 4_096

_Maps: TypeAlias = NDArray[np.float32]
_Indices: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of an image's looks.

    Attributes:
        image: Its name or hash.
        group: What it belongs to: images of one group are not compared.
        fingerprint: Of `fingerprint`.
        place: Where it was taken, as far as that is known: images of one place share their background.
    """

    image: str
    group: str
    fingerprint: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Two images of two groups that show the same thing.

    Attributes:
        images: Both.
        groups: Theirs.
        similarity: Up to 1 for the same.
    """

    images: tuple[str, str]
    groups: tuple[str, str]
    similarity: float

    @property
    def distance(self) -> float:
        """How far they are apart; 0 for the same."""
        return round(1 - self.similarity, 4)


def fingerprint(content: bytes) -> str:
    """Return the fingerprint of an image file: 576 characters.

    Raises:
        LabelError: If it is no image.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("L", (2 * _WORK_WH[0], 2 * _WORK_WH[1]))  # a large JPEG need not be decoded in full
            gray = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        msg = f"expected an image, found {len(content)} bytes: {error}"
        raise LabelError(msg) from error
    return base64.b64encode(describe(gray).tobytes()).decode()


def describe(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the map of fine bright and dark structures.

    Args:
        gray: (h, w) uint8.

    Returns:
        (2, 12, 18) uint8.
    """
    image = cv2.resize(gray, _WORK_WH, interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = image - cv2.GaussianBlur(image, (0, 0), _FINE_PX)
    contrast = max(float(image.std()), _LEAST_CONTRAST)  # so that a darker copy has the same map
    around = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2 * _FINE_PX)) + _NOISE * contrast
    maps = [_cells(np.clip(sign * detail / around, 0, _MOST)) for sign in (1, -1)]
    return np.stack(maps)


def find_near_duplicates(looks: Iterable[Look], *, threshold: float = THRESHOLD) -> Iterator[NearDuplicates]:
    """Yield pairs of images of different groups that show the same thing.

    Of an image that has many such partners only those among its 32 likeliest are found: enough to connect groups.

    Args:
        looks: Of all images. 20,000 take about 20 seconds and 0.3 GB; time grows with the square, so 100,000 take
            about ten minutes.
        threshold: Similarity from which a pair counts, up to 1.

    Raises:
        LabelError: If a fingerprint is none.
    """
    images = list(looks)
    if len(images) < 2:
        return
    bare = np.stack([_maps(look) for look in images])
    groups = np.unique([look.group for look in images], return_inverse=True)[1]
    if len(images) < _FEWEST:
        bare, threshold = bare - bare.mean(axis=(1, 2, 3), keepdims=True), max(threshold, _SAME)
    else:
        bare = _unusual(bare, [look.place for look in images])
    pairs = _candidates(bare, groups)
    for (first, second), similarity in zip(pairs.tolist(), _compared(bare, pairs), strict=True):
        if similarity >= threshold:
            one, other = images[first], images[second]
            yield NearDuplicates((one.image, other.image), (one.group, other.group), round(similarity, 4))


def _cells(detail: NDArray[np.float32]) -> NDArray[np.uint8]:
    smooth = cv2.resize(cv2.GaussianBlur(detail, (0, 0), 5), _CELLS_WH, interpolation=cv2.INTER_AREA)
    cells: NDArray[np.uint8] = np.clip(smooth * (255 / _FULL), 0, 255).round().astype(np.uint8)
    return cells


def _maps(look: Look) -> _Maps:
    try:
        content = base64.b64decode(look.fingerprint, validate=True)
        return np.frombuffer(content, np.uint8).reshape(_SHAPE).astype(np.float32)
    except ValueError as error:
        msg = f"{look.image}: expected a fingerprint of {np.prod(_SHAPE)} bytes, found {look.fingerprint!r:.80}"
        raise LabelError(msg) from error


def _unusual(bare: _Maps, places: Sequence[str]) -> _Maps:
    """Return each cell as its distance from the usual of its place, in parts of how far it usually varies there."""
    of_places: dict[str, list[int]] = {}
    for index, place in enumerate(places):
        of_places.setdefault(place, []).append(index)
    small = [index for indices in of_places.values() if len(indices) < _FEWEST for index in indices]
    unusual = np.empty_like(bare)
    for indices in of_places.values():
        if len(indices) >= _FEWEST:
            unusual[indices] = _standard(bare[indices], bare[indices])
    if small:
        unusual[small] = _standard(bare[small], bare)
    return unusual


def _standard(some: _Maps, usual: _Maps) -> _Maps:
    mean, spread = usual.mean(axis=0), usual.std(axis=0)
    spread += _STEADY * float(np.sqrt(np.square(spread).mean())) + 1e-3
    standard: _Maps = ((some - mean) / spread).astype(np.float32)
    # A noisy image, or one that was compressed hard, has more or less of everything.
    standard -= standard.mean(axis=(2, 3), keepdims=True)
    return standard


def _candidates(maps: _Maps, groups: _Indices) -> _Indices:
    """Return pairs, each once, that are alike from afar and without a shift: of each image the likeliest."""
    coarse = np.stack([_coarse(each) for each in maps])
    coarse /= np.linalg.norm(coarse, axis=1, keepdims=True) + np.float32(1e-6)
    most = min(_CANDIDATES, len(maps))
    found = []
    for start in range(0, len(maps), _ROWS):
        alike = coarse[start : start + _ROWS] @ coarse.T
        alike[groups[start : start + _ROWS, None] == groups[None, :]] = -1
        best = np.argpartition(alike, -most, axis=1)[:, -most:]
        rows, columns = np.nonzero(np.take_along_axis(alike, best, axis=1) >= _COARSE)
        found.append(np.sort(np.stack([rows + start, best[rows, columns]], axis=1), axis=1))
    pairs: _Indices = np.unique(np.concatenate(found), axis=0)
    return pairs


def _coarse(maps: _Maps) -> _Maps:
    smooth = cv2.GaussianBlur(maps.transpose(1, 2, 0), (0, 0), 1.5)
    return cv2.resize(smooth, _COARSE_WH, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


def _compared(maps: _Maps, pairs: _Indices) -> Iterator[float]:
    """Yield the similarity of each pair."""
    usual = _WEAK * float(np.median(np.linalg.norm(_window(maps, 0, 0), axis=1)))
    for start in range(0, len(pairs), _PAIRS):
        first, second = (maps[side] for side in pairs[start : start + _PAIRS].T)
        yield from np.maximum(_likeness(first, second, usual), _likeness(second, first, usual)).tolist()


def _likeness(still: _Maps, moved: _Maps, usual: float) -> NDArray[np.float32]:
    """Return the cosine of each pair of maps at the best shift, less where one is weak."""
    middle = _window(still, 0, 0)
    length = np.maximum(np.linalg.norm(middle, axis=1), usual)
    steps = range(-_SHIFT, _SHIFT + 1)
    likeness = []
    for dy, dx in ((dy, dx) for dy in steps for dx in steps):
        window = _window(moved, dy, dx)
        lengths = length * np.maximum(np.linalg.norm(window, axis=1), usual)
        likeness.append(np.einsum("ij,ij->i", middle, window) / np.maximum(lengths, np.float32(1e-6)))
    best: NDArray[np.float32] = np.max(likeness, axis=0)
    return best


def _window(maps: _Maps, dy: int, dx: int) -> _Maps:
    _, height, width = _SHAPE
    rows = slice(_SHIFT + dy, height - _SHIFT + dy)
    columns = slice(_SHIFT + dx, width - _SHIFT + dx)
    return maps[:, :, rows, columns].reshape(len(maps), -1)
