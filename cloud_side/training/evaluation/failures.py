"""The worst mistakes of a model, and pictures of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_side.training.evaluation.matching import overlaps
from cloud_side.training.evaluation.verdicts import ACCEPTED, part_verdicts, parts_of
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.drawing import draw_detections

OF_A_KIND: Final = 8
MOST_BYTES: Final = 3_500_000  # of all pictures: a page of 5 MB
_LEAST_OVERLAP, _ENOUGH_OVERLAP = 0.1, 0.5
_WIDEST_PX: Final = 720
_QUALITY: Final = 80
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


class Kind(StrEnum):
    """What went wrong."""

    ESCAPE = "escape"  # a defective part is accepted
    OVERKILL = "overkill"  # a clean part is not
    LOOSE = "loose"  # a box beside its defect


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A mistake on an image.

    Attributes:
        kind: Which mistake.
        image: The image, with truth and detections.
        measured: Highest score for an escape or overkill, the overlap for a loose box.
    """

    kind: Kind
    image: Prediction
    measured: float


def failures(predictions: Predictions, thresholds: Mapping[str, Thresholds]) -> list[Failure]:
    """Return at most eight mistakes of each kind, the worst first.

    Worst are escapes with the lowest scores, overkill with the highest, and boxes that miss their defect most.
    """
    parts = parts_of(predictions)
    accepted = part_verdicts(predictions, thresholds, parts) == ACCEPTED
    escapes, overkill, loose = [], [], []
    for image, part in zip(predictions.images, parts.part_of_image, strict=True):
        score = float(image.confidence.max(initial=0.0))
        if image.is_defective and accepted[part]:
            escapes.append(Failure(Kind.ESCAPE, image, score))
        elif not parts.defective[part] and not accepted[part]:
            overkill.append(Failure(Kind.OVERKILL, image, score))
        if (overlap := _loosest(image, predictions.class_names, thresholds)) is not None:
            loose.append(Failure(Kind.LOOSE, image, overlap))
    worst_first = (
        sorted(escapes, key=lambda each: (each.measured, each.image.name)),
        sorted(overkill, key=lambda each: (-each.measured, each.image.name)),
        sorted(loose, key=lambda each: (each.measured, each.image.name)),
    )
    return [failure for kind in worst_first for failure in kind[:OF_A_KIND]]


def _loosest(image: Prediction, class_names: tuple[str, ...], thresholds: Mapping[str, Thresholds]) -> float | None:
    """Return the overlap of the loosest box that lies on a defect of its class, and on none well enough."""
    limits = np.array([thresholds[name].review_at for name in class_names])
    counts = image.confidence >= limits[image.class_id]
    if not counts.any() or not image.is_defective:
        return None
    overlap = overlaps(image.xyxy[counts], image.truth_xyxy)
    overlap[image.class_id[counts][:, None] != image.truth_class_id[None, :]] = 0
    best = overlap.max(axis=1)
    loose = best[(best >= _LEAST_OVERLAP) & (best < _ENOUGH_OVERLAP)]
    return float(loose.min()) if loose.size else None


def picture_of(
    image: Prediction, pixels: NDArray[np.uint8], class_names: tuple[str, ...], thresholds: Mapping[str, Thresholds]
) -> bytes:
    """Return a JPEG: labeled defects in white with a black edge, boxes in color with their scores.

    Boxes below `review_at` are drawn only where none reaches it: then the strongest.
    """
    limits = np.array([thresholds[name].review_at for name in class_names])
    shown = image.confidence >= limits[image.class_id]
    if not shown.any():
        shown[:1] = True
    scale = min(1.0, _WIDEST_PX / max(image.width, image.height))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels, np.uint8)
    found = Detections(image.xyxy[shown] * np.float32(scale), image.confidence[shown], image.class_id[shown])
    canvas = draw_detections(small, found, class_names)
    for box in image.truth_xyxy * np.float32(scale):
        (x1, y1), (x2, y2) = np.floor(box[:2]).astype(int).tolist(), np.ceil(box[2:]).astype(int).tolist()
        cv2.rectangle(canvas, (x1 - 1, y1 - 1), (x2, y2), _BLACK, 3)
        cv2.rectangle(canvas, (x1 - 1, y1 - 1), (x2, y2), _WHITE, 1)
    _, encoded = cv2.imencode(".jpg", canvas, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return encoded.tobytes()


def pictures(
    found: list[Failure],
    read: Callable[[Prediction], NDArray[np.uint8]],
    class_names: tuple[str, ...],
    thresholds: Mapping[str, Thresholds],
) -> list[tuple[Failure, bytes]]:
    """Return each mistake with its picture, as long as all pictures together stay within 3.5 MB.

    Args:
        found: Mistakes.
        read: Returns the pixels of an image: (h, w) grey or (h, w, 3) BGR.
        class_names: Order = class id.
        thresholds: By class.
    """
    drawn, total = [], 0
    for failure in found:
        picture = picture_of(failure.image, read(failure.image), class_names, thresholds)
        total += len(picture)
        if total > MOST_BYTES:
            break
        drawn.append((failure, picture))
    return drawn
