"""Scores of examples in memory, photographed or simulated, beside what was found on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cloud_side.training.dataset import CLASS_NAMES, Example
from cloud_side.training.evaluation import scores
from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.evaluation.detecting import MIN_CONFIDENCE
from cloud_side.training.evaluation.verdicts import Verdicts
from cloud_side.training.evaluation.verdicts import verdicts as verdicts_of
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage, Thresholds
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.frame import Frame

__all__ = [
    "Accuracy",
    "Interval",
    "Verdicts",
    "accuracy",
    "average_precision",
    "beside",
    "detect_all",
    "inference_times_ms",
    "verdicts",
]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Box accuracy over some images.

    Attributes:
        map50: Mean average precision at IoU 0.5, at most 100 boxes an image.
        map50_95: The same, averaged over IoU 0.5 to 0.95.
        precision: Of the boxes that reach the threshold, the share that match a defect.
        recall: Of the defects, the share that such a box matches.
    """

    map50: float
    map50_95: float
    precision: float
    recall: float


def beside(
    examples: Sequence[Example], found: Sequence[Detections], class_names: Sequence[str] = CLASS_NAMES
) -> Predictions:
    """Return examples and what was found on them as predictions; each example is an image of its own."""
    images = [
        Prediction(
            f"{number:06d} {example.name}",
            example.sha256,
            example.group,
            example.image.shape[1],
            example.image.shape[0],
            example.boxes,
            example.class_ids,
            detections.xyxy,
            detections.confidence,
            detections.class_id,
            example.slices,
        )
        for number, (example, detections) in enumerate(zip(examples, found, strict=True))
    ]
    return Predictions(tuple(class_names), tuple(images))


def detect_all(
    package: ModelPackage, examples: Sequence[Example], *, min_confidence: float = MIN_CONFIDENCE
) -> list[Detections]:
    """Return the detections of every example in its own pixels, from the device's detector."""
    now = datetime.now(UTC)
    with OnnxDetector(package, threads=1, min_confidence=min_confidence) as detector:
        return [
            detector.detect(Frame(example.image, number, now, 0, example.name)).detections
            for number, example in enumerate(examples)
        ]


def inference_times_ms(package: ModelPackage, examples: Sequence[Example]) -> list[float]:
    """Return how long the model's run took on each example, one thread, without pre- and postprocessing."""
    now = datetime.now(UTC)
    with OnnxDetector(package, threads=1) as detector:
        return [
            detector.detect(Frame(example.image, number, now, 0, example.name)).inference_ms
            for number, example in enumerate(examples)
        ]


def accuracy(examples: Sequence[Example], found: Sequence[Detections], *, threshold: float) -> Accuracy:
    """Return the box accuracy; `threshold` is for precision and recall, mAP ranks all boxes."""
    predictions = beside(examples, found)
    limits = dict.fromkeys(predictions.class_names, Thresholds(review_at=threshold, reject_at=1.0))
    whole, boxes = scores.scores(predictions), scores.boxes_at(predictions, limits)[scores.ALL]
    return Accuracy(whole.map50, whole.map50_95, boxes.precision, boxes.recall)


def average_precision(examples: Sequence[Example], found: Sequence[Detections]) -> tuple[float, float]:
    """Return mAP50 and mAP50-95; 0 where there is no defect, or nothing was found."""
    whole = scores.scores(beside(examples, found))
    return whole.map50, whole.map50_95


def verdicts(
    examples: Sequence[Example], found: Sequence[Detections], thresholds: Mapping[str, Thresholds], *, seed: int = 0
) -> Verdicts:
    """Return escapes and overkill of the device's own decision, with intervals over groups."""
    return verdicts_of(beside(examples, found), thresholds, seed=seed)
