"""What the index gives back, and what can be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edge_inspector.dispositions import Disposition, DrawnBox
from edge_inspector.inspection import ModelIdentity


@dataclass(frozen=True, slots=True)
class FoundBox:
    """A detection as its event tells it.

    Attributes:
        label: Class.
        confidence: Score.
        xyxy: Corners in pixels of the frame.
        part_frame: Which frame of the part it is on.
    """

    label: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    part_frame: int


@dataclass(frozen=True, slots=True)
class FoundReason:
    """A reason for a verdict as its event tells it."""

    label: str
    confidence: float
    verdict: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said of a result: one `disposition.recorded`."""

    disposition: Disposition
    by: str
    at: datetime
    note: str | None
    boxes: tuple[DrawnBox, ...]


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One part, or one defect of a free-running source.

    Attributes:
        seq: Number of its newest event in the journal.
        inspection_id: ULID; of a defect that is followed that of the frame which showed it first.
        captured_at: Aware UTC.
        part_id, lot, product: As in its event.
        outcome: `accept`, `review`, `reject` or `no_verdict`.
        cause, treated_as: Of one without a verdict.
        reasons: The gravest first.
        boxes: The most confident first.
        boxes_total: How many there were; the event has only the strongest.
        image_wh: Width and height of its frames; None where none is known.
        frames: How many frames the part had.
        track_id, phase: Of a defect that is followed: which, and whether it is new, has got worse (update), or is gone
            (end).
        sample_key: Of its sample, where one was kept.
        model: Which model gave it.
        latency_ms: From capture to outcome; None where it is not known.
        is_audit: An accepted part that was drawn by chance to measure escapes, and of which the budget kept a sample.
        said: What counts of what people said; None where nothing does.
    """

    seq: int
    inspection_id: str
    captured_at: datetime
    part_id: str | None
    lot: str | None
    product: str | None
    outcome: str
    cause: str | None
    treated_as: str | None
    reasons: tuple[FoundReason, ...]
    boxes: tuple[FoundBox, ...]
    boxes_total: int
    image_wh: tuple[int, int] | None
    frames: int
    track_id: str | None
    phase: str | None
    sample_key: str | None
    model: ModelIdentity
    latency_ms: float | None
    is_audit: bool
    said: Said | None

    @property
    def key(self) -> str:
        """What tells it from all others: several defects that are followed may begin on one frame."""
        return self.track_id or self.inspection_id


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """Which results are wanted; what is None, or empty, does not matter.

    Attributes:
        outcomes: Any of these.
        label: At least one detection that counts, or was drawn, of this class.
        lot, product: As in the event.
        part: Part id begins so.
        since, until: Captured in [since, until), aware UTC.
        is_judged: Whether a person's word counts of it.
        disposition: What was said.
        is_audit: Whether it was drawn for the audit.
    """

    outcomes: Sequence[str] = ()
    label: str | None = None
    lot: str | None = None
    product: str | None = None
    part: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_judged: bool | None = None
    disposition: Disposition | None = None
    is_audit: bool | None = None


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Some results, the newest first.

    Attributes:
        rows: They.
        next: Where the next ones begin; None at the end.
    """

    rows: tuple[ResultRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class PartName:
    """By what a part is known.

    Attributes:
        inspection_id: Of its result.
        captured_at: Aware UTC.
    """

    inspection_id: str
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many parts, or published frames of a free-running source, had which outcome.

    Attributes:
        accept, review, reject, no_verdict: By outcome.
        defects: Alerts: parts that were not accepted, and defects that began to be followed.
    """

    accept: int = 0
    review: int = 0
    reject: int = 0
    no_verdict: int = 0
    defects: int = 0

    @property
    def parts(self) -> int:
        """All of them."""
        return self.accept + self.review + self.reject + self.no_verdict

    def __add__(self, other: "Counts") -> "Counts":
        """Return both together."""
        return Counts(
            self.accept + other.accept,
            self.review + other.review,
            self.reject + other.reject,
            self.no_verdict + other.no_verdict,
            self.defects + other.defects,
        )


@dataclass(frozen=True, slots=True)
class Choices:
    """What filters can be set to, the latest first.

    Attributes:
        labels: Classes of defects.
        lots: Batches.
        products: Products.
    """

    labels: tuple[str, ...]
    lots: tuple[str, ...]
    products: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexState:
    """How the index is.

    Attributes:
        indexed: Rows.
        behind: Numbers of the journal that it has still to look at, about.
        problem: Why it cannot keep them on disk, in words; None when all is well.
    """

    indexed: int
    behind: int
    problem: str | None
