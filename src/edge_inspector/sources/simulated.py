"""The simulated line: metal tags on a belt, seen by a triggered or a free-running camera, with known truth."""

import threading
import time
from datetime import UTC, datetime

from edge_inspector.errors import EndOfSource
from edge_inspector.frame import Frame
from edge_inspector.settings import SimulatedSource
from edge_inspector.simulation import plan_tag, render_belt, render_tag
from edge_inspector.sources.pacing import Pace

_NAME = "simulated-line"
_BELT_STEPS = 8  # frames of a free-running camera while one part passes
_EXPOSURES = (1.0, 0.85, 1.15)  # a part's further frames are taken under other light


class SimulatedLine:
    """Renders the part, or the belt, that the camera sees at each beat."""

    def __init__(self, settings: SimulatedSource, stop: threading.Event) -> None:
        """Start at part 0.

        Args:
            settings: What to simulate.
            stop: Ends a wait.
        """
        self._settings = settings
        self._pace = Pace(settings.rate_hz, stop)
        self._number = 0  # of the part, or of the belt's frame
        self._part_frame = 0
        self._frame_id = 0

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or None when its time has not come within `timeout_s` seconds.

        The frames of one part follow each other at once, as from a camera that is triggered in a burst.

        Raises:
            EndOfSource: After `count` parts or frames.
        """
        settings = self._settings
        if settings.count is not None and self._number >= settings.count:
            raise EndOfSource
        if self._part_frame == 0 and not self._pace.wait(timeout_s):
            return None
        number, part_frame, frame_id = self._number, self._part_frame, self._frame_id
        self._frame_id += 1
        self._part_frame = (part_frame + 1) % settings.frames_per_part
        self._number += self._part_frame == 0
        captured_at, captured_monotonic_ns = datetime.now(UTC), time.monotonic_ns()
        if settings.trigger == "part":
            tag = plan_tag(
                settings.seed,
                number,
                image_wh=settings.image_wh,
                defect_rate=settings.defect_rate,
                dark_share=settings.dark_share,
                exposure=_EXPOSURES[part_frame % len(_EXPOSURES)],
            )
            image, part_id = render_tag(tag), part_name(number)
            return Frame(image, frame_id, captured_at, captured_monotonic_ns, _NAME, part_id, part_frame=part_frame)
        position_px = number * settings.image_wh[0] / _BELT_STEPS
        image, _ = render_belt(
            settings.seed,
            position_px,
            image_wh=settings.image_wh,
            defect_rate=settings.defect_rate,
            dark_share=settings.dark_share,
        )
        return Frame(image, frame_id, captured_at, captured_monotonic_ns, _NAME)


def part_name(number: int) -> str:
    """Return the part id of a part of the line."""
    return f"part-{number:06d}"


def part_number(part_id: str) -> int:
    """Return the number of a part of the line.

    Raises:
        ValueError: If `part_id` is none of `part_name`.
    """
    return int(part_id.removeprefix("part-"))
