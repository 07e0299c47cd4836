"""What images ask for: how large the input of a network must be, whether it needs colors, what is trained on."""

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.catalog.interchange import ImageLabels
from cloud_side.catalog.labels import Label
from cloud_side.training.dataset.labeled import LabeledImage
from edge_inspector.detectors.model_file import Color

STEP: Final = 32
SHORTEST: Final = 320
MOST_PX: Final = 640 * 640  # what a step may cost: a strip may be longer than a square
LEAST_PX: Final = 8.0
CROP_PX: Final = 320
LARGE_PX: Final = 512  # sides of an input up to which whole images are trained on
SMALL_SHARE: Final = 10  # per cent of the defects that may be smaller than that
SAMPLE: Final = 64
_TINT: Final = 12.0  # grey levels between the channels
_PATCH_PX: Final = 4


def suggest_model_wh(labels: Sequence[Label | ImageLabels]) -> tuple[int, int]:
    """Return the smallest input that shows the defects well enough: a small one is trained and run in less time.

    It has the shape of the median image, with sides of whole cells (multiples of 32), a long side of 320 pixels or
    more, and no more pixels than 640 x 640. Of these the first is taken at which nine of ten defects are at least 8
    pixels wide and high, which is one cell of the finest grid. From 320 on, an input longer than the image itself would
    show no more, so it is none; and where even the largest is too small, that it is: others are asked for by hand.

    Args:
        labels: Of all images; at least one.
    """
    sizes = np.array([(label.width, label.height) for label in labels], dtype=np.float64)
    median = np.median(sizes, axis=0)
    own = max(SHORTEST, _whole(float(median.max())))
    while own > SHORTEST and np.prod(_shaped(median, own)) > MOST_PX:
        own -= STEP
    defects = np.array(
        [(min(box.width, box.height), label.width, label.height) for label in labels for box in label.boxes]
    ).reshape(-1, 3)
    for long_side in range(SHORTEST, own, STEP):
        model_wh = _shaped(median, long_side)
        if _small_defect_px(defects, model_wh) >= LEAST_PX:
            return model_wh
    return _shaped(median, own)


def suggest_crop(images: Iterable[LabeledImage], model_wh: tuple[int, int]) -> int:
    """Return the side of the parts that are trained on in place of whole images, in pixels of the input; 0 for whole.

    On a large input with small defects most cells are surface: parts around the defects show more of them in the same
    time. A part must hold each defect twice over, or it would cut the large ones.

    Args:
        images: All of them.
        model_wh: Width and height of the input in pixels.
    """
    if max(model_wh) <= LARGE_PX:
        return 0
    sides = [
        float((each.boxes[:, 2:] - each.boxes[:, :2]).max()) * min(model_wh[0] / each.width, model_wh[1] / each.height)
        for each in images
        if len(each.boxes)
    ]
    return CROP_PX if sides and max(sides) <= CROP_PX / 2 else 0


def suggest_color(images: Iterable[NDArray[np.uint8]]) -> Color:
    """Return grey if all images are: if no patch of 4 x 4 pixels has channels that differ by more than 12 levels.

    Cameras for grey often store three channels, and JPEG gives single pixels a tint; a defect's color spans a patch.

    Args:
        images: (h, w) or (h, w, 3) uint8 BGR; some of the set are enough.
    """
    return Color.BGR if any(_tint(image) > _TINT for image in images) else Color.GRAY


def _tint(image: NDArray[np.uint8]) -> float:
    if image.ndim == 2:
        return 0.0
    height, width = image.shape[:2]
    size = max(1, width // _PATCH_PX), max(1, height // _PATCH_PX)
    patches = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.int16)
    return float((patches.max(axis=2) - patches.min(axis=2)).max())


def _whole(side: float) -> int:
    return STEP * int(np.ceil(round(side, 6) / STEP))


def _shaped(median: NDArray[np.float64], long_side: int) -> tuple[int, int]:
    width, height = (max(STEP, _whole(float(side))) for side in median * long_side / median.max())
    return width, height


def _small_defect_px(defects: NDArray[np.float64], model_wh: tuple[int, int]) -> float:
    """Return how many pixels of the input the shorter side has, of the defect that a tenth of them is smaller than.

    Args:
        defects: (n, 3): shorter side, and width and height of its image.
        model_wh: The input.
    """
    shorter = defects[:, 0] * (np.array(model_wh) / defects[:, 1:]).min(axis=1)
    return float(np.percentile(shorter, SMALL_SHARE)) if len(shorter) else LEAST_PX
