"""Whether there is something new to learn: counted by what the last training knew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cloud_side.catalog.candidates import Filter
from cloud_side.catalog.labels import Label, Verification
from cloud_side.training.triggers.asking import Asked
from cloud_side.training.triggers.settings import TrainingSettings, Trigger


@dataclass(frozen=True, slots=True)
class Known:
    """What the last training knew.

    Attributes:
        labeled_at: When each image of its dataset version was labeled, by the image's sha256; aware.
        made_at: When the version was made; aware.
        left_out: Images that the version could not use, by sha256.
    """

    labeled_at: Mapping[str, datetime]
    made_at: datetime
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to go on, and why, for people."""

    go: bool
    why: str


def wanted_labels(settings: TrainingSettings) -> Filter:
    """Return which labels a new version is made of."""
    return Filter(settings.site, settings.line, settings.product)


def count_new(labels: Iterable[Label], known: Known | None, wanted: Filter) -> int:
    """Return how many labels that somebody accepted the last training did not know.

    Args:
        labels: One an image.
        known: None where nothing was trained yet.
        wanted: Others do not count.
    """
    return sum(
        label.verification is not Verification.UNVERIFIED and wanted.refuse(label) is None and _is_new(label, known)
        for label in labels
    )


def decide(asked: Asked, settings: TrainingSettings, new_labels: int | None) -> Decision:
    """Return whether a model is to be trained.

    Args:
        asked: By whom, and why.
        settings: Of training.
        new_labels: None where they were not counted: for a person who asks.
    """
    if asked.kind is Trigger.HAND:
        return Decision(go=True, why=f"{asked.who or 'a person'} asks for it")
    if asked.kind not in settings.triggers:
        return Decision(go=False, why=f"the settings switch {asked.kind.value!r} off")
    count, least = new_labels or 0, _least(asked.kind, settings)
    told = f"{count} new label{'' if count == 1 else 's'} since the last training"
    if count < least:
        return Decision(go=False, why=f"{told}, {least} are needed")
    return Decision(go=True, why=told)


def _least(kind: Trigger, settings: TrainingSettings) -> int:
    return {Trigger.LABELS: settings.least_new_labels, Trigger.DRIFT: settings.least_after_drift}.get(kind, 1)


def _is_new(label: Label, known: Known | None) -> bool:
    if known is None:
        return True
    before = known.labeled_at.get(label.sha256)
    if before is not None:
        return label.event_time > before
    return label.sha256 not in known.left_out or label.event_time > known.made_at
