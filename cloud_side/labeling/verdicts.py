"""What becomes of an item by what people said: verified next, a label, labeled again, or none of these.

labeled -> accepted | adjusted     a label
        -> rejected                again in the next round, with the reason
        -> unverified              free for another batch
again                              its answer can be used by nobody: as if it were rejected
unlabeled                          free for another batch
unusable                           people say that nobody can label it: no batch takes it again
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never

from cloud_side.catalog.labels import AnnotatorType, Box, Label, Verification
from cloud_side.labeling.items import Item, Verdict
from cloud_side.labeling.output_manifest import (
    Answer,
    Drawn,
    People,
    Unanswered,
    Unreadable,
    Unusable,
    Verified,
)

_NOBODY: Final = People()


class Fate(StrEnum):
    """What became of an item in one round's work."""

    LABELED = "labeled"
    UNLABELED = "unlabeled"
    ACCEPTED = "accepted"
    ADJUSTED = "adjusted"
    REJECTED = "rejected"
    UNVERIFIED = "unverified"
    UNUSABLE = "unusable"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item.

    Attributes:
        sha256: Of its image.
        image: Its address.
        fate: What became of it.
        reason: Why; None where there is nothing to say.
        people: Names of those who said so.
        seconds: That it took each of them.
        boxes: How many they drew or accepted.
        cut: How many of these went beyond the image by little.
    """

    sha256: str
    image: str
    fate: Fate
    reason: str | None = None
    people: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    boxes: int = 0
    cut: int = 0

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "Outcome":
        """Read it."""
        lists = {name: tuple(document[name]) for name in ("people", "seconds")}
        return cls(**{**document, **lists, "fate": Fate(document["fate"])})


def of_label(item: Item, answer: Answer) -> Outcome:
    """Return what becomes of an item that people were asked to label."""
    match answer:
        case Drawn(boxes, cut, people):
            return _outcome(item, Fate.LABELED, None, people, boxes=boxes, cut=cut)
        case _:
            return _without(item, answer, Fate.UNLABELED, Fate.AGAIN)


def of_verification(item: Item, answer: Answer) -> Outcome:
    """Return what becomes of an item that somebody was asked to verify."""
    match answer:
        case Verified(Verdict.ACCEPT, reason, _, people):
            return _outcome(item, Fate.ACCEPTED, reason, people, boxes=item.proposal)
        case Verified(Verdict.ADJUST, reason, Drawn(boxes, cut, _), people):
            return _outcome(item, Fate.ADJUSTED, reason, people, boxes=boxes, cut=cut)
        case Verified(Verdict.REJECT, reason, _, people):
            return _outcome(item, Fate.REJECTED, reason or "rejected without a reason", people)
        case _:
            # Whether the boxes are right nobody has said: to draw them again would be work for nothing.
            return _without(item, answer, Fate.UNVERIFIED, Fate.UNVERIFIED)


def to_verify(item: Item, drawn: Drawn, *, second_person: bool) -> Item:
    """Return an item as it goes to who verifies.

    Args:
        item: As it went to who labeled.
        drawn: The label.
        second_person: Whether who labeled must not verify.
    """
    excluded = drawn.people.names if second_person else ()
    return replace(
        item, proposal=drawn.boxes, confidences=(None,) * len(drawn.boxes), note=None, excluded=tuple(sorted(excluded))
    )


def once_more(item: Item, reason: str, boxes: Sequence[Box] | None) -> Item:
    """Return an item as it goes to people who label it again.

    Args:
        item: As it went to who labeled.
        reason: Why they get it.
        boxes: Those that were rejected; None where the ones that it came with are the best there are.
    """
    if boxes is None:
        return replace(item, note=reason)
    return replace(item, proposal=tuple(boxes), confidences=(None,) * len(boxes), note=reason)


def label_of(item: Item, labeled_by: Sequence[str], verified: Verified, *, job: str, otherwise: datetime) -> Label:
    """Return the label that somebody accepted, or corrected.

    Args:
        item: As it went to who verified.
        labeled_by: Names of those who labeled.
        verified: What was said.
        job: The batch.
        otherwise: The event time where the answer has none.
    """
    boxes = item.proposal if verified.drawn is None else verified.drawn.boxes
    return Label(
        image=item.source_ref,
        sha256=item.sha256,
        width=item.width,
        height=item.height,
        group=item.group,
        class_names=item.class_names,
        boxes=boxes,
        job=job,
        annotator_type=AnnotatorType.HUMAN,
        labeled_by=tuple(sorted(labeled_by)),
        verification=Verification.ACCEPTED if verified.drawn is None else Verification.ADJUSTED,
        verified_by=", ".join(verified.people.names) or None,
        reason=verified.reason,
        event_time=verified.people.at or otherwise,
        origin=item.origin,
    )


def _without(item: Item, answer: Answer, unanswered: Fate, unreadable: Fate) -> Outcome:
    match answer:
        case Unusable(reason, people):
            return _outcome(item, Fate.UNUSABLE, reason, people)
        case Unanswered(reason):
            return _outcome(item, unanswered, reason)
        case Unreadable(reason):
            return _outcome(item, unreadable, reason)
        case Drawn() | Verified():
            return _outcome(item, unreadable, "expected the answer to another question")
        case _:
            assert_never(answer)


def _outcome(  # noqa: PLR0913 - what there is to tell
    item: Item,
    fate: Fate,
    reason: str | None,
    people: People = _NOBODY,
    *,
    boxes: Sequence[Box] = (),
    cut: int = 0,
) -> Outcome:
    return Outcome(item.sha256, item.source_ref, fate, reason, people.names, people.seconds, len(boxes), cut)
