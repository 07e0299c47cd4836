"""How well boxes are found: average precision by COCO's rules, over all images or with each counted several times.

Source:
    Lin et al., "Microsoft COCO", ECCV 2014: 101 recall points, at most 100 boxes of a class on an image, IoU 0.5 to
    0.95. Equal to faster-coco-eval, which only the tests use, where each image counts once; and where images are
    repeated, but for equal scores on one image, whose order is left open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.evaluation.matching import IOUS, ClassMatches, match
from cloud_side.training.predictions import Predictions
from edge_inspector.detectors.model_file import Thresholds

RECALLS: Final = np.linspace(0.0, 1.0, 101)
_VALUES_AT_ONCE: Final = 4_000_000
_CURVE_POINTS: Final = 200
ALL: Final = ""  # classes together


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores of one class.

    Attributes:
        name: Of the class.
        defects: Labeled boxes.
        ap50: Average precision at IoU 0.5, in [0, 1]; None where no defect is labeled.
        ap50_95: The same, averaged over IoU 0.5 to 0.95.
    """

    name: str
    defects: int
    ap50: float | None
    ap50_95: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores over classes that have a defect; 0 where none has.

    Attributes:
        map50: Mean average precision at IoU 0.5, in [0, 1].
        map50_95: The same, averaged over IoU 0.5 to 0.95.
        classes: In the order of the class names.
    """

    map50: float
    map50_95: float
    classes: tuple[ClassScores, ...]


@dataclass(frozen=True, slots=True)
class Boxes:
    """What boxes from a threshold on are worth, at IoU 0.5.

    Attributes:
        precision: Of the boxes, the share that found a defect; 0 where there is none.
        recall: Of the defects, the share that was found; 0 where there is none.
    """

    precision: float
    recall: float


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionRecall:
    """Precision against recall at IoU 0.5, from the most confident box on.

    Attributes:
        recall: (n,) rising, in [0, 1].
        precision: (n,) of the boxes so far.
        confidence: (n,) of the last of them.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    confidence: NDArray[np.float64]


def scores(predictions: Predictions) -> Scores:
    """Return all scores, every image counted once."""
    classes = []
    for name, rows in zip(predictions.class_names, match(predictions), strict=True):
        every = class_average_precision(rows, np.zeros(len(predictions), np.int64), np.ones((1, 1)))[:, 0]
        known = rows.defect_image.size > 0
        classes.append(
            ClassScores(
                name,
                rows.defect_image.size,
                float(every[0]) if known else None,
                float(every.mean()) if known else None,
            )
        )
    return Scores(_mean([each.ap50 for each in classes]), _mean([each.ap50_95 for each in classes]), tuple(classes))


def map50(predictions: Predictions) -> float:
    """Return the mean average precision at IoU 0.5, in [0, 1]; 0 where no defect is labeled."""
    return scores(predictions).map50


def class_average_precision(
    rows: ClassMatches, unit_of_image: NDArray[np.int64], weights: NDArray[np.float64], *, ious: int = IOUS.size
) -> NDArray[np.float64]:
    """Return the average precision of a class, where images count as often as a draw says.

    Args:
        rows: The class's boxes.
        unit_of_image: (images,) which unit each belongs to: the unit is what is drawn.
        weights: (rounds, units) how often each was drawn.
        ious: How many of `IOUS`, from the lowest.

    Returns:
        (ious, rounds); no number where no defect was drawn.
    """
    defects = np.bincount(unit_of_image[rows.defect_image], minlength=weights.shape[1])
    total = weights @ defects
    unit = unit_of_image[rows.image]
    return np.stack([_average_precision(found, unit, weights, total) for found in rows.defect[:ious] >= 0])


def _average_precision(
    found: NDArray[np.bool_], unit: NDArray[np.int64], weights: NDArray[np.float64], total: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (rounds,) the average precision of (m,) boxes, most confident first.

    The precision that counts is the best from a recall on, and that is always at a box that found something: so boxes
    that did not are counted between those, together for each unit.
    """
    result = np.where(total > 0, 0.0, np.nan)
    hits = np.flatnonzero(found)
    if not hits.size:
        return result
    units = weights.shape[1]
    before: NDArray[np.int64] = (np.cumsum(found) - found)[: hits[-1] + 1]
    cells, counts = np.unique(before * units + unit[: hits[-1] + 1], return_counts=True)
    starts = np.searchsorted(cells // units, np.arange(hits.size))
    rounds_at_once = max(1, _VALUES_AT_ONCE // cells.size)
    for first in range(0, len(weights), rounds_at_once):
        part = slice(first, first + rounds_at_once)
        boxes = np.cumsum(np.add.reduceat(weights[part, cells % units] * counts, starts, axis=1), axis=1)
        right = np.cumsum(weights[part, unit[hits]], axis=1)
        result[part] = _at_recalls(right, boxes, total[part])
    return result


def _at_recalls(
    right: NDArray[np.float64], boxes: NDArray[np.float64], total: NDArray[np.float64]
) -> NDArray[np.float64]:
    precision = np.divide(right, boxes, out=np.zeros_like(right), where=boxes > 0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.concatenate((best, np.zeros((len(best), 1))), axis=1)
    values = np.full(len(total), np.nan)
    for number in np.flatnonzero(total > 0):
        values[number] = padded[number, np.searchsorted(right[number] / total[number], RECALLS)].mean()
    return values


def precision_recall(rows: ClassMatches) -> PrecisionRecall:
    """Return the curve of a class, at most 200 points of it."""
    right = np.cumsum(rows.defect[0] >= 0)
    places = np.unique(np.linspace(0, max(right.size - 1, 0), min(_CURVE_POINTS, right.size)).astype(np.int64))
    defects = max(rows.defect_image.size, 1)
    return PrecisionRecall(right[places] / defects, right[places] / (places + 1), rows.confidence[places])


def boxes_at(predictions: Predictions, thresholds: Mapping[str, Thresholds]) -> dict[str, Boxes]:
    """Return precision and recall of each class from its `review_at` on, and of `ALL` together."""
    counted = np.zeros(3, np.int64)
    result = {}
    for name, rows in zip(predictions.class_names, match(predictions), strict=True):
        kept = rows.confidence >= thresholds[name].review_at
        counts = np.array([(rows.defect[0, kept] >= 0).sum(), kept.sum(), rows.defect_image.size])
        result[name], counted = _boxes(counts), counted + counts
    return result | {ALL: _boxes(counted)}


def _boxes(counts: NDArray[np.int64]) -> Boxes:
    right, boxes, defects = (int(count) for count in counts)
    return Boxes(right / boxes if boxes else 0.0, right / defects if defects else 0.0)


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0
