"""Whether a score means what it says: of the boxes with 0.8, do eight in ten find a defect?"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from cloud_side.training.evaluation.matching import match
from cloud_side.training.predictions import Predictions

LOWEST: Final = 0.05  # below, boxes are many and decide nothing
_EDGES: Final = np.array([LOWEST, *np.round(np.arange(0.1, 1.01, 0.1), 1)])


@dataclass(frozen=True, slots=True)
class Bin:
    """The boxes of a range of scores.

    Attributes:
        low: Lowest score.
        high: Where the next range begins.
        boxes: How many.
        confidence: Their mean score; 0 where there are none.
        right: Share of them that finds a defect at IoU 0.5; 0 where there are none.
    """

    low: float
    high: float
    boxes: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability of the scores from 0.05 on, all classes together.

    Attributes:
        error: How far scores are from shares of right boxes, weighted by boxes, in [0, 1].
        bins: By rising score.

    Source:
        Expected calibration error: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """

    error: float
    bins: tuple[Bin, ...]


def calibration(predictions: Predictions) -> Calibration:
    """Return how reliable the scores are."""
    table = match(predictions)
    confidence = np.concatenate([rows.confidence for rows in table])
    right = np.concatenate([rows.defect[0] >= 0 for rows in table])
    place = np.clip(np.searchsorted(_EDGES, confidence, side="right") - 1, -1, _EDGES.size - 2)
    bins = []
    for number, (low, high) in enumerate(pairwise(_EDGES)):
        chosen = place == number
        boxes = int(chosen.sum())
        mean, share = (float(confidence[chosen].mean()), float(right[chosen].mean())) if boxes else (0.0, 0.0)
        bins.append(Bin(float(low), float(high), boxes, mean, share))
    total = sum(each.boxes for each in bins)
    error = sum(each.boxes * abs(each.confidence - each.right) for each in bins) / total if total else 0.0
    return Calibration(error, tuple(bins))
