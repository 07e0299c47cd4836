"""One label of what several people drew on an image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TypeAlias

from cloud_side.catalog.labels import Box
from cloud_side.labeling.work.matching import candidates

_Drawn: TypeAlias = tuple[int, int]  # number of a person, and of their box
_Cluster: TypeAlias = frozenset[_Drawn]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What people agree on.

    Attributes:
        boxes: None: nothing is on the image.
        confidences: Share of the people who drew each box, in (0, 1].
        disputed: Boxes that were drawn, and that too few drew.
    """

    boxes: tuple[Box, ...]
    confidences: tuple[float, ...]
    disputed: int


def consolidate(drawn: Sequence[Sequence[Box]], least_iou: float) -> Agreed:
    """Return the boxes that more than half of the people drew, each with the median of its corners.

    Where no box has so many, and most did not say that nothing is there either, all boxes are kept: a defect that one
    person saw is no image without defects, and whoever verifies decides.

    Args:
        drawn: The boxes of each person, one person at least; nothing for "no defect".
        least_iou: Overlap from which two people mean the same box.
    """
    clusters = _clusters(drawn, least_iou)
    kept = [cluster for cluster in clusters if 2 * len(cluster) > len(drawn)]
    if not kept and 2 * sum(not boxes for boxes in drawn) <= len(drawn):
        kept = clusters
    boxes = tuple(_middle([drawn[person][number] for person, number in sorted(cluster)]) for cluster in kept)
    shares = tuple(round(len(cluster) / len(drawn), 4) for cluster in kept)
    return Agreed(boxes, shares, len(clusters) - len(kept))


def _clusters(drawn: Sequence[Sequence[Box]], least_iou: float) -> list[_Cluster]:
    """Return what is meant by boxes, in the order of those who drew it first; no person means one thing twice."""
    of: dict[_Drawn, _Cluster] = {
        (person, number): frozenset({(person, number)})
        for person, boxes in enumerate(drawn)
        for number in range(len(boxes))
    }
    for one, other in _pairs(drawn, least_iou):
        joined = of[one] | of[other]
        if len({person for person, _ in joined}) == len(joined):
            of.update(dict.fromkeys(joined, joined))
    return sorted(set(of.values()), key=min)


def _pairs(drawn: Sequence[Sequence[Box]], least_iou: float) -> Iterator[tuple[_Drawn, _Drawn]]:
    """Yield the pairs of boxes of different people that overlap enough, the best first."""
    found = [
        (-pair.iou, (one, pair.first), (other, pair.second))
        for one, other in combinations(range(len(drawn)), 2)
        for pair in candidates(drawn[one], drawn[other], least_iou)
    ]
    for _, first, second in sorted(found):
        yield first, second


def _middle(boxes: Sequence[Box]) -> Box:
    if len(boxes) == 1:
        return boxes[0]
    left, top, right, bottom = (median(box.xyxy[at] for box in boxes) for at in range(4))
    return Box(boxes[0].label, left, top, right - left, bottom - top)
