"""What the world is told of a track."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from edge_inspector.decision import Verdict
from edge_inspector.web import WebStretch


class TrackPhase(StrEnum):
    """What happened to a track."""

    NEW = "new"  # a defect has come
    UPDATE = "update"  # its verdict got worse
    END = "end"  # it has gone


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of one defect so far.

    Attributes:
        number: Counts the announced tracks from 1.
        label: Class of the defect.
        verdict: The worst so far, review or reject.
        confidence: The highest score so far.
        xyxy: Where it was seen last, in pixels of the frame.
        first_frame_id: The frame on which it was seen first.
        first_seen_at: When that was captured, aware UTC.
        last_seen_at: When the last frame on which it was seen was captured, aware UTC.
        frames: On how many frames it was seen.
        frame_id: Of a web: the frame that `xyxy` is on.
        web: Where it lies on the web; None for anything else.
        across_px: Of a web: from and to across it, in pixels.
        goes_on: Of a web: it has not ended yet.
    """

    number: int
    label: str
    verdict: Verdict
    confidence: float
    xyxy: tuple[float, float, float, float]
    first_frame_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    frames: int
    frame_id: int | None = None
    web: WebStretch | None = None
    across_px: tuple[float, float] | None = None
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class TrackChange:
    """Something to tell about a track."""

    phase: TrackPhase
    track: Track


@dataclass(frozen=True, slots=True)
class TrackOptions:
    """When a defect is believed, and for how long.

    Attributes:
        confirm_frames: Frames on which a defect must be seen before it is announced, at least 1. With 1 it is
            announced at once, and so is every glitch: for belts so fast that a defect is seen only once.
        end_after_frames: A track that was not seen on so many frames running has ended, at least 1.
        keep_share: A defect is seen as long as its score is at least this share of its class's `review_at`, in (0, 1].
    """

    confirm_frames: int = 2
    end_after_frames: int = 5
    keep_share: float = 0.5

    def __post_init__(self) -> None:
        if self.confirm_frames < 1 or self.end_after_frames < 1 or not 0 < self.keep_share <= 1:
            msg = f"expected confirm_frames >= 1, end_after_frames >= 1 and 0 < keep_share <= 1, found {self}"
            raise ValueError(msg)
