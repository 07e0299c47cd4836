"""A line-scan camera: every block of lines it delivers is one of a kind, however long the web stood before it."""

import time

from edge_inspector.camera import Skipped
from edge_inspector.frame import DropCause
from edge_inspector.sources.framing import FrameMaker, cause_of
from edge_inspector.sources.grabbing import Camera, Grabbed, Incomplete, Picture, Waiting
from edge_inspector.sources.outlet import Outlet


class LineScan:
    """Takes blocks of lines, and what came in the place of one; on the camera's thread."""

    def __init__(self, outlet: Outlet, frames: FrameMaker) -> None:
        """Know nothing of the camera yet.

        Args:
            outlet: Takes the blocks.
            frames: Makes frames of them.
        """
        self._outlet, self._frames = outlet, frames

    def begun(self) -> None:
        """Begin: nothing runs beside the camera."""

    def opened(self) -> None:
        """Begin with a camera that was opened just now."""

    def take(self, camera: Camera) -> bool:
        """Take what comes next."""
        return self.took(camera.grab())

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

    def away(self, reason: str) -> None:
        """Note that the camera is away: the report of it ends the frame that was being filled."""

    def changed_over(self) -> None:
        """Note that the camera has another set-up: the blocks say so themselves."""

    def close(self) -> None:
        """End: nothing is open."""
