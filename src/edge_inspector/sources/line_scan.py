"""A line-scan camera: every block of lines it delivers is one of a kind, however long the web stood before it."""

import time

from edge_inspector.camera import Skipped
from edge_inspector.frame import DropCause
from edge_inspector.sources.framing import FrameMaker, cause_of
from edge_inspector.sources.grabbing import Grabbed, Incomplete, Picture, Waiting
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.taking import Taker
from edge_inspector.sources.web_speed import WebSpeed


class LineScan(Taker):
    """Takes blocks of lines, and what came in the place of one; on the camera's thread."""

    def __init__(self, outlet: Outlet, frames: FrameMaker, speed: WebSpeed | None = None) -> None:
        """Know nothing of the camera yet.

        Args:
            outlet: Takes the blocks.
            frames: Makes frames of them.
            speed: Runs beside the camera.
        """
        self._outlet, self._frames, self._speed = outlet, frames, speed
        if speed is not None:
            speed.run_beside(outlet)

    def begun(self) -> None:
        """Wait until it is known how long the first lines are."""
        if self._speed is not None:
            self._speed.await_first()

    def took(self, grabbed: Grabbed) -> bool:
        """Take what came; the camera goes on."""
        now_ns = time.monotonic_ns()
        match grabbed:
            case Waiting():
                self._outlet.waits()
            case Incomplete(problem):
                captured_ns = min(grabbed.captured_monotonic_ns or now_ns, now_ns)
                self._outlet.put(self._frames.damaged(problem, cause_of(grabbed), captured_ns, now_ns))
            case Picture():
                if grabbed.damaged_before:
                    self._outlet.put(Skipped(DropCause.FRAME_DAMAGED, grabbed.damaged_before))
                captured_ns = min(grabbed.captured_monotonic_ns or now_ns, now_ns)
                self._outlet.delivers()
                self._outlet.put(self._frames.frame(grabbed, captured_ns, now_ns))
        return True
