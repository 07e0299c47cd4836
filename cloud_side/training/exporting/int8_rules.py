"""Whether the INT8 file goes to the devices: where it finds as much as the float one, and really takes less time."""

import math
from dataclasses import dataclass
from enum import StrEnum

from cloud_side.training.evaluation.bootstrap import Interval


class Wish(StrEnum):
    """What was asked for."""

    AUTO = "auto"  # if it is good enough
    NEVER = "never"
    REQUIRED = "required"  # a run whose INT8 file is not good enough fails


@dataclass(frozen=True, slots=True)
class Int8Limits:
    """What INT8 may cost, and what it must be worth.

    Attributes:
        map50_drop: How far mAP50 may fall, in [0, 1].
        speed_ratio: Highest ratio of its time to the float file's, on the way that a frame takes on the device.
        score: Mean difference of a score: thresholds were chosen for the float file's.
    """

    map50_drop: float = 0.01
    speed_ratio: float = 0.9
    score: float = 0.05


@dataclass(frozen=True, slots=True)
class Int8Evidence:
    """What was measured on images that the models had not seen.

    Attributes:
        map50_float: Of the float files.
        map50_int8: Of the INT8 files, on the same images.
        escapes: By how much the share of escapes rises from float to INT8 at the chosen thresholds, over the same draws
            of groups.
        speed_ratio: Time of INT8 over that of float.
        score: Mean difference of the scores of the same boxes.
    """

    map50_float: float
    map50_int8: float
    escapes: Interval
    speed_ratio: float
    score: float


def reasons_against(evidence: Int8Evidence, limits: Int8Limits) -> tuple[str, ...]:
    """Return every reason to leave the INT8 file out, in words; none where it is kept. A missing number is a reason."""
    drop, rise = evidence.map50_float - evidence.map50_int8, evidence.escapes
    # Differences of two rounded numbers: a hair above the limit is the limit.
    reasons = (
        _reason(
            drop,
            limits.map50_drop + 1e-9,
            f"mAP50 falls from {evidence.map50_float:.3f} to {evidence.map50_int8:.3f}, "
            f"by more than the {limits.map50_drop:g} that is allowed",
            unknown="no mAP50 could be measured: nothing tested has a defect",
        ),
        _reason(
            rise.low,
            0,
            f"the share of defective parts that are accepted rises by {rise.value:.1%} "
            f"({rise.low:.1%} to {rise.high:.1%}), which is more than chance",
            unknown="nobody knows whether more defective parts are accepted: none was tested",
        ),
        _reason(
            evidence.speed_ratio,
            limits.speed_ratio,
            f"a frame takes {evidence.speed_ratio:.2f} times as long as in float, "
            f"and is only worth a second file at {limits.speed_ratio:g} or less",
            unknown="the time of a frame was not measured",
        ),
        _reason(
            evidence.score,
            limits.score,
            f"scores differ from those of the float file by {evidence.score:.3f} on average, "
            f"by more than the {limits.score:g} that is allowed",
            unknown="no score could be compared: the two files find nothing in common",
        ),
    )
    return tuple(reason for reason in reasons if reason)


def _reason(found: float, most: float, failing: str, *, unknown: str) -> str:
    if math.isnan(found):
        return unknown
    return "" if found <= most else failing


def told(evidence: Int8Evidence, reasons: tuple[str, ...]) -> str:
    """Return the decision as a sentence."""
    if reasons:
        return f"INT8 is left out: {'; '.join(reasons)}"
    return (
        f"INT8 is kept: mAP50 {evidence.map50_int8:.3f} beside {evidence.map50_float:.3f} in float, "
        f"{evidence.speed_ratio:.2f} times the time of a frame, and no more escapes than chance explains"
    )
