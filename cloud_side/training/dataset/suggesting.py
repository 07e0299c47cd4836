"""What images ask for: how large the input of a network must be, and whether it needs colors."""

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.catalog.interchange import ImageLabels
from cloud_side.catalog.labels import Label
from edge_inspector.detectors.model_file import Color

STEP: Final = 32
SHORTEST, LONGEST = 320, 640
LEAST_PX: Final = 8.0
SMALL_SHARE: Final = 10  # per cent of the defects that may be smaller than that
SAMPLE: Final = 64
_TINT: Final = 12.0  # grey levels between the channels
_PATCH_PX: Final = 4


def suggest_model_wh(labels: Sequence[Label | ImageLabels]) -> tuple[int, int]:
    """Return the smallest input that shows the defects well enough: a small one is trained and run in less time.

    It has the shape of the median image, with sides of whole cells (multiples of 32), and a long side of 320 to 640
    pixels. Of these the first is taken at which nine of ten defects are at least 8 pixels wide and high, which is one
    cell of the finest grid. An input longer than the image itself would show no more, so it is none; and where even
    640 pixels are too few, 640 it is: larger ones are asked for by hand.

    Args:
        labels: Of all images; at least one.
    """
    sizes = np.array([(label.width, label.height) for label in labels], dtype=np.float64)
    median = np.median(sizes, axis=0)
    own = max(SHORTEST, min(LONGEST, _whole(float(median.max()))))
    defects = np.array(
        [(min(box.width, box.height), label.width, label.height) for label in labels for box in label.boxes]
    ).reshape(-1, 3)
    for long_side in range(SHORTEST, own, STEP):
        model_wh = _shaped(median, long_side)
        if _small_defect_px(defects, model_wh) >= LEAST_PX:
            return model_wh
    return _shaped(median, own)


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
