"""What a batch came to: what became of each image it took, who did what, and how good the pre-labels were.

Every image that was taken ends in exactly one way:

    labeled        its label is in the store            no batch takes these four again
    quarantined    nobody could have labeled it
    unusable       people say that nobody can
    given_up       rejected in the last round
    not_stored     its label was accepted, and is not    held by this batch, until somebody has it stored
                   in the store
    unlabeled      nobody labeled it in time            these three are free for another batch
    unverified     nobody verified it in time
    failed         a step did not come to its end
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, assert_never

from cloud_side.catalog.labels import Label
from cloud_side.labeling.verdicts import Fate, Outcome


class End(StrEnum):
    """What became of an image."""

    LABELED = "labeled"
    QUARANTINED = "quarantined"
    UNUSABLE = "unusable"
    GIVEN_UP = "given_up"
    NOT_STORED = "not_stored"
    UNLABELED = "unlabeled"
    UNVERIFIED = "unverified"
    FAILED = "failed"


SETTLING: Final = frozenset({End.LABELED, End.QUARANTINED, End.UNUSABLE, End.GIVEN_UP})


def end_of(fate: Fate, *, is_last: bool) -> End:
    """Return how an image ends of which nothing more is known than what one round made of it.

    Args:
        fate: What became of it there.
        is_last: Whether no round follows.
    """
    match fate:
        case Fate.UNUSABLE:
            return End.UNUSABLE
        case Fate.LABELED | Fate.UNVERIFIED:
            return End.UNVERIFIED
        case Fate.ACCEPTED | Fate.ADJUSTED:
            return End.NOT_STORED  # until a receipt says that it is
        case Fate.REJECTED:
            return End.GIVEN_UP if is_last else End.UNLABELED
        case Fate.AGAIN:
            return End.FAILED if is_last else End.UNLABELED
        case Fate.UNLABELED:
            return End.UNLABELED
        case _:
            assert_never(fate)


@dataclass
class Person:
    """What one person did.

    Attributes:
        labeled: Images that they labeled.
        seconds: That it took them, as the page counted it.
        accepted, adjusted, rejected: What others said of these labels.
        verified: Images that they verified.
    """

    labeled: int = 0
    seconds: float = 0.0
    accepted: int = 0
    adjusted: int = 0
    rejected: int = 0
    verified: int = 0


@dataclass
class Tally:
    """Counts of a batch; told of everything in the order in which it happened.

    Attributes:
        rounds: As the settings have it.
        ends: Of each image, by its hash.
        quarantined, unusable, rejected: How many, by reason.
        people: By name.
        classes: Boxes of labels by class.
        verdicts: Labels by verification.
        no_defect: Labels without a box.
        cut: Boxes that people drew beyond the image by little.
    """

    rounds: int
    ends: dict[str, End] = field(default_factory=dict)
    quarantined: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    people: dict[str, Person] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    no_defect: int = 0
    cut: int = 0

    def take(self, hashes: Iterable[str]) -> None:
        """Be told what was taken."""
        self.ends.update(dict.fromkeys(hashes, End.FAILED))

    def prepare(self, hashes: Iterable[str]) -> None:
        """Be told what could be labeled."""
        self.ends.update(dict.fromkeys(hashes, End.UNLABELED))

    def quarantine(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Be told what could not."""
        for row in rows:
            self.ends[row["sha256"]] = End.QUARANTINED
            self.quarantined[row["reason"]] += 1

    def work(self, number: int, labeled: Iterable[Outcome], verified: Iterable[Outcome]) -> None:
        """Be told what became of one round's items."""
        authors: dict[str, Sequence[str]] = {}
        for outcome in labeled:
            self._note(number, outcome)
            authors[outcome.sha256] = outcome.people
            if outcome.fate is Fate.LABELED:
                self._label(outcome)
        for outcome in verified:
            self._note(number, outcome)
            self._verify(outcome, authors.get(outcome.sha256, ()))

    def store(self, hashes: Collection[str], labels: Iterable[Label]) -> Iterator[Label]:
        """Be told what is in the store; yields its labels.

        Args:
            hashes: Of the images of which there is a receipt.
            labels: That were accepted.
        """
        for label in labels:
            if label.sha256 in hashes:
                self.ends[label.sha256] = End.LABELED
                self.verdicts[label.verification] += 1
                self.classes.update(box.label for box in label.boxes)
                self.no_defect += not label.boxes
                yield label

    def count(self, end: End) -> int:
        """Return how many images ended so."""
        return sum(found is end for found in self.ends.values())

    def settled(self) -> frozenset[str]:
        """Return the hashes of images that no batch takes again."""
        return self._ended(SETTLING)

    def held(self) -> frozenset[str]:
        """Return the hashes of images that the batch does not let go yet."""
        return self._ended({End.NOT_STORED})

    def _ended(self, ends: Collection[End]) -> frozenset[str]:
        return frozenset(sha256 for sha256, end in self.ends.items() if end in ends)

    def _note(self, number: int, outcome: Outcome) -> None:
        self.ends[outcome.sha256] = end_of(outcome.fate, is_last=number >= self.rounds)
        self.cut += outcome.cut
        if outcome.fate is Fate.UNUSABLE:
            self.unusable[str(outcome.reason)] += 1
        if outcome.fate is Fate.REJECTED:
            self.rejected[str(outcome.reason)] += 1

    def _label(self, outcome: Outcome) -> None:
        for place, name in enumerate(outcome.people):
            person = self.people.setdefault(name, Person())
            person.labeled += 1
            person.seconds += outcome.seconds[place] if place < len(outcome.seconds) else 0.0

    def _verify(self, outcome: Outcome, authors: Sequence[str]) -> None:
        if outcome.fate in {Fate.ACCEPTED, Fate.ADJUSTED, Fate.REJECTED}:
            for name in outcome.people:
                self.people.setdefault(name, Person()).verified += 1
            for name in authors:
                person = self.people.setdefault(name, Person())
                setattr(person, outcome.fate, getattr(person, outcome.fate) + 1)
