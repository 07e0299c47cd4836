"""What the gate judges by, as values: a number that could not be found is NaN, which no limit lets pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cloud_side.training.evaluation.bootstrap import Interval

UNKNOWN: Final = float("nan")
UNKNOWN_INTERVAL: Final = Interval(UNKNOWN, UNKNOWN, UNKNOWN)


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class.

    Attributes:
        boxes: Labeled defects.
        ap50: Average precision at IoU 0.5.
        part_recall: Share of the parts with such a defect that are not accepted.
    """

    boxes: int
    ap50: float
    part_recall: float


@dataclass(frozen=True, slots=True)
class Scores:
    """One model on the tested images.

    Attributes:
        map50: Mean average precision at IoU 0.5.
        map50_95: The same over IoU 0.5 to 0.95.
        escapes: Share of the defective parts that are accepted; its upper end is never below what a test of as many
            groups without any escape leaves possible.
        overkill: Share of the good parts that are not accepted; where these are few, the surroundings of defects count
            as good parts too.
        cost: Of a part, as the costs of the evaluation say it.
        latency_ms: Median of a frame.
        classes: By name.
    """

    map50: Interval
    map50_95: Interval
    escapes: Interval
    overkill: Interval
    cost: float
    latency_ms: float
    classes: Mapping[str, ClassScores]


@dataclass(frozen=True, slots=True)
class Tested:
    """What was tested on.

    Attributes:
        dataset: Name of the data set.
        version: Of it.
        images: How many.
        groups: How many.
        defective: Parts with a defect.
        clean: Parts without.
        seen: Why the model may have seen them; None where it surely has not.
    """

    dataset: str
    version: str
    images: int
    groups: int
    defective: int
    clean: int
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Leaks:
    """What the training data could know of the test.

    Attributes:
        version: Of the data set that was looked at.
        groups: That lie in two splits.
        near_duplicates: Pairs of images in two splits.
        accepted: The same, of which somebody said that they show different parts.
    """

    version: str
    groups: tuple[str, ...] = ()
    near_duplicates: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two forms of one model are apart.

    Attributes:
        score: Greatest difference of a score.
        box_px: Greatest difference of a side.
    """

    score: float = UNKNOWN
    box_px: float = UNKNOWN


@dataclass(frozen=True, slots=True)
class Quantized:
    """The INT8 file.

    Attributes:
        is_kept: Whether the package has it.
        reason: Why, or why not.
        map50_loss: By the INT8 file, on the tested images.
        escapes: Of the INT8 file, on the same, at the thresholds of the float file.
        speed_ratio: Of its time to the float file's.
        score_mean: Mean difference of a score from the float file's.
    """

    is_kept: bool
    reason: str
    map50_loss: float = UNKNOWN
    escapes: float = UNKNOWN
    speed_ratio: float = UNKNOWN
    score_mean: float = UNKNOWN


@dataclass(frozen=True, slots=True)
class Champion:
    """The approved model, which the candidate would replace.

    Attributes:
        title: Name and version.
        trained_on: Version of the data set that it learned from; None where unknown.
        problem: Why the two cannot be compared; None where they can.
        scores: On the images of the candidate; None where there are none.
        missing: Classes of the data that it does not know: images with such defects are left out of the differences.
        map50: Candidate's less the champion's, resampled together.
        escapes: The same.
        cost: The same.
    """

    title: str
    trained_on: str | None = None
    problem: str | None = None
    scores: Scores | None = None
    missing: tuple[str, ...] = ()
    map50: Interval = UNKNOWN_INTERVAL
    escapes: Interval = UNKNOWN_INTERVAL
    cost: Interval = UNKNOWN_INTERVAL


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it.

    Attributes:
        title: Name and version of the candidate.
        trained_on: Version of the data set that it learned from.
        tested: The images.
        leaks: Of the data set.
        scores: The candidate's.
        parity: Of the exported file with the trained weights.
        quantized: The INT8 file.
        champion: None where no model was approved yet.
        recount: Greatest difference between a reported mAP50 or share of escapes and the one counted again from the
            predictions.
    """

    title: str
    trained_on: str
    tested: Tested
    leaks: Leaks
    scores: Scores
    parity: Parity = field(default_factory=Parity)
    quantized: Quantized = field(default_factory=lambda: Quantized(is_kept=False, reason="was not tried"))
    champion: Champion | None = None
    recount: float = UNKNOWN
