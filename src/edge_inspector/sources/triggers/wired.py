"""Parts of a camera that is triggered by a wire of its own: every frame that it takes belongs to one."""

import time
from collections.abc import Callable

from edge_inspector.camera import Skipped
from edge_inspector.frame import DropCause
from edge_inspector.sources.framing import FrameMaker, PartTag, cause_of
from edge_inspector.sources.grabbing import Camera, Grabbed, Incomplete, Picture, Waiting
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.taking import Taker


class WiredParts(Taker):
    """Gives each frame its part: so many in a row are of one; on the camera's thread."""

    def __init__(
        self,
        outlet: Outlet,
        frames: FrameMaker,
        *,
        name: Callable[[int], PartTag],
        frames_per_part: int,
        deadline_ns: int | None,
    ) -> None:
        """Start between two parts.

        Args:
            outlet: Takes the frames.
            frames: Makes them.
            name: Says which part comes, by the time at which it was captured.
            frames_per_part: Frames that a part has.
            deadline_ns: A frame that comes so long after the first one is of the next part; never when None.
        """
        self._outlet, self._frames, self._name = outlet, frames, name
        self._frames_per_part, self._deadline_ns = frames_per_part, deadline_ns
        self._begin_anew()

    def opened(self) -> None:
        """Begin with a camera that was opened just now: what was under way before is over."""
        self._begin_anew()

    def take(self, camera: Camera) -> bool:
        """Take what comes next."""
        self._outlet.wait_for_room()
        return self.took(camera.grab())

    def took(self, grabbed: Grabbed) -> bool:
        """Take what came; never has the camera opened again."""
        now_ns = time.monotonic_ns()
        match grabbed:
            case Waiting():
                self._outlet.waits()
            case Picture():
                self._outlet.delivers()
                if grabbed.damaged_before:
                    self._outlet.put(Skipped(DropCause.FRAME_DAMAGED, grabbed.damaged_before))
                captured_ns = min(grabbed.captured_monotonic_ns or now_ns, now_ns)
                tag, part_frame = self._part_of(captured_ns)
                self._outlet.put(self._frames.frame(grabbed, captured_ns, now_ns, tag, part_frame))
            case Incomplete(problem):
                captured_ns = min(grabbed.captured_monotonic_ns or now_ns, now_ns)
                tag, part_frame = self._part_of(captured_ns)
                cause = cause_of(grabbed)
                self._outlet.put(self._frames.damaged(problem, cause, captured_ns, now_ns, tag, part_frame))
        return True

    @property
    def is_between_parts(self) -> bool:
        """Whether all frames of the part have come."""
        return self._tag is None or self._part_frame + 1 == self._frames_per_part

    def changed_over(self, *, sees_otherwise: bool) -> None:  # noqa: ARG002 - one way or the other
        """Begin another part: none is of two products."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._tag: PartTag | None = None
        self._part_frame = 0
        self._began_ns = 0

    def _part_of(self, captured_ns: int) -> tuple[PartTag, int]:
        is_late = self._deadline_ns is not None and captured_ns - self._began_ns > self._deadline_ns
        if self._tag is None or is_late or self._part_frame + 1 >= self._frames_per_part:
            self._tag, self._part_frame, self._began_ns = self._name(captured_ns), 0, captured_ns
        else:
            self._part_frame += 1
        return self._tag, self._part_frame
