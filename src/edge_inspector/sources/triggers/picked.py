"""Parts of a free-running camera: when a signal says that a part is there, the next pictures become its frames."""

import time

from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.sources.framing import FrameMaker, PartTag
from edge_inspector.sources.free_running import FreeRunning
from edge_inspector.sources.freshness import Freshness
from edge_inspector.sources.grabbing import Picture
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.desk import Desk, PartInHand

_LONGEST_S = 1e6  # for those to whom no picture is too old


class PickedParts(FreeRunning):
    """Passes on the pictures that were taken when a part was there; the others are looked at and are no frames.

    A picture is of one part: where two triggers come between two pictures, the second part has the one after.
    """

    def __init__(  # noqa: PLR0913 - as of FreeRunning, and where triggers wait
        self,
        outlet: Outlet,
        frames: FrameMaker,
        freshness: Freshness,
        desk: Desk,
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
            desk: Where the triggers wait.
            staleness_s: A picture that may be older than this is passed over, and one that was taken so long after the
                trigger, or after the frame before, shows the part no more.
            patience_s: A camera without a picture that can be trusted for so long is opened again.
            frozen_after_s: Pictures that are the same for longer are frozen; never when None.
        """
        super().__init__(
            outlet, frames, freshness, staleness_s=staleness_s, patience_s=patience_s, frozen_after_s=frozen_after_s
        )
        self._desk, self._late_ns = desk, int(min(staleness_s, _LONGEST_S) * 1e9)
        self._too_late = f"no picture that can be trusted was taken within {staleness_s:g} s after the trigger"
        self._part: PartInHand | None = None

    def begun(self) -> None:
        """Begin: the camera is about to be opened for the first time."""
        self._desk.begun()

    def deliver(self, picture: Picture, captured_ns: int, now_ns: int) -> None:
        """Pass a picture on that was taken while a part was there."""
        self._outlet.waits()
        self._desk.ready()

        def make(tag: PartTag, part_frame: int) -> Frame | DamagedFrame:
            return self._frames.frame(picture, captured_ns, now_ns, tag, part_frame)

        self._desk.give_up_before(captured_ns - self._late_ns, self._too_late)
        if (part := self._in_hand()) is not None and captured_ns >= part.from_ns:
            self._desk.tell(part, captured_ns, make)

    @property
    def is_between_parts(self) -> bool:
        """Whether no part has some of its frames and waits for others."""
        return self._part is None or self._part.told in {0, self._desk.frames_per_part}

    def expire(self) -> None:
        """Report the parts to which no picture can come in time any more: one that is trusted is not that old."""
        self._desk.give_up_before(time.monotonic_ns() - 2 * self._late_ns, self._too_late)

    def away(self, reason: str) -> None:
        """Report the parts that the camera owes."""
        self._desk.away(reason)

    def leave(self, cause: DropCause, problem: str) -> None:
        """Report the parts of all triggers that were taken, and take none any more."""
        self._desk.leave(cause, problem)

    def close(self) -> None:
        """End the signal."""
        self._desk.close()

    def _in_hand(self) -> PartInHand | None:
        """Return the part that waits for its next frame."""
        if self._part is None or self._part.told == self._desk.frames_per_part:
            self._part = self._desk.next(0.0)
        return self._part
