"""How far two forms of one model are apart in what they find: weights and ONNX file, float and INT8."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.predictions import Predictions
from edge_inspector.geometry import iou

LEAST_CONFIDENCE: Final = 0.05
_SAME_BOX: Final = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """Differences of two forms of a model on the same images.

    Attributes:
        images: Looked at.
        detections: Boxes compared.
        unmatched: Boxes that only one of them has.
        confidence: Greatest difference of a score, in [0, 1].
        confidence_mean: Mean difference.
        box_px: Greatest difference of a side, in pixels.
        box_px_mean: Mean difference.
    """

    images: int
    detections: int
    unmatched: int
    confidence: float
    confidence_mean: float
    box_px: float
    box_px_mean: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def agreement_of_outputs(first: NDArray[np.float32], second: NDArray[np.float32]) -> Agreement:
    """Compare two raw outputs cell by cell: exact, where both forms have the same cells.

    Args:
        first: (images, cells, 4 + n_classes) float32: xyxy in model-input pixels, then scores.
        second: The same of the other form. Cells count where either has a score of 0.05 or more.
    """
    counts = np.maximum(first[..., 4:], second[..., 4:]).max(axis=-1) >= LEAST_CONFIDENCE
    apart = np.abs(first[counts].astype(np.float64) - second[counts])
    return _agreement(len(first), apart[:, 4:].max(axis=1), apart[:, :4].max(axis=1), unmatched=0)


def agreement_of_predictions(first: Predictions, second: Predictions) -> Agreement:
    """Compare what is left after suppression: boxes of one class that overlap by half are the same.

    Args:
        first: On some images.
        second: On the same, in the same order. Boxes count where either of the two has a score of 0.05 or more.
    """
    scores: list[float] = []
    sides: list[float] = []
    unmatched = 0
    for one, other in zip(first.images, second.images, strict=True):
        overlap = iou(one.xyxy, other.xyxy)
        overlap[one.class_id[:, None] != other.class_id[None, :]] = 0
        free = np.ones(len(other.xyxy), dtype=np.bool_)
        for index, confidence in enumerate(one.confidence.tolist()):
            row = np.where(free, overlap[index], 0)
            if not row.size or row.max() < _SAME_BOX:
                unmatched += confidence >= LEAST_CONFIDENCE
                continue
            same = int(row.argmax())
            free[same] = False
            if max(confidence, other.confidence[same]) >= LEAST_CONFIDENCE:
                scores.append(abs(confidence - float(other.confidence[same])))
                sides.append(float(np.abs(one.xyxy[index] - other.xyxy[same]).max()))
        unmatched += int((free & (other.confidence >= LEAST_CONFIDENCE)).sum())
    return _agreement(len(first), np.array(scores), np.array(sides), unmatched=unmatched)


def _agreement(images: int, scores: NDArray[np.float64], sides: NDArray[np.float64], *, unmatched: int) -> Agreement:
    return Agreement(
        images=images,
        detections=scores.size,
        unmatched=unmatched,
        confidence=round(float(scores.max(initial=0.0)), 6),
        confidence_mean=round(float(scores.mean()), 6) if scores.size else 0.0,
        box_px=round(float(sides.max(initial=0.0)), 4),
        box_px_mean=round(float(sides.mean()), 4) if sides.size else 0.0,
    )
