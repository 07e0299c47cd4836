"""A free-running camera: its fresh pictures become frames, and what may be old or is always the same does not."""

import time

from edge_inspector.camera import CameraFault, CameraStatus, Skipped
from edge_inspector.frame import DropCause
from edge_inspector.sources.framing import FrameMaker, cause_of
from edge_inspector.sources.freshness import SETTLING_NS, Freshness
from edge_inspector.sources.frozen import FrozenWatch
from edge_inspector.sources.grabbing import Grabbed, Incomplete, Picture, Waiting
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.taking import Taker


class FreeRunning(Taker):
    """Takes what a camera delivers by itself; on the camera's thread."""

    def __init__(  # noqa: PLR0913 - what decides whether a picture can be trusted
        self,
        outlet: Outlet,
        frames: FrameMaker,
        freshness: Freshness,
        *,
        staleness_s: float,
        patience_s: float,
        frozen_after_s: float | None,
    ) -> None:
        """Know nothing of the camera yet.

        Args:
            outlet: Takes the frames.
            frames: Makes them.
            freshness: Judges how old pictures are that carry no time of their own.
            staleness_s: A picture that may be older than this is passed over.
            patience_s: A camera without a picture that can be trusted for so long is opened again.
            frozen_after_s: Pictures that are the same for longer are frozen; never when None.
        """
        self._outlet, self._frames, self._freshness = outlet, frames, freshness
        self._staleness_s, self._patience_s, self._frozen_after_s = staleness_s, patience_s, frozen_after_s
        self._frozen_watch = None if frozen_after_s is None else FrozenWatch(int(frozen_after_s * 1e9))
        self._trusted_s = 0.0

    def opened(self) -> None:
        """Begin with a camera that was opened just now."""
        self._freshness.restart()
        self._trusted_s = time.monotonic()

    def took(self, grabbed: Grabbed) -> bool:
        """Take what came; return False where the camera should be opened again."""
        match grabbed:
            case Waiting():
                self._trusted_s = time.monotonic()
                self._outlet.waits()
            case Incomplete():
                return self._pass_over(grabbed)
            case Picture():
                return self._look(grabbed)
        return True

    def changed_over(self, *, sees_otherwise: bool) -> None:
        """Note that what the camera showed before says nothing any more, where it sees otherwise now."""
        if sees_otherwise and self._frozen_after_s is not None:
            self._frozen_watch = FrozenWatch(int(self._frozen_after_s * 1e9))

    def deliver(self, picture: Picture, captured_ns: int, now_ns: int) -> None:
        """Pass a picture on that can be trusted."""
        self._outlet.delivers()
        self._outlet.put(self._frames.frame(picture, captured_ns, now_ns))

    def _look(self, picture: Picture) -> bool:
        now_ns = time.monotonic_ns()
        if picture.damaged_before:
            self._outlet.put(Skipped(DropCause.FRAME_DAMAGED, picture.damaged_before))
        captured_ns = self._captured_ns(picture, now_ns)
        if captured_ns is None or now_ns - captured_ns > self._staleness_s * 1e9:
            return self._is_stale(now_ns)
        self._trusted_s = now_ns / 1e9
        if self._frozen_watch is not None and self._frozen_watch.is_frozen(picture.image, now_ns):
            self._outlet.put(Skipped(DropCause.FROZEN, 1))
            reason = f"it has repeated one picture for more than {self._frozen_after_s:g} s"
            self._outlet.fails(CameraFault.FROZEN, reason, CameraStatus.DEGRADED)
            return False
        self.deliver(picture, captured_ns, now_ns)
        return True

    def _pass_over(self, broken: Incomplete) -> bool:
        self._outlet.put(Skipped(cause_of(broken), 1))
        if time.monotonic() - self._trusted_s <= self._patience_s:
            return True
        reason = f"no picture has come whole for {self._patience_s:g} s: {broken.problem}"
        self._outlet.fails(CameraFault.LOST, reason, CameraStatus.DEGRADED)
        return False

    def _is_stale(self, now_ns: int) -> bool:
        self._outlet.put(Skipped(DropCause.STALE, 1))
        if now_ns / 1e9 - self._trusted_s <= self._patience_s + SETTLING_NS / 1e9:
            return True
        self._freshness.forget()
        reason = f"its pictures may be older than {self._staleness_s:g} s"
        self._outlet.fails(CameraFault.LOST, reason, CameraStatus.DEGRADED)
        return False

    def _captured_ns(self, picture: Picture, now_ns: int) -> int | None:
        if picture.captured_monotonic_ns is not None:
            return min(picture.captured_monotonic_ns, now_ns)
        return self._freshness.earliest_ns(now_ns, picture.stream_ns)
