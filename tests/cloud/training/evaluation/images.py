"""Predictions for tests: a few boxes that are said, or many that are drawn."""

from collections.abc import Sequence

import numpy as np

from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.geometry import Boxes, as_boxes

Box = tuple[float, float, float, float]
DEFECT: Box = (10, 10, 50, 50)
ELSEWHERE: Box = (60, 60, 90, 90)


def limits(review_at: float, reject_at: float) -> Thresholds:
    return Thresholds(review_at=review_at, reject_at=reject_at)


def image(  # noqa: PLR0913 - what an image consists of
    name: str,
    truth: Sequence[tuple[Box, int]] = (),
    found: Sequence[tuple[Box, float, int]] = (),
    *,
    group: str | None = None,
    slices: dict[str, str] | None = None,
    sha256: str | None = None,
) -> Prediction:
    """Return an image of 100 x 100 pixels; boxes come with their class, detections with score and class."""
    falling = sorted(found, key=lambda each: -each[1])
    return Prediction(
        name,
        name if sha256 is None else sha256,
        group or name,
        100,
        100,
        as_boxes([box for box, _ in truth]),
        np.array([class_id for _, class_id in truth], np.int64),
        as_boxes([box for box, _, _ in falling]),
        np.array([score for _, score, _ in falling], np.float32),
        np.array([class_id for _, _, class_id in falling], np.int64),
        slices or {},
    )


def predictions(*images: Prediction, classes: Sequence[str] = ("scratch",)) -> Predictions:
    return Predictions(tuple(classes), images)


def scored(clean: Sequence[float], defective: Sequence[float]) -> Predictions:
    """Return parts of one class with one box each, of the said scores."""
    return predictions(
        *(image(f"clean-{number}", (), [(ELSEWHERE, score, 0)]) for number, score in enumerate(clean)),
        *(image(f"defective-{number}", [(DEFECT, 0)], [(DEFECT, score, 0)]) for number, score in enumerate(defective)),
    )


def drawn(  # noqa: PLR0913 - what a set consists of
    seed: int, count: int, *, classes: int = 3, groups: int = 7, boxes: int = 130, decimals: int = 2
) -> Predictions:
    """Return images with up to three defects, and boxes of which some lie near these.

    Scores have few decimals, so that many are equal.
    """
    rng = np.random.default_rng(seed)
    names = [f"class-{number}" for number in range(classes)]
    images = []
    for number in range(count):
        truth = _boxes(rng, int(rng.integers(0, 4)))
        found = _boxes(rng, int(rng.integers(0, boxes + 1)))
        class_ids, kinds = rng.integers(0, classes, len(truth)), rng.integers(0, classes, len(found))
        for row in np.flatnonzero(rng.random(len(found)) < 0.2) if len(truth) else ():
            near = int(rng.integers(0, len(truth)))
            found[row] = truth[near] + rng.normal(0, 2, 4).astype(np.float32)
            kinds[row] = class_ids[near]
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        scores = np.sort(np.round(rng.random(len(found)), decimals))[::-1].astype(np.float32)
        images.append(
            Prediction(
                f"{number:04d}",
                f"{number:04d}",
                f"group-{number % groups}",
                260,
                260,
                truth,
                class_ids,
                found,
                scores,
                kinds,
            )
        )
    return Predictions(tuple(names), tuple(images))


def _boxes(rng: np.random.Generator, count: int) -> Boxes:
    corner = rng.integers(0, 200, (count, 2))
    return np.concatenate((corner, corner + rng.integers(8, 60, (count, 2))), axis=1).astype(np.float32)
