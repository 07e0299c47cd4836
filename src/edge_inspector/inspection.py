"""InspectionResult: everything known about one inspected part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from edge_inspector.decision import Decision, Outcome
from edge_inspector.detections import Detections
from edge_inspector.web import WebPlace


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model gave a result: every result names its own."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame of a part, without its pixels.

    Attributes:
        frame_id: Number within the session.
        captured_at: Aware UTC instant at which exposure began.
        captured_at_source: Who stamped it: `camera`, `driver` or `host`.
        source: What delivered it.
        image_wh: Width and height in pixels; None for a damaged frame.
        outcome: What this frame alone leads to.
        part_frame: Which frame of its part it is, from 0.
        lot, product, web: As in Frame.
    """

    frame_id: int
    captured_at: datetime
    captured_at_source: str
    source: str
    image_wh: tuple[int, int] | None
    outcome: Outcome
    part_frame: int = 0
    lot: str | None = None
    product: str | None = None
    web: WebPlace | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameFinding:
    """What was found on one frame.

    Attributes:
        record: The frame, with the outcome that it alone leads to.
        detections: What is on it, in its pixels.
        latency_ms: Milliseconds by stage, with `total` from capture to outcome.
        captured_monotonic_ns: When it was captured, on this machine's monotonic clock.
    """

    record: FrameRecord
    detections: Detections
    latency_ms: Mapping[str, float]
    captured_monotonic_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class InspectionResult:
    """Frames + detections + outcome + timing of one part, or of one frame of a free-running source.

    Attributes:
        inspection_id: ULID, see `identity`.
        part_id: The part; None for a free-running source.
        frames: Its frames in the order of the part; those that never came are not among them.
        detections: What was found on all of them, the most confident first, each in pixels of its frame.
        class_names: Names by class id.
        outcome: Decision or NoVerdict.
        model: The model that was running.
        latency_ms: Milliseconds by stage, summed over the frames, with `total` from the last capture to the outcome.
        dropped_before: Frames dropped since the result before this one, by cause.
        detection_frames: Which frame of the part each detection is on; empty where there is only one.
        sample_key: Key of its first frame that is kept for a person to label; None when none is.
    """

    inspection_id: str
    part_id: str | None
    frames: tuple[FrameRecord, ...]
    detections: Detections
    class_names: tuple[str, ...]
    outcome: Outcome
    model: ModelIdentity
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    dropped_before: Mapping[str, int] = field(default_factory=dict)
    detection_frames: tuple[int, ...] = ()
    sample_key: str | None = None

    @property
    def outcome_name(self) -> str:
        """The verdict, or `no_verdict`."""
        return outcome_name(self.outcome)


def outcome_name(outcome: Outcome) -> str:
    """Return the verdict, or `no_verdict`."""
    return outcome.verdict.value if isinstance(outcome, Decision) else "no_verdict"
