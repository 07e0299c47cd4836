"""How far people agree, counted in boxes and verdicts: with each other, with the model, with those who verify."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from cloud_side.catalog.labels import Box
from cloud_side.labeling.items import Item, Verdict
from cloud_side.labeling.work.answers import Answer
from cloud_side.labeling.work.matching import matched


@dataclass(frozen=True, slots=True)
class Answered:
    """An item with what people said of it in one round.

    Attributes:
        item: As it was shown to those who labeled; with the model's boxes, if a model drew some.
        labels: Answers of those who labeled.
        verdicts: Answers of those who verified.
        is_first: Whether it is the round that begins with the model's boxes; later ones begin with a person's.
    """

    item: Item
    labels: Sequence[Answer]
    verdicts: Sequence[Answer]
    is_first: bool = True


@dataclass(slots=True)
class Comparison:
    """Boxes of two sides, counted over the images that both looked at.

    Attributes:
        images: How many.
        boxes: Of each side.
        matched: Boxes that both have.
        iou: Sum of their overlaps.
    """

    images: int = 0
    boxes: list[int] = field(default_factory=lambda: [0, 0])
    matched: int = 0
    iou: float = 0.0

    def add(self, first: Sequence[Box], second: Sequence[Box], least_iou: float) -> None:
        """Count one more image."""
        found = matched(first, second, least_iou)
        self.images += 1
        self.boxes = [self.boxes[0] + len(first), self.boxes[1] + len(second)]
        self.matched += len(found)
        self.iou += sum(pair.iou for pair in found)

    def document(self) -> dict[str, Any]:
        """Return it as JSON: the first side as if it were a prediction, the second as if it were the truth."""
        return {
            "images": self.images,
            "boxes": self.boxes,
            "matched": self.matched,
            "precision": _share(self.matched, self.boxes[0]),
            "recall": _share(self.matched, self.boxes[1]),
            "mean_iou": _share(self.iou, self.matched),
        }


def agreement(answered: Iterable[Answered], least_iou: float) -> dict[str, Any]:
    """Return the statistics of a batch as JSON.

    Args:
        answered: Its items, those of each round apart.
        least_iou: Overlap from which two boxes mean the same, in (0, 1].

    Returns:
        `pairs` of people, `models` against each person, and `labelers`: what became of each person's labels. Shares
        of nothing are null.
    """
    pairs: dict[tuple[str, str], Comparison] = {}
    models: dict[tuple[str, str], Comparison] = {}
    verdicts: dict[str, dict[Verdict, int]] = {}
    for each in answered:
        drawn = {answer.person: answer.boxes for answer in each.labels if answer.has_boxes}
        for one, other in combinations(sorted(drawn), 2):
            pairs.setdefault((one, other), Comparison()).add(drawn[one], drawn[other], least_iou)
        if each.is_first and (model := _model_of(each.item)) is not None:
            for person, boxes in drawn.items():
                models.setdefault((model, person), Comparison()).add(each.item.proposal, boxes, least_iou)
        for verdict in [answer.verdict for answer in each.verdicts if answer.verdict is not None]:
            for person in drawn:
                counts = verdicts.setdefault(person, dict.fromkeys(Verdict, 0))
                counts[verdict] += 1
    return {
        "agreement_iou": least_iou,
        "pairs": [{"people": list(names), **found.document()} for names, found in sorted(pairs.items())],
        "models": [
            {"model": model, "person": person, **found.document()} for (model, person), found in sorted(models.items())
        ],
        "labelers": [_labeler(person, counts) for person, counts in sorted(verdicts.items())],
    }


def _model_of(item: Item) -> str | None:
    """Return which model drew the proposal; None where the operator did."""
    return None if None in item.confidences else item.origin.model


def _labeler(person: str, counts: Mapping[Verdict, int]) -> dict[str, Any]:
    return {
        "person": person,
        "accepted": counts[Verdict.ACCEPT],
        "adjusted": counts[Verdict.ADJUST],
        "rejected": counts[Verdict.REJECT],
        "accept_rate": _share(counts[Verdict.ACCEPT], sum(counts.values())),
    }


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
