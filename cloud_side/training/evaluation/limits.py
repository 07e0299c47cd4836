"""Where to draw the line of the one class of the shipped model, by how often each mistake may happen.

`review_at` lets as few defects escape as a small share of false alarms allows; what reaches `reject_at` is almost
surely bad.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from cloud_side.training.evaluation.thresholds import middle_of_longest
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Thresholds

CANDIDATES = np.round(np.arange(0.05, 0.951, 0.01), 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the choice is made by.

    Attributes:
        overkill: Share of clean parts that may be stopped at all, by review or reject.
        rejected_clean: Share of clean parts that may be rejected outright.
        rejects_right: Share of the rejected images that must have a labeled defect.
    """

    overkill: float = 0.01
    rejected_clean: float = 0.005
    rejects_right: float = 0.98


def choose_thresholds(examples: Sequence[Example], found: Sequence[Detections], limits: Limits) -> Thresholds:
    """Return the two thresholds of the one class that fit unseen images best.

    `review_at` is where the fewest defective images escape among the scores that stop few enough clean ones; of equal
    scores the middle one, which is farthest from both mistakes. `reject_at` is the lowest score from there on that
    almost no clean image reaches; where none is low enough, the one that fewest reach.

    Args:
        examples: Images with their truth, defective and clean.
        found: What a model that was not trained on them finds, down to the lowest scores.
        limits: What may go wrong how often.

    Raises:
        ValueError: If there is no defective or no clean image to choose by.
    """
    strongest = np.array([detections.confidence.max(initial=0.0) for detections in found])
    defective = np.array([len(example.boxes) > 0 for example in examples], dtype=np.bool_)
    if not defective.any() or defective.all():
        msg = f"thresholds: expected defective and clean images, found {defective.sum()} and {(~defective).sum()}"
        raise ValueError(msg)
    escapes = _below(strongest[defective])
    overkill = 1 - _below(strongest[~defective])
    few_stopped = overkill <= max(limits.overkill, overkill.min())
    costs = np.where(few_stopped, escapes, np.inf)
    review = middle_of_longest(np.isclose(costs, costs.min()))
    stopped_right, stopped_wrong = (1 - escapes) * defective.sum(), overkill * (~defective).sum()
    right = np.ones(CANDIDATES.size, dtype=np.float64)
    stopped = stopped_right + stopped_wrong
    np.divide(stopped_right, stopped, out=right, where=stopped > 0)
    later = np.arange(CANDIDATES.size) >= review
    safe = later & (right >= limits.rejects_right) & (overkill <= limits.rejected_clean)
    reject = int(np.flatnonzero(safe)[0]) if safe.any() else int(np.argmin(np.where(later, overkill, np.inf)))
    return Thresholds(review_at=float(CANDIDATES[review]), reject_at=float(CANDIDATES[reject]))


def _below(strongest: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return for each candidate the share of images that have no score at or above it."""
    return np.asarray((strongest[:, None] < CANDIDATES[None, :]).mean(axis=0), dtype=np.float64)
