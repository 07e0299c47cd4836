"""Follower: what makes alerts of the detections on frames that show the same defects again."""

from datetime import datetime
from typing import Protocol

from edge_inspector.decision import Policy
from edge_inspector.detections import Detections
from edge_inspector.tracks.track import TrackChange
from edge_inspector.web import WebPlace


class Follower(Protocol):
    """Follows the defects in front of one camera without parts; for one thread at a time."""

    def judge_by(self, policy: Policy) -> None:
        """Let another policy decide from the next frame on."""

    def begin_anew(self, class_names: tuple[str, ...], policy: Policy) -> None:
        """Follow what a model with other classes finds; call it after `end_all`."""

    def see(  # noqa: PLR0913 - what there is to know of a frame
        self,
        detections: Detections,
        *,
        image_wh: tuple[int, int],
        frame_id: int,
        captured_at: datetime,
        captured_monotonic_ns: int,
        web: WebPlace | None = None,
    ) -> list[TrackChange]:
        """Return what changed with a frame; most of the time nothing."""

    def end_all(self) -> list[TrackChange]:
        """Return what is left to tell, and follow nothing more."""
