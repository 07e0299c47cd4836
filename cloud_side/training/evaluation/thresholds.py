"""Where to draw the lines, for a stated cost of each mistake, from predictions on images that the model has not seen.

A part is rejected where a box of any class reaches the `reject_at` of its class, and reviewed where one reaches the
`review_at`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.evaluation.matching import overlaps
from cloud_side.training.evaluation.verdicts import ACCEPTED, PART, REJECTED, REVIEWED, Parts, parts_of
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.errors import ConfigError

CANDIDATES: Final = np.round(np.arange(0.01, 0.9901, 0.01), 2)
_SWEEPS: Final = 20
FEW_CLEAN: Final = 20  # parts; of fewer one cannot tell how often a clean one is stopped
_BESIDE: Final = "beside defects"
_ALMOST: Final = 1e-12  # sums of the same costs in another order

Pair = tuple[int, int]  # which candidates are review_at and reject_at


@dataclass(frozen=True, slots=True)
class Costs:
    """What mistakes cost, compared with each other.

    Attributes:
        escape: A defective part that is accepted.
        overkill: A clean part that is rejected.
        review: A part that a person has to look at.
        defect_rate: Share of defective parts on the line, in (0, 1); None: as among the images, of which far more show
            a defect than on any line.
    """

    escape: float = 50.0
    overkill: float = 1.0
    review: float = 0.2
    defect_rate: float | None = 0.05

    def __post_init__(self) -> None:
        """Refuse costs that no one can mean."""
        sensible = (
            0 < self.overkill < float("inf") and 0 < self.escape < float("inf") and 0 <= self.review < self.escape
        )
        if not sensible or not (self.defect_rate is None or 0 < self.defect_rate < 1):
            msg = (
                "costs: expected an escape and an overkill above 0, a review that costs less than an escape, "
                f"and a defect rate between 0 and 1, found {self}"
            )
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class Choice:
    """Thresholds, and how they were found.

    Attributes:
        thresholds: By class.
        by: `cost`; or `surroundings` where so few parts are clean that defective ones had to stand for them.
        cost: Mean cost of a part at these.
    """

    thresholds: dict[str, Thresholds]
    by: str
    cost: float


def choose(predictions: Predictions, costs: Costs) -> Choice:
    """Return the thresholds at which a part costs least.

    One class after the other, the others held, until nothing changes; of equally cheap thresholds the middle of the
    longest run, which is farthest from the mistakes on both sides. The same predictions give the same thresholds.
    Where too few parts are clean, the surroundings of defects stand for them, as `with_good_parts` says.

    Args:
        predictions: Of images that the model has not seen; never of the test images.
        costs: Of the mistakes.
    """
    judged = with_good_parts(predictions)
    parts, by = parts_of(judged), "cost" if judged is predictions else "surroundings"
    cost, bins = part_costs(parts.defective, costs), _bins(parts.strongest)
    pairs = [_alone(parts, cost, bins, class_id) for class_id in range(len(predictions.class_names))]
    for _ in range(_SWEEPS):
        before = list(pairs)
        for class_id in range(len(pairs)):
            others = _ranks(bins, pairs, without=class_id)
            pairs[class_id] = _cheapest(cost, bins[:, class_id], others)
        if pairs == before:
            break
    verdict = _ranks(bins, pairs, without=None)
    return Choice(_named(predictions.class_names, pairs), by, float(cost[verdict, np.arange(len(verdict))].mean()))


def with_good_parts(predictions: Predictions) -> Predictions:
    """Return predictions with clean parts to choose by, or to measure overkill on.

    Where fewer than 20 parts are clean, each defective part counts as a clean one, too, on which the boxes that touch
    no labeled defect were found.
    """
    parts = parts_of(predictions)
    if int((~parts.defective).sum()) >= FEW_CLEAN:
        return predictions
    shown = compress(predictions.images, parts.defective[parts.part_of_image])
    return Predictions(predictions.class_names, (*predictions.images, *map(_beside_defects, shown)))


def _beside_defects(image: Prediction) -> Prediction:
    kept, part = ~(overlaps(image.xyxy, image.truth_xyxy) > 0).any(axis=1), image.slices.get(PART)
    return replace(
        image,
        name=f"{image.name} {_BESIDE}",
        truth_xyxy=image.truth_xyxy[:0],
        truth_class_id=image.truth_class_id[:0],
        xyxy=image.xyxy[kept],
        confidence=image.confidence[kept],
        class_id=image.class_id[kept],
        slices={**image.slices, PART: f"{part} {_BESIDE}"} if part else image.slices,
    )


def part_costs(defective: NDArray[np.bool_], costs: Costs) -> NDArray[np.float64]:
    """Return (3, n) what each part costs when accepted, reviewed or rejected; the mean is that of one on the line."""
    weight = np.ones(len(defective))
    many = int(defective.sum())
    if costs.defect_rate is not None and 0 < many < len(defective):
        rates = costs.defect_rate / many, (1 - costs.defect_rate) / (len(defective) - many)
        weight = np.where(defective, *rates) * len(defective)
    result = np.zeros((3, len(defective)))
    result[ACCEPTED] = np.where(defective, costs.escape, 0.0)
    result[REVIEWED] = costs.review
    result[REJECTED] = np.where(defective, 0.0, costs.overkill)
    return result * weight


def cost_curve(
    predictions: Predictions, thresholds: dict[str, Thresholds], costs: Costs, class_name: str
) -> list[tuple[float, float]]:
    """Return (review_at, mean cost of a part) of one class over all candidates, the rest held, as `choose` counts."""
    parts = parts_of(with_good_parts(predictions))
    cost, strongest = part_costs(parts.defective, costs), parts.strongest
    limits = [thresholds[name] for name in predictions.class_names]
    review, reject = np.array([each.review_at for each in limits]), np.array([each.reject_at for each in limits])
    at, place = predictions.class_names.index(class_name), np.arange(len(strongest))
    points = []
    for candidate in CANDIDATES:
        review[at], reject[at] = candidate, max(candidate, limits[at].reject_at)
        verdict = ((strongest >= review).astype(np.int64) + (strongest >= reject)).max(axis=1, initial=0)
        points.append((float(candidate), float(cost[verdict, place].mean())))
    return points


def _bins(strongest: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (parts, classes) how many candidates each score reaches: it reaches candidate i where this is above i."""
    return np.asarray(np.searchsorted(CANDIDATES, strongest, side="right"), dtype=np.int64)


