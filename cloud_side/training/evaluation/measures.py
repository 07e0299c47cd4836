"""The numbers that two models are compared by, each over groups of which every one may count several times."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cloud_side.training.evaluation.bootstrap import Values, Weighted, places_of, quotient, share
from cloud_side.training.evaluation.matching import IOUS, match
from cloud_side.training.evaluation.scores import class_average_precision
from cloud_side.training.evaluation.thresholds import Costs, part_costs
from cloud_side.training.evaluation.verdicts import ACCEPTED, AnyThresholds, part_verdicts, parts_of
from cloud_side.training.predictions import Predictions


@dataclass(frozen=True, slots=True)
class MeanAveragePrecision:
    """mAP50, or mAP50-95, over the classes that have a defect among the images drawn.

    Attributes:
        ious: How many IoUs from 0.5 on: 1 for mAP50, 10 for mAP50-95.
        only: One class; all where None.
    """

    ious: int = 1
    only: str | None = None

    def __call__(self, predictions: Predictions, groups: Sequence[str]) -> Weighted:
        """Return the statistic, as `Statistic` says."""
        table = match(predictions)
        if self.only is not None:
            table = (table[predictions.class_names.index(self.only)],)
        places = places_of([image.group for image in predictions.images], groups)

        def of(weights: Values) -> Values:
            values = np.stack(
                [class_average_precision(rows, places, weights, ious=self.ious).mean(axis=0) for rows in table]
            )
            known = ~np.isnan(values)
            count = known.sum(axis=0)
            total = np.where(known, values, 0.0).sum(axis=0)
            return quotient(total, count)

        return of


MAP50 = MeanAveragePrecision()
MAP50_95 = MeanAveragePrecision(IOUS.size)


@dataclass(frozen=True, slots=True)
class Escapes:
    """Share of the defective parts that are accepted.

    Attributes:
        thresholds: By class.
        only: Parts with a defect of this class; all where None.
    """

    thresholds: AnyThresholds
    only: str | None = None

    def __call__(self, predictions: Predictions, groups: Sequence[str]) -> Weighted:
        """Return the statistic, as `Statistic` says."""
        parts = parts_of(predictions)
        accepted = part_verdicts(predictions, self.thresholds, parts) == ACCEPTED
        counted = parts.defective if self.only is None else parts.has_class[:, predictions.class_names.index(self.only)]
        return share(accepted, counted, places_of(parts.groups, groups), len(groups))


@dataclass(frozen=True, slots=True)
class Overkill:
    """Share of the clean parts that are not accepted."""

    thresholds: AnyThresholds

    def __call__(self, predictions: Predictions, groups: Sequence[str]) -> Weighted:
        """Return the statistic, as `Statistic` says."""
        parts = parts_of(predictions)
        stopped = part_verdicts(predictions, self.thresholds, parts) != ACCEPTED
        return share(stopped, ~parts.defective, places_of(parts.groups, groups), len(groups))


@dataclass(frozen=True, slots=True)
class CostOfPart:
    """Mean cost of a part, in costs of an overkill."""

    thresholds: AnyThresholds
    costs: Costs = field(default_factory=Costs)

    def __call__(self, predictions: Predictions, groups: Sequence[str]) -> Weighted:
        """Return the statistic, as `Statistic` says."""
        parts = parts_of(predictions)
        verdict = part_verdicts(predictions, self.thresholds, parts)
        cost = part_costs(parts.defective, self.costs)[verdict, np.arange(len(verdict))]
        places, count = places_of(parts.groups, groups), len(groups)
        sums = np.bincount(places, weights=cost, minlength=count)
        numbers = np.bincount(places, minlength=count)

        def of(weights: Values) -> Values:
            return quotient(weights @ sums, weights @ numbers)

        return of
