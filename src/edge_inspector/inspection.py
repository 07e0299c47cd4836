"""InspectionResult: everything known about one inspected part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from edge_inspector.decision import Decision, Outcome
from edge_inspector.detections import Detections


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
    """

    frame_id: int
    captured_at: datetime
    captured_at_source: str
    source: str
    image_wh: tuple[int, int] | None


@dataclass(frozen=True, slots=True, eq=False)
class InspectionResult:
    """Frames + detections + outcome + timing of one part, or of one frame of a free-running source.

    Attributes:
        inspection_id: ULID, see `identity`.
        part_id: The part; None for a free-running source.
        frames: Its frames in capture order.
        detections: What was found, in pixels of the frame.
        class_names: Names by class id.
        outcome: Decision or NoVerdict.
        model: The model that was running.
        latency_ms: Milliseconds by stage, with `total` from capture to outcome.
        dropped_before: Frames dropped since the result before this one, by cause.
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

    @property
    def outcome_name(self) -> str:
        """The verdict, or `no_verdict`."""
        return self.outcome.verdict.value if isinstance(self.outcome, Decision) else "no_verdict"
