"""How good a model is, measured on the exported file through the code that will run it on the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from cloud_side.training.dataset import CLASS_NAMES, Example
from edge_inspector.decision import ClassPolicy, Policy, Verdict, decide
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage, Thresholds
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.frame import Frame
from edge_inspector.geometry import iou

# mAP ranks all boxes, also the least likely.
MIN_CONFIDENCE = 0.001
MATCH_IOU = 0.5
BOOTSTRAP_ROUNDS = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """A share with the range that 95 % of the resampled sets fall into; all in [0, 1]."""

    value: float
    low: float
    high: float


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


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What happens to whole parts.

    Attributes:
        defective: Images with a defect.
        clean: Images without.
        escapes: Share of defective images that are accepted.
        overkill: Share of clean images that are not accepted.
        rejected_clean: Share of clean images that are rejected outright.
    """

    defective: int
    clean: int
    escapes: Interval
    overkill: Interval
    rejected_clean: Interval


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
    map50, map50_95 = average_precision(examples, found)
    hits, boxes, defects = 0, 0, 0
    for example, detections in zip(examples, found, strict=True):
        kept = detections.take(detections.confidence >= threshold)
        hits += int(match(example, kept).sum())
        boxes += len(kept)
        defects += len(example.boxes)
    return Accuracy(map50, map50_95, _share(hits, boxes), _share(hits, defects))


def match(example: Example, detections: Detections) -> NDArray[np.bool_]:
    """Return (n,) whether each detection finds a defect of its class that no stronger one has found at IoU >= 0.5."""
    overlap = iou(detections.xyxy, example.boxes)
    overlap[detections.class_id[:, None] != example.class_ids[None, :]] = 0
    hit = np.zeros(len(detections), dtype=np.bool_)
    for index in range(len(detections)):
        if overlap.shape[1] and overlap[index].max() >= MATCH_IOU:
            overlap[:, int(overlap[index].argmax())] = 0
            hit[index] = True
    return hit


def average_precision(examples: Sequence[Example], found: Sequence[Detections]) -> tuple[float, float]:
    """Return mAP50 and mAP50-95 as COCO defines them; 0 where there is no defect, or nothing was found.

    Source:
        Lin et al., "Microsoft COCO", ECCV 2014, as implemented by faster-coco-eval.
    """
    truth = [
        {"image_id": number, "category_id": int(class_id) + 1, "bbox": _xywh(box), "area": _area(box), "iscrowd": 0}
        for number, example in enumerate(examples, start=1)
        for box, class_id in zip(example.boxes, example.class_ids, strict=True)
    ]
    results = [
        {"image_id": number, "category_id": int(class_id) + 1, "bbox": _xywh(box), "score": float(score)}
        for number, detections in enumerate(found, start=1)
        for box, score, class_id in zip(detections.xyxy, detections.confidence, detections.class_id, strict=True)
    ]
    if not truth or not results:
        return 0.0, 0.0
    reference = COCO(
        {
            "images": [
                {
                    "id": number,
                    "file_name": example.name,
                    "width": example.image.shape[1],
                    "height": example.image.shape[0],
                }
                for number, example in enumerate(examples, start=1)
            ],
            "annotations": [{"id": number, **row} for number, row in enumerate(truth, start=1)],
            "categories": [{"id": number, "name": name} for number, name in enumerate(CLASS_NAMES, start=1)],
        }
    )
    evaluation = COCOeval_faster(reference, reference.loadRes(results), "bbox", print_function=lambda *_: None)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[1]), float(evaluation.stats[0])


def verdicts(
    examples: Sequence[Example], found: Sequence[Detections], thresholds: dict[str, Thresholds], *, seed: int = 0
) -> Verdicts:
    """Return escapes and overkill of the device's own decision, with intervals resampled over groups."""
    policy = Policy({name: ClassPolicy(limits.review_at, limits.reject_at) for name, limits in thresholds.items()})
    outcome = [
        decide(detections, CLASS_NAMES, policy, image_wh=(example.image.shape[1], example.image.shape[0])).verdict
        for example, detections in zip(examples, found, strict=True)
    ]
    defective = np.array([len(example.boxes) > 0 for example in examples], dtype=np.bool_)
    accepted = np.array([verdict is Verdict.ACCEPT for verdict in outcome], dtype=np.bool_)
    rejected = np.array([verdict is Verdict.REJECT for verdict in outcome], dtype=np.bool_)
    groups = [example.group for example in examples]
    return Verdicts(
        int(defective.sum()),
        int((~defective).sum()),
        grouped_share(accepted, defective, groups, seed=seed),
        grouped_share(~accepted, ~defective, groups, seed=seed),
        grouped_share(rejected, ~defective, groups, seed=seed),
    )


def grouped_share(hit: NDArray[np.bool_], counted: NDArray[np.bool_], groups: Sequence[str], *, seed: int) -> Interval:
    """Return the share of counted images that are hit, with a 95 % interval.

    Whole groups are drawn with replacement: photographs of one part say the same thing over and over.

    Args:
        hit: (n,) what happened.
        counted: (n,) which images count.
        groups: n groups.
        seed: Of the resampling; the same seed gives the same interval.

    Source:
        Percentile bootstrap: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; clusters as units. Where
        nothing, or everything, was hit: the one-sided 95 % bound of Clopper and Pearson, 1934, over groups.
    """
    names = sorted(set(groups))
    index = {name: number for number, name in enumerate(names)}
    place = np.array([index[group] for group in groups], dtype=np.int64)
    hits = np.bincount(place, weights=hit & counted, minlength=len(names))
    totals = np.bincount(place, weights=counted, minlength=len(names))
    interval = bootstrap(len(names), lambda drawn: _share(hits[drawn].sum(), totals[drawn].sum()), seed=seed)
    # Resampling cannot show what has never happened; the exact bound can: 1 - 0.05^(1/n) for 0 of n.
    groups_counted = int((totals > 0).sum())
    unseen = 1 - 0.05 ** (1 / groups_counted) if groups_counted else 1.0
    if hits.sum() == 0:
        return replace(interval, high=unseen)
    return replace(interval, low=1 - unseen) if (hits == totals).all() else interval


def bootstrap(count: int, statistic: Callable[[NDArray[np.int64]], float], *, seed: int) -> Interval:
    """Return a statistic of all `count` groups, and the middle 95 % of its values over resampled groups."""
    if count == 0:
        return Interval(0.0, 0.0, 0.0)
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(0, count, count)) for _ in range(BOOTSTRAP_ROUNDS)]
    low, high = np.percentile(values, (2.5, 97.5))
    return Interval(statistic(np.arange(count)), float(low), float(high))


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def _xywh(box: NDArray[np.float32]) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def _area(box: NDArray[np.float32]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
