"""Judgement: detections and a policy in, an outcome out.

    Outcome = Decision(verdict: accept | review | reject, reasons) | NoVerdict(cause)

A part without a verdict is never taken for a good one: what is done with it is the policy's fail-safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.geometry import area
from edge_inspector.regions import Region

_INSIDE = 0.5  # a box belongs to a region when at least half of it lies there


class Verdict(StrEnum):
    """What happens to a part."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


class NoVerdictCause(StrEnum):
    """Why a part has no verdict."""

    DEADLINE_MISSED = "deadline_missed"
    QUEUE_OVERFLOW = "queue_overflow"
    INSPECTION_FAILED = "inspection_failed"
    FRAME_DAMAGED = "frame_damaged"
    FRAME_MISSING = "frame_missing"
    PRODUCT_MISMATCH = "product_mismatch"
    NO_MODEL = "no_model"  # frames are gathered for the first data set
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ClassPolicy:
    """Limits of one class.

    Attributes:
        review_at: Score from which a person should look, in [0, 1].
        reject_at: Score from which the part is rejected, at least `review_at`.
        min_area_px: Smaller boxes do not count, in square pixels of the frame.
    """

    review_at: float
    reject_at: float
    min_area_px: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.review_at <= self.reject_at <= 1 or self.min_area_px < 0:
            msg = f"expected 0 <= review_at <= reject_at <= 1 and min_area_px >= 0, found {self}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Policy:
    """What turns detections into a verdict.

    Attributes:
        classes: Limits by label; every class of the model is named.
        roi: Where boxes count; everywhere when None.
        ignore: Where they do not, for example over a fixture.
        fail_safe: What a part with no verdict is treated as.
    """

    classes: Mapping[str, ClassPolicy]
    roi: Region | None = None
    ignore: Region | None = None
    fail_safe: Verdict = Verdict.REJECT


@dataclass(frozen=True, slots=True)
class Reason:
    """One detection that speaks against a part.

    Attributes:
        label: Class of the defect.
        confidence: Its score.
        verdict: What it alone would lead to, review or reject.
        threshold: The score from which it does.
    """

    label: str
    confidence: float
    verdict: Verdict
    threshold: float

    def gravity(self) -> tuple[bool, float]:
        """Return a key that sorts reasons: the gravest first, then the most confident."""
        return self.verdict is not Verdict.REJECT, -self.confidence


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with the reasons for it, the gravest and most confident first; none for an accepted part."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """No judgement could be made.

    Attributes:
        cause: Why, as a counter's name.
        problem: The same in words, where there is more to say.
        treated_as: What is done with the part: the policy's fail-safe.
    """

    cause: NoVerdictCause
    problem: str = ""
    treated_as: Verdict = Verdict.REJECT


Outcome: TypeAlias = Decision | NoVerdict


def decide(
    detections: Detections, class_names: tuple[str, ...], policy: Policy, *, image_wh: tuple[int, int]
) -> Decision:
    """Return the verdict on one frame.

    Args:
        detections: What was found, in frame pixels.
        class_names: Names by class id.
        policy: The thresholds and regions in force; names every class.
        image_wh: Width and height of the frame, for the regions.
    """
    if not len(detections):
        return Decision(Verdict.ACCEPT)
    reasons = []
    counts = in_regions(detections, policy, image_wh=image_wh)
    columns = (counts.tolist(), detections.class_id.tolist(), detections.confidence.tolist(), area(detections.xyxy))
    for it_counts, class_id, confidence, area_px in zip(*columns, strict=True):
        label = class_names[class_id]
        limits = policy.classes[label]
        if not it_counts or confidence < limits.review_at or area_px < limits.min_area_px:
            continue
        if confidence >= limits.reject_at:
            reasons.append(Reason(label, confidence, Verdict.REJECT, limits.reject_at))
        else:
            reasons.append(Reason(label, confidence, Verdict.REVIEW, limits.review_at))
    reasons.sort(key=Reason.gravity)
    return Decision(reasons[0].verdict if reasons else Verdict.ACCEPT, tuple(reasons))


def in_regions(
    detections: Detections, policy: Policy, *, image_wh: tuple[int, int], inside: float = _INSIDE
) -> NDArray[np.bool_]:
    """Return which (n,) detections lie where the policy looks.

    Args:
        detections: What was found, in frame pixels.
        policy: The regions in force.
        image_wh: Width and height of the frame.
        inside: Share of a box that must lie where the policy looks, in (0, 1].
    """
    counts = np.ones(len(detections), dtype=np.bool_)
    if policy.roi is not None:
        counts &= policy.roi.coverage(detections.xyxy, image_wh) >= inside
    if policy.ignore is not None:
        counts &= policy.ignore.coverage(detections.xyxy, image_wh) < 1 - inside
    return counts
