"""What happens to whole parts, by the decision that the device takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.evaluation.bootstrap import ROUNDS, Interval, grouped_share
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.decision import ClassPolicy, Policy, Verdict, decide
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Thresholds

PART: Final = "part_id"  # the slice that tells which images show one part
_ORDER: Final = (Verdict.ACCEPT, Verdict.REVIEW, Verdict.REJECT)
ACCEPTED, REVIEWED, REJECTED = range(3)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What happens to whole parts.

    Attributes:
        defective: Parts with a defect.
        clean: Parts without.
        escapes: Share of the defective parts that are accepted.
        overkill: Share of the clean parts that are not accepted.
        rejected_clean: Share of the clean parts that are rejected outright.
    """

    defective: int
    clean: int
    escapes: Interval
    overkill: Interval
    rejected_clean: Interval


@dataclass(frozen=True, slots=True)
class ByFold:
    """Thresholds of each fold, chosen on the others.

    Attributes:
        folds: Groups of each, and the thresholds of these by class.
    """

    folds: tuple[tuple[frozenset[str], Mapping[str, Thresholds]], ...]


AnyThresholds: TypeAlias = Mapping[str, Thresholds] | ByFold  # the same for all parts, or for each fold its own


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts that the images show, in the order of their first image.

    Attributes:
        names: Of each: its first image.
        groups: Of each.
        part_of_image: (images,) int64, index of the part.
        has_class: (n, classes) whether a defect of the class is labeled.
        strongest: (n, classes) float64, highest confidence of a box of the class, 0 where there is none.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    part_of_image: NDArray[np.int64]
    has_class: NDArray[np.bool_]
    strongest: NDArray[np.float64]

    @property
    def defective(self) -> NDArray[np.bool_]:
        """(n,) whether a defect is labeled."""
        return np.asarray(self.has_class.any(axis=1), dtype=np.bool_)


def parts_of(predictions: Predictions) -> Parts:
    """Return the parts: images of one group with one `part_id`; an image without is a part of its own."""
    index: dict[tuple[str, str, str], int] = {}
    names: list[str] = []
    groups: list[str] = []
    part_of_image = []
    for image in predictions.images:
        key = _part(image)
        if key not in index:
            index[key] = len(names)
            names.append(image.name)
            groups.append(image.group)
        part_of_image.append(index[key])
    classes = len(predictions.class_names)
    has_class, strongest = np.zeros((len(names), classes), np.bool_), np.zeros((len(names), classes))
    for part, image in zip(part_of_image, predictions.images, strict=True):
        has_class[part, image.truth_class_id] = True
        np.maximum.at(strongest[part], image.class_id, image.confidence.astype(np.float64))
    return Parts(tuple(names), tuple(groups), np.array(part_of_image, dtype=np.int64), has_class, strongest)


def image_verdicts(predictions: Predictions, thresholds: AnyThresholds) -> NDArray[np.int64]:
    """Return (images,) the device's verdict on each image: 0 accept, 1 review, 2 reject."""
    if isinstance(thresholds, ByFold):
        verdict = np.zeros(len(predictions), np.int64)
        for groups, own in thresholds.folds:
            held = [image.group in groups for image in predictions.images]
            images = tuple(compress(predictions.images, held))
            verdict[np.array(held, np.bool_)] = image_verdicts(Predictions(predictions.class_names, images), own)
        return verdict
    policy = Policy({name: ClassPolicy(limits.review_at, limits.reject_at) for name, limits in thresholds.items()})
    lowest = min((limits.review_at for limits in thresholds.values()), default=0.0)
    found = []
    for image in predictions.images:
        counts = image.confidence >= lowest
        detections = Detections(image.xyxy[counts], image.confidence[counts], image.class_id[counts])
        decision = decide(detections, predictions.class_names, policy, image_wh=(image.width, image.height))
        found.append(_ORDER.index(decision.verdict))
    return np.array(found, dtype=np.int64)


def part_verdicts(predictions: Predictions, thresholds: AnyThresholds, parts: Parts | None = None) -> NDArray[np.int64]:
    """Return (parts,) the verdict on each part, the worst of its images: 0 accept, 1 review, 2 reject."""
    parts = parts or parts_of(predictions)
    worst = np.zeros(len(parts.names), np.int64)
    np.maximum.at(worst, parts.part_of_image, image_verdicts(predictions, thresholds))
    return worst


def verdicts(predictions: Predictions, thresholds: AnyThresholds, *, seed: int = 0, rounds: int = ROUNDS) -> Verdicts:
    """Return escapes and overkill of the device's own decision, with intervals over groups."""
    parts = parts_of(predictions)
    verdict, defective = part_verdicts(predictions, thresholds, parts), parts.defective

    def share(hit: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Interval:
        return grouped_share(hit, counted, parts.groups, seed=seed, rounds=rounds)

    return Verdicts(
        int(defective.sum()),
        int((~defective).sum()),
        share(verdict == ACCEPTED, defective),
        share(verdict != ACCEPTED, ~defective),
        share(verdict == REJECTED, ~defective),
    )


def class_recall(
    predictions: Predictions, thresholds: Mapping[str, Thresholds], *, seed: int = 0, rounds: int = ROUNDS
) -> dict[str, Interval]:
    """Return for each class the share of the parts with such a defect that are not accepted."""
    parts = parts_of(predictions)
    stopped = part_verdicts(predictions, thresholds, parts) != ACCEPTED
    return {
        name: grouped_share(stopped, parts.has_class[:, class_id], parts.groups, seed=seed, rounds=rounds)
        for class_id, name in enumerate(predictions.class_names)
    }


def _part(image: Prediction) -> tuple[str, str, str]:
    part = image.slices.get(PART, "")
    return (image.group, part, "") if part else (image.group, "", image.name)


def parts_in(parts: Parts, images: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (n,) which parts one of the chosen images shows."""
    chosen = np.zeros(len(parts.names), np.bool_)
    chosen[parts.part_of_image[np.asarray(images, dtype=np.bool_)]] = True
    return chosen