def _ranks(bins: NDArray[np.int64], pairs: Sequence[Pair], *, without: int | None) -> NDArray[np.int64]:
    """Return (parts,) the verdict of all classes but one."""
    worst = np.zeros(len(bins), np.int64)
    for class_id, (review, reject) in enumerate(pairs):
        if class_id != without:
            reached = bins[:, class_id]
            worst = np.maximum(worst, (reached > review).astype(np.int64) + (reached > reject))
    return worst


def _alone(parts: Parts, cost: NDArray[np.float64], bins: NDArray[np.int64], class_id: int) -> Pair:
    """Return what is best where no other class has a say: on parts with this defect, and clean ones."""
    counted = parts.has_class[:, class_id] | ~parts.defective
    return _cheapest(cost[:, counted], bins[counted, class_id], np.zeros(int(counted.sum()), np.int64))


def _cheapest(cost: NDArray[np.float64], reached: NDArray[np.int64], others: NDArray[np.int64]) -> Pair:
    """Return the cheapest pair of candidates.

    The cost falls apart into one of `review_at` and one of `reject_at`: what a part costs below the first, between the
    two, and from the second on.
    """
    place = np.arange(len(others))
    below, between, above = (cost[np.maximum(others, rank), place] for rank in (ACCEPTED, REVIEWED, REJECTED))

    def up_to(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(reached, weights=values, minlength=CANDIDATES.size + 1).astype(np.float64)
        return np.cumsum(sums)[:-1]

    of_review = up_to(below) - up_to(between)
    of_reject = up_to(between) + above.sum() - up_to(above)
    total = np.where(np.arange(CANDIDATES.size)[:, None] <= np.arange(CANDIDATES.size), 0.0, np.inf)
    total += of_review[:, None] + of_reject[None, :]
    cheap = total <= total.min() + _ALMOST * max(1.0, float(cost.sum()))
    review = middle_of_longest(cheap.any(axis=1))
    return review, middle_of_longest(cheap[review])


def middle_of_longest(chosen: NDArray[np.bool_]) -> int:
    """Return the middle of the longest run of chosen places, the first of equally long ones."""
    places = np.flatnonzero(chosen)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    longest = max(runs, key=len)
    return int(longest[len(longest) // 2])


def _named(class_names: Sequence[str], pairs: Sequence[Pair]) -> dict[str, Thresholds]:
    return {
        name: Thresholds(review_at=float(CANDIDATES[review]), reject_at=float(CANDIDATES[reject]))
        for name, (review, reject) in zip(class_names, pairs, strict=True)
    }
