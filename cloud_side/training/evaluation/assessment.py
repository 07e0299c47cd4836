"""All scores of one model on some images, and of two models against each other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.evaluation.bootstrap import ROUNDS, Interval, interval, paired_difference
from cloud_side.training.evaluation.calibration import Calibration, calibration
from cloud_side.training.evaluation.latency import TURNS
from cloud_side.training.evaluation.measures import MAP50, MAP50_95, CostOfPart, Escapes, Overkill
from cloud_side.training.evaluation.scores import ALL, boxes_at, scores
from cloud_side.training.evaluation.slices import Slice, slices
from cloud_side.training.evaluation.thresholds import Costs, choose
from cloud_side.training.evaluation.verdicts import AnyThresholds, ByFold, Verdicts, class_recall, verdicts
from cloud_side.training.folds import Folds
from cloud_side.training.predictions import Predictions
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Judging:
    """How scores are taken.

    Attributes:
        costs: Of mistakes.
        seed: Of the draws.
        rounds: Number of draws.
        turns: How often each picture is timed.
    """

    costs: Costs
    seed: int = 0
    rounds: int = ROUNDS
    turns: int = TURNS

    def __post_init__(self) -> None:
        """Refuse what nothing can be drawn or timed by."""
        if self.seed < 0 or self.rounds < 1 or self.turns < 1:
            msg = (
                "evaluation: expected a seed from 0 on, and 1 or more draws (rounds) and times of each picture "
                f"(turns), found {self.seed}, {self.rounds} and {self.turns}"
            )
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class OfClass:
    """One class.

    Attributes:
        defects: Labeled boxes.
        ap50: Average precision at IoU 0.5; None where no defect is labeled.
        ap50_95: The same over IoU 0.5 to 0.95.
        precision: Of boxes from `review_at` on, at IoU 0.5.
        recall: Of defects, the same.
        part_recall: Share of the parts with such a defect that are not accepted.
        review_at: Threshold.
        reject_at: Threshold.
    """

    defects: int
    ap50: float | None
    ap50_95: float | None
    precision: float
    recall: float
    part_recall: Interval
    review_at: float
    reject_at: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """One model.

    Attributes:
        map50: Mean average precision at IoU 0.5.
        map50_95: The same over IoU 0.5 to 0.95.
        precision: Of the boxes from `review_at` on, all classes together.
        recall: Of the defects, the same.
        verdicts: Of parts at the thresholds.
        cost: Mean of a part, in costs of an overkill.
        classes: By name.
        calibration: Of its scores.
        slices: Of defects and images.
    """

    map50: Interval
    map50_95: Interval
    precision: float
    recall: float
    verdicts: Verdicts
    cost: Interval
    classes: Mapping[str, OfClass]
    calibration: Calibration
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much the first model's number is above the second's, over the same draws."""

    map50: Interval
    map50_95: Interval
    escapes: Interval
    overkill: Interval
    cost: Interval


def assess(
    predictions: Predictions,
    thresholds: Mapping[str, Thresholds],
    judging: Judging,
    *,
    model_wh: tuple[int, int],
    contrasts: Mapping[str, NDArray[np.float64]],
) -> Assessment:
    """Return all scores of a model.

    Args:
        predictions: On images that it has not seen.
        thresholds: By class.
        judging: How scores are taken.
        model_wh: Width and height that the size of defects is measured at.
        contrasts: (n,) of each image's defects, by the image's name.
    """
    seed, rounds = judging.seed, judging.rounds
    boxes = boxes_at(predictions, thresholds)
    recalls = class_recall(predictions, thresholds, seed=seed, rounds=rounds)
    classes = {
        each.name: OfClass(
            each.defects,
            each.ap50,
            each.ap50_95,
            boxes[each.name].precision,
            boxes[each.name].recall,
            recalls[each.name],
            thresholds[each.name].review_at,
            thresholds[each.name].reject_at,
        )
        for each in scores(predictions).classes
    }
    return Assessment(
        interval(predictions, MAP50, seed=seed, rounds=rounds),
        interval(predictions, MAP50_95, seed=seed, rounds=rounds),
        boxes[ALL].precision,
        boxes[ALL].recall,
        verdicts(predictions, thresholds, seed=seed, rounds=rounds),
        interval(predictions, CostOfPart(thresholds, judging.costs), seed=seed, rounds=rounds),
        classes,
        calibration(predictions),
        slices(predictions, thresholds, model_wh=model_wh, contrasts=contrasts),
    )


def difference(
    first: tuple[Predictions, AnyThresholds],
    second: tuple[Predictions, AnyThresholds],
    judging: Judging,
) -> Difference:
    """Return how two models differ on the same images, each at its own thresholds.

    Raises:
        ConfigError: If these are not the same images in the same groups.
    """
    pairs = (
        (MAP50, MAP50),
        (MAP50_95, MAP50_95),
        (Escapes(first[1]), Escapes(second[1])),
        (Overkill(first[1]), Overkill(second[1])),
        (CostOfPart(first[1], judging.costs), CostOfPart(second[1], judging.costs)),
    )
    return Difference(
        *(
            paired_difference(
                first[0], second[0], of_first, of_second=of_second, seed=judging.seed, rounds=judging.rounds
            )
            for of_first, of_second in pairs
        )
    )


def thresholds_apart(predictions: Predictions, folds: Folds, costs: Costs) -> ByFold:
    """Return thresholds for each fold that were chosen on the others.

    Thresholds do a little better on the parts that they were chosen on than they will on the line; these do not.

    Raises:
        ConfigError: If an image's group is in no fold.
    """
    found = []
    for fold, groups in enumerate(folds.groups):
        others, _ = folds.split(predictions.images, fold)
        found.append((groups, choose(Predictions(predictions.class_names, tuple(others)), costs).thresholds))
    return ByFold(tuple(found))
