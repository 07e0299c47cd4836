"""Scores of some of the defects and some of the parts: faint and tiny ones, those of a class, of a station.

Size and contrast belong to a defect; station, line, site and product to an image.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.evaluation.matching import ClassMatches, match
from cloud_side.training.evaluation.scores import class_average_precision
from cloud_side.training.evaluation.verdicts import ACCEPTED, Parts, part_verdicts, parts_in, parts_of
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.geometry import Boxes, area
from edge_inspector.letterbox import Fit, Resize

# Sides of a square of the same area at the scale of the network's input, pixels; contrast in grey levels.
SIZES: Final = (("tiny", 0.0), ("small", 16.0), ("medium", 32.0), ("large", 96.0))
CONTRASTS: Final = (("faint", 0.0), ("low", 20.0), ("clear", 60.0))
OF_IMAGES: Final = ("site", "line", "station", "product")
_MOST_SLICES: Final = 50  # of a kind, those with most images
_RING_SHARE: Final = 0.5  # of the box's sides, on each side of it
_RING_PX: Final = 4
_INSIDE, _AROUND = 98, 90  # percentiles: a scratch covers little of its box, and something else may lie beside it


@dataclass(frozen=True, slots=True)
class Slice:
    """Some defects, or some images.

    Attributes:
        by: What they have in common: `size`, `contrast`, `class`, `station` and so on.
        name: Which.
        images: That show them.
        defects: Labeled boxes.
        recall: Share of these that a box from `review_at` on finds at IoU 0.5; None where there are none.
        ap50: Average precision at IoU 0.5, mean over classes, defects of other slices left out; None where there are
            none.
        defective: Parts with such a defect.
        escapes: Share of these that are accepted; None where there are none.
    """

    by: str
    name: str
    images: int
    defects: int
    recall: float | None
    ap50: float | None
    defective: int
    escapes: float | None


def contrast(picture: NDArray[np.uint8], boxes: Boxes) -> NDArray[np.float64]:
    """Return (n,) how much more the inside of each box differs from its surroundings than these do, in grey levels.

    The surroundings are a ring around the box of half its sides. The inside differs by the 98th percentile of its
    distance from their median, they by the 90th of theirs.

    Args:
        picture: (h, w) grey or (h, w, 3) color; of colors the channel that shows it best.
        boxes: (n, 4) xyxy in pixels.
    """
    channels = picture.reshape(*picture.shape[:2], -1).astype(np.float32)
    return np.array([_contrast(channels, box) for box in boxes], dtype=np.float64)


def _contrast(channels: NDArray[np.float32], box: NDArray[np.float32]) -> float:
    height, width = channels.shape[:2]
    x1, y1, x2, y2 = (int(value) for value in (*np.floor(box[:2]), *np.ceil(box[2:])))
    x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    x2, y2 = min(max(x2, x1 + 1), width), min(max(y2, y1 + 1), height)
    across, down = (max(_RING_PX, round(side * _RING_SHARE)) for side in (x2 - x1, y2 - y1))
    left, top = max(0, x1 - across), max(0, y1 - down)
    around = channels[top : y2 + down, left : x2 + across]
    outside = np.ones(around.shape[:2], np.bool_)
    outside[y1 - top : y2 - top, x1 - left : x2 - left] = False
    if not outside.any():
        return 0.0
    ring, inside = around[outside], channels[y1:y2, x1:x2].reshape(-1, channels.shape[2])
    middle = np.median(ring, axis=0)
    stands_out = np.percentile(np.abs(inside - middle), _INSIDE, axis=0)
    return max(0.0, float((stands_out - np.percentile(np.abs(ring - middle), _AROUND, axis=0)).max()))


def slices(
    predictions: Predictions,
    thresholds: Mapping[str, Thresholds],
    *,
    model_wh: tuple[int, int],
    contrasts: Mapping[str, NDArray[np.float64]],
) -> tuple[Slice, ...]:
    """Return the scores of every slice that has an image.

    Args:
        predictions: All.
        thresholds: By class.
        model_wh: Width and height of the network's input, which defects are measured at.
        contrasts: (n,) of each image's defects, by the image's name; an image that is not there has no contrast slice.
    """
    cut = _Cut(predictions, thresholds)
    found = []
    for by, name, chosen in _of_defects(predictions, model_wh, contrasts):
        found.append(cut.of_defects(by, name, chosen))
    for by in OF_IMAGES:
        values = [image.slices.get(by, "") for image in predictions.images]
        counts = Counter(filter(None, values))
        most = sorted(counts, key=lambda value: (-counts[value], value))[:_MOST_SLICES]
        found += [cut.of_images(by, value, [each == value for each in values]) for value in sorted(most)]
    return tuple(found)


class _Cut:
    """Makes slices of the same predictions; what each box found is looked up once."""

    def __init__(self, predictions: Predictions, thresholds: Mapping[str, Thresholds]) -> None:
        self._images = predictions.images
        self._table = match(predictions)
        self._limits = [thresholds[name].review_at for name in predictions.class_names]
        self._parts: Parts = parts_of(predictions)
        self._accepted = part_verdicts(predictions, thresholds, self._parts) == ACCEPTED

    def of_defects(self, by: str, name: str, chosen: Sequence[NDArray[np.bool_]]) -> Slice:
        """Return a slice of the defects that are chosen in each image."""
        images = np.array([each.any() for each in chosen], dtype=np.bool_)
        parts = parts_in(self._parts, images)
        return self._slice(by, name, images, chosen, parts, everywhere=True)

    def of_images(self, by: str, name: str, images: Sequence[bool]) -> Slice:
        """Return a slice of images with all their defects."""
        kept = np.array(images, dtype=np.bool_)
        chosen = [np.full(len(image.truth_xyxy), keep) for image, keep in zip(self._images, kept, strict=True)]
        return self._slice(by, name, kept, chosen, parts_in(self._parts, kept), everywhere=False)

    def _slice(  # noqa: PLR0913 - what a slice consists of
        self,
        by: str,
        name: str,
        images: NDArray[np.bool_],
        chosen: Sequence[NDArray[np.bool_]],
        parts: NDArray[np.bool_],
        *,
        everywhere: bool,
    ) -> Slice:
        counted = np.ones(len(images), np.bool_) if everywhere else images
        rows = [_restricted(each, chosen, counted) for each in self._table]
        defects = sum(each.defect_image.size for each in rows)
        reached = sum(
            int((each.defect[0, each.confidence >= limit] >= 0).sum())
            for each, limit in zip(rows, self._limits, strict=True)
        )
        place, once = np.zeros(len(images), np.int64), np.ones((1, 1))
        known = [class_average_precision(each, place, once, ious=1)[0, 0] for each in rows if each.defect_image.size]
        defective = parts & self._parts.defective
        many = int(defective.sum())
        return Slice(
            by,
            name,
            int(images.sum()),
            defects,
            reached / defects if defects else None,
            float(np.mean(known)) if known else None,
            many,
            float(self._accepted[defective].mean()) if many else None,
        )


def _restricted(rows: ClassMatches, chosen: Sequence[NDArray[np.bool_]], images: NDArray[np.bool_]) -> ClassMatches:
    """Return the rows of some images, without the defects that were not chosen and the boxes that found those."""
    kept = np.array(
        [chosen[image][place] for image, place in zip(rows.defect_image, rows.defect_place, strict=True)],
        dtype=np.bool_,
    )
    new = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
    first = rows.defect[0]
    boxes = images[rows.image] & ((first < 0) | np.append(kept, True)[first])
    return ClassMatches(
        rows.confidence[boxes],
        rows.image[boxes],
        new[rows.defect[:, boxes]],
        rows.defect_image[kept],
        rows.defect_place[kept],
    )


def _of_defects(
    predictions: Predictions, model_wh: tuple[int, int], contrasts: Mapping[str, NDArray[np.float64]]
) -> Iterator[tuple[str, str, list[NDArray[np.bool_]]]]:
    images = predictions.images
    sides = [_sides(image, model_wh) for image in images]
    seen = [contrasts.get(image.name, np.full(len(image.truth_xyxy), np.nan)) for image in images]
    for by, ranges, values in (("size", SIZES, sides), ("contrast", CONTRASTS, seen)):
        limits = [low for _, low in ranges] + [np.inf]
        for (name, low), high in zip(ranges, limits[1:], strict=True):
            chosen = [(each >= low) & (each < high) for each in values]
            if any(each.any() for each in chosen):
                yield by, name, chosen
    for class_id, name in enumerate(predictions.class_names):
        chosen = [image.truth_class_id == class_id for image in images]
        if any(each.any() for each in chosen):
            yield "class", name, chosen


def _sides(image: Prediction, model_wh: tuple[int, int]) -> NDArray[np.float64]:
    fit = Fit.of((image.width, image.height), model_wh, Resize.LETTERBOX)
    return np.sqrt(area(fit.to_model(image.truth_xyxy))).astype(np.float64)
