"""Parts of a camera that takes a picture when a signal says that a part is there."""

import math
import time

from edge_inspector.camera import CameraFault, CameraStatus
from edge_inspector.errors import SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.sources.framing import FrameMaker, PartTag, cause_of
from edge_inspector.sources.grabbing import Camera, Grabbed, Incomplete, IndustrialCamera, Picture
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.taking import Taker
from edge_inspector.sources.triggers.desk import Desk, PartInHand

_WAIT_S = 0.1  # for a trigger, before the camera is looked after
_MISSES = 3  # frames in a row that did not come, after which the camera is opened again
_GRACE_S = 0.2  # of a driver over the time in which a frame must come
_EARLIER_NS = 50_000_000  # what was captured so long before its firing may be of one before


class SignaledParts(Taker):
    """Fires the camera for each frame of each part and waits for it; on the camera's thread."""

    def __init__(
        self, outlet: Outlet, frames: FrameMaker, desk: Desk, *, timeout_s: float, deadline_ms: float | None = None
    ) -> None:
        """Prepare; the signal is heeded from the first opening of the camera on, or from its first attempt.

        Args:
            outlet: Takes the frames.
            frames: Makes them.
            desk: Where the triggers wait.
            timeout_s: A frame that has not come so long after its firing is missing.
            deadline_ms: A part has no verdict if its first frame has not come so long after its firing, though the
                camera is waited for; None where nobody is in a hurry.
        """
        self._outlet, self._frames, self._desk, self._timeout_s = outlet, frames, desk, timeout_s
        self._deadline_ns = None if deadline_ms is None else int(deadline_ms * 1e6)
        self._too_late = (
            f"no picture came within {deadline_ms or 0:g} ms after the trigger, in which a part has its verdict"
        )
        self._misses = 0  # in a row
        self._owed = 0  # firings given up whose pictures may still come

    def begun(self) -> None:
        """Begin: the camera is about to be opened for the first time."""
        self._desk.begun()

    def opened(self) -> None:
        """Begin with a camera that was opened just now."""
        self._misses = self._owed = 0
        self._outlet.waits()

    def take(self, camera: Camera) -> bool:
        """Take the next part, or look after the camera while there is none."""
        if not isinstance(camera, IndustrialCamera):
            msg = "expected a camera with a software trigger"
            raise SourceError(msg)
        self._desk.ready()  # who asks is not stuck any more
        if (part := self._desk.next(_WAIT_S)) is None:
            camera.check()
            return True
        for _ in range(self._desk.frames_per_part):
            self._outlet.beat(self._timeout_s + _GRACE_S)  # a driver asks one that is gone for 5 s; no part has them
            self._desk.fires(part)
            asked_ns = time.monotonic_ns()
            camera.fire()
            if not self._take_frame(camera, part, asked_ns, time.monotonic_ns()):
                break
        if self._misses < _MISSES:
            return True
        reason = f"it was fired {self._misses} times, and no picture came within {self._timeout_s:g} s"
        self._outlet.fails(CameraFault.LOST, reason, CameraStatus.DEGRADED)
        return False

    def took(self, grabbed: Grabbed) -> bool:  # noqa: ARG002 - nothing depends on it
        """Pass over what came beside: every frame that a part waited for has been told of."""
        return True

    def changed_over(self, *, sees_otherwise: bool) -> None:  # noqa: ARG002 - it begins anew in any case
        """Note that the camera has begun anew: nothing that it owed will come."""
        self._owed = 0

    def expire(self) -> None:
        """Report the parts that can have no verdict in time, whatever the camera's thread waits for."""
        if self._deadline_ns is not None:
            self._desk.give_up_overdue(self._deadline_ns, self._too_late)

    def expires_in_s(self) -> float:
        """Return when the next part may be overdue."""
        return math.inf if self._deadline_ns is None else self._desk.overdue_in_ns(self._deadline_ns) / 1e9

    def away(self, reason: str) -> None:
        """Report the parts that the camera owes."""
        self._desk.away(reason)

    def leave(self, cause: DropCause, problem: str) -> None:
        """Report the parts of all triggers that were taken, and take none any more."""
        self._desk.leave(cause, problem)

    def close(self) -> None:
        """End the signal."""
        self._desk.close()

    def _take_frame(self, camera: Camera, part: PartInHand, asked_ns: int, fired_ns: int) -> bool:
        """Wait for the frame of a firing and tell of it; return False where nobody waits for the part any more.

        It was captured when the firing was asked for at the earliest, however wrong the camera's clock is: what the PLC
        said until then may be of the part before.
        """
        grabbed = self._await(camera, fired_ns)
        now_ns = time.monotonic_ns()
        if grabbed is None and self._outlet.closing.is_set():
            return False
        own_ns = None if grabbed is None else grabbed.captured_monotonic_ns
        captured_ns = fired_ns if own_ns is None else min(max(own_ns, asked_ns), now_ns)

        def make(tag: PartTag, part_frame: int) -> Frame | DamagedFrame:
            match grabbed:
                case Picture():
                    return self._frames.frame(grabbed, captured_ns, now_ns, tag, part_frame)
                case Incomplete(problem):
                    cause = cause_of(grabbed)
                case None:
                    problem = f"no picture came within {self._timeout_s:g} s after the trigger"
                    cause = DropCause.FRAME_MISSING
            return self._frames.damaged(problem, cause, captured_ns, now_ns, tag, part_frame)

        self._misses = self._misses + 1 if grabbed is None else 0
        if grabbed is not None:
            self._outlet.delivers()
        return self._desk.tell(part, captured_ns, make)

    def _await(self, camera: Camera, fired_ns: int) -> Picture | Incomplete | None:
        """Return what came of a firing; None when nothing did.

        A picture that was taken before belongs to a firing that was given up, and so does a gap: both were told of.
        Where none was given up, the picture is of this firing, however wrong the camera's clock is.
        """
        until_ns = time.monotonic_ns() + int(self._timeout_s * 1e9)
        while not self._outlet.closing.is_set():
            grabbed = camera.grab()
            if isinstance(grabbed, Picture) or (isinstance(grabbed, Incomplete) and not grabbed.is_missing):
                own_ns = grabbed.captured_monotonic_ns
                if not self._owed or own_ns is None or own_ns >= fired_ns - _EARLIER_NS:
                    self._owed = 0  # pictures come in order
                    return grabbed
                self._owed -= 1
            if time.monotonic_ns() > until_ns:
                break
        self._owed += 1
        return None
