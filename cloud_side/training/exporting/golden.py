"""Golden images: what a package must find on a device before it may inspect there.

A package of two files has one promise for both. So an image is only taken where they agree, what is promised is the
middle between them, and what is tolerated reaches beyond both.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import (
    Golden,
    GoldenDetection,
    ModelPackage,
    Tolerances,
    write_manifest,
)
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.geometry import iou

GOLDEN_IMAGES: Final = 3
CANDIDATES: Final = 60
# Another processor rounds differently; a score this near the threshold could fall on its other side. Where weak boxes
# count, almost every image has one near it: there less must do.
_WIDEST_GAP: Final = 0.05
_NARROWEST_GAP: Final = 0.005
_ANY_SCORE: Final = 0.001
# Farther apart than this, and one promise would no longer say much of either file.
_FARTHEST: Final = Tolerances(confidence=0.06, xyxy_px=6.0)
_ROUNDING: Final = Tolerances()


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """An image that may become golden.

    Attributes:
        image: (h, w) or (h, w, 3) BGR uint8.
        is_defective: Whether a defect is labeled.
    """

    image: NDArray[np.uint8]
    is_defective: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Promise:
    image: NDArray[np.uint8]
    is_defective: bool
    detections: tuple[GoldenDetection, ...]
    tolerances: Tolerances


def add_golden(package: ModelPackage, candidates: Iterable[Candidate], *, count: int = GOLDEN_IMAGES) -> ModelPackage:
    """Write golden images into a package that has none yet, and return it, opened again.

    Args:
        package: With its thresholds.
        candidates: Images that may leave with the package; looked at until there are enough of each kind.
        count: Images wanted: some with detections, and one without a defect if there is one. Fewer are written, or
            none, where the scores of others are too near a threshold, or the files of the package differ on them.

    Raises:
        ModelError: If a file of the package cannot be run.
        OSError: If an image cannot be written.
    """
    golden = []
    for number, promise in enumerate(_chosen(_promises(package, candidates), count)):
        path = package.folder / f"golden-{number}.png"
        if not cv2.imwrite(str(path), promise.image):
            msg = f"{path}: could not be written"
            raise OSError(msg)
        golden.append(Golden(image=path.name, detections=promise.detections, tolerances=promise.tolerances))
    write_manifest(package.folder, package.manifest.model_copy(update={"golden": tuple(golden)}))
    return ModelPackage.open(package.folder)


def _promises(package: ModelPackage, candidates: Iterable[Candidate]) -> Iterator[_Promise]:
    files = package.manifest.files
    limits = [min(each.review_at for each in package.thresholds(file).values()) for file in files]
    with ExitStack() as stack:
        detectors = [stack.enter_context(OnnxDetector(package, file, min_confidence=_ANY_SCORE)) for file in files]
        for candidate in candidates:
            found = [detector.run(candidate.image).detections for detector in detectors]
            if promise := _promise(candidate, found, limits, package.manifest.class_names):
                yield promise


def _promise(
    candidate: Candidate, found: Sequence[Detections], limits: Sequence[float], class_names: Sequence[str]
) -> _Promise | None:
    """Return what all files hold to on an image; None where one is near its threshold, or they differ."""
    pairs = list(zip(found, limits, strict=True))
    if any((abs(each.confidence - limit) < _gap(limit)).any() for each, limit in pairs):
        return None
    first, *others = [each.take(each.confidence >= limit) for each, limit in pairs]
    low, high = _columns(first), _columns(first)
    for other in others:
        order = _partners(first, other)
        if order is None:
            return None
        matched = _columns(other.take(order))
        low, high = np.minimum(low, matched), np.maximum(high, matched)
    spread = ((high - low) / 2).max(axis=0, initial=0.0)
    tolerances = Tolerances(
        confidence=round(float(spread[0]) + _ROUNDING.confidence, 4),
        xyxy_px=round(float(spread[1:].max()) + _ROUNDING.xyxy_px, 2),
    )
    if tolerances.confidence > _FARTHEST.confidence or tolerances.xyxy_px > _FARTHEST.xyxy_px:
        return None
    detections = _golden((low + high) / 2, [class_names[int(index)] for index in first.class_id])
    return _Promise(candidate.image, candidate.is_defective, detections, tolerances)


def _gap(limit: float) -> float:
    return min(_WIDEST_GAP, max(_NARROWEST_GAP, limit / 2))


def _columns(detections: Detections) -> NDArray[np.float64]:
    """Return (n, 5): confidence, then the box."""
    return np.column_stack((detections.confidence, detections.xyxy)).astype(np.float64)


def _partners(first: Detections, other: Detections) -> NDArray[np.int64] | None:
    """Return which detection of the other is the same as each of the first; None where they are not the same ones."""
    if len(first) != len(other):
        return None
    if not len(first):
        return np.empty(0, dtype=np.int64)
    overlap = iou(first.xyxy, other.xyxy)
    overlap[first.class_id[:, None] != other.class_id[None, :]] = 0
    order = overlap.argmax(axis=1)
    is_same = len(set(order.tolist())) == len(order) and bool((overlap.max(axis=1) > 0).all())
    return order if is_same else None


def _chosen(promises: Iterator[_Promise], count: int) -> list[_Promise]:
    """Return some with detections, and one clean if there is one, as soon as there are enough."""
    hits: list[_Promise] = []
    clean: list[_Promise] = []
    rest: list[_Promise] = []
    for promise in promises:
        kind = rest
        if promise.is_defective and promise.detections:
            kind = hits
        elif not promise.is_defective and not promise.detections:
            kind = clean
        kind.append(promise)
        if len(hits) >= count - 1 and clean and len(hits) + len(clean) >= count:
            break
    return [*hits[: count - 1], *clean[:1], *hits[count - 1 :], *rest, *clean[1:]][:count]


def _golden(rows: NDArray[np.float64], labels: Sequence[str]) -> tuple[GoldenDetection, ...]:
    return tuple(
        GoldenDetection(label=label, confidence=round(row[0], 4), xyxy=_rounded(row[1:]))
        for label, row in zip(labels, rows.tolist(), strict=True)
    )


def _rounded(box: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(side, 2) for side in box)
    return x1, y1, x2, y2
