"""Where triggers wait for the camera: each becomes a part, come what may.

The signal's thread brings triggers, the camera's thread takes them. While the camera is away or its driver is stuck,
whoever brings a trigger or finds that out reports the part in the camera's stead.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge_inspector.alarms import TRIGGER_LOST
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.sources.framing import FrameMaker, PartTag
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.signal import Signal, Trigger

_MOST_LOST = 10_000  # triggers that keep their turn while the camera does not follow; then who brings them is held up
_NEWS_S = 1.0  # the alarm that triggers were lost is renewed so often
_STARTS = "it is not ready yet"


@dataclass(slots=True, eq=False)
class PartInHand:
    """A part whose frames are being taken.

    Attributes:
        trigger: What began it.
        tag: Which part it is; None until the first of its frames has come or was given up.
        told: How many of its frames have been told of.
        from_ns: When its next frame is due: at its trigger, or with the frame before.
        fired_ns: When the camera was fired for the first of its frames; None where it is not yet, or cannot be.
    """

    trigger: Trigger
    from_ns: int
    tag: PartTag | None = None
    told: int = 0
    fired_ns: int | None = None


class Desk:
    """Takes triggers, hands them out, and reports the parts of those that the camera cannot serve."""

    def __init__(  # noqa: PLR0913 - what a part is made of
        self,
        outlet: Outlet,
        frames: FrameMaker,
        signal: Signal,
        *,
        name: Callable[[int, Trigger], PartTag],
        frames_per_part: int,
        queue_size: int,
        waits_for_camera: bool = False,
    ) -> None:
        """Start with a camera that is not open yet.

        Args:
            outlet: Takes the frames.
            frames: Makes them.
            signal: Brings the triggers.
            name: Says which part comes, by the time at which it was captured and its trigger.
            frames_per_part: Frames that a part has.
            queue_size: So many triggers may wait for the camera.
            waits_for_camera: The signal is heeded once the camera was ready, and not from the first attempt to open it.
        """
        self._outlet, self._frames, self._signal, self._name = outlet, frames, signal, name
        self.frames_per_part, self._queue_size = frames_per_part, queue_size
        self._waits_for_camera, self._is_heeded = waits_for_camera, False
        self._naming = threading.Lock()  # never asks for the other one
        self._changed = threading.Condition()  # for what follows
        self._waiting: deque[tuple[Trigger, bool]] = deque()  # each with whether the camera may still serve it
        self._served = 0  # of them
        self._in_hand: PartInHand | None = None
        self._is_held_up = False  # the camera is busy with a part that was reported already
        self._away: str | None = _STARTS
        self._is_left = False
        self._told_s = -math.inf

    # For the signal's thread.

    def take(self, trigger: Trigger) -> bool:
        """Take a trigger; where the camera is away its part is reported at once."""
        closing = self._outlet.closing
        self._outlet.wait_for_room()
        with self._changed:
            self._changed.wait_for(lambda: closing.is_set() or len(self._waiting) < _MOST_LOST)
            if self._is_left:
                return False
            if self._away is not None:
                self._give_up(_in_hand(trigger), DropCause.FRAME_MISSING, f"the camera is away: {self._away}")
                return True
            may_be_served = self._served < self._queue_size
            self._waiting.append((trigger, may_be_served))
            self._served += may_be_served
            self._changed.notify_all()
            is_news = not may_be_served and time.monotonic() - self._told_s > _NEWS_S
            self._told_s = time.monotonic() if is_news else self._told_s
        if is_news:
            self.happened(TRIGGER_LOST, self._overflow)
        return True

    def trouble(self, alarm: str, text: str) -> None:
        """Pass on that no trigger can come."""
        self._outlet.trouble(alarm, "trigger", text)

    def well(self, alarm: str, text: str) -> None:
        """Pass on that triggers can come."""
        self._outlet.well(alarm, "trigger", text)

    def happened(self, alarm: str, text: str) -> None:
        """Pass on what happens now and then."""
        self._outlet.happened(alarm, text)

    # For the camera's thread; what reports the parts that are owed for the reader too.

    def begun(self) -> None:
        """Note that the camera is about to be opened for the first time."""
        if not self._waits_for_camera:
            self._heed()

    def ready(self) -> None:
        """Note that the camera is there: triggers wait for it from now on."""
        with self._changed:
            self._away = None
        self._heed()

    def next(self, timeout_s: float) -> PartInHand | None:
        """Return the part that comes next, waiting up to `timeout_s` seconds for its trigger."""
        with self._changed:
            self._is_held_up = False
            self._changed.wait_for(lambda: self._waiting or self._outlet.closing.is_set(), timeout_s)
            while self._waiting and not self._outlet.closing.is_set():
                trigger, may_be_served = self._waiting.popleft()
                self._changed.notify_all()
                if may_be_served:
                    self._served -= 1
                    self._in_hand = _in_hand(trigger)
                    return self._in_hand
                self._give_up(_in_hand(trigger), DropCause.QUEUE_OVERFLOW, self._overflow)
        return None

    def fires(self, part: PartInHand) -> None:
        """Note that the camera is about to be fired for a frame of this part."""
        with self._changed:
            part.fired_ns = time.monotonic_ns() if part.fired_ns is None else part.fired_ns

    def tell(
        self, part: PartInHand, captured_ns: int, make: Callable[[PartTag, int], Frame | DamagedFrame]
    ) -> bool:  # fmt: skip
        """Pass the next frame of a part on; return False where the part was reported meanwhile.

        Args:
            part: As `next` returned it.
            captured_ns: When the frame was captured, or should have been.
            make: Makes the frame, of the part and its number in it.
        """
        self._tag_of(part, captured_ns)  # may wait for the PLC, and holds up no trigger meanwhile
        with self._changed:
            if part is not self._in_hand:
                return False
            self._put(part, captured_ns, make)
            part.from_ns = captured_ns + 1
            if part.told == self.frames_per_part:
                self._in_hand = None
        return True

    def give_up_before(self, due_ns: int, problem: str) -> None:
        """Report the parts whose next frame was due before `due_ns`; for any thread."""
        with self._changed:
            if self._in_hand is not None and self._in_hand.from_ns < due_ns:
                part, self._in_hand = self._in_hand, None
                self._give_up(part, DropCause.FRAME_MISSING, problem)
            while self._in_hand is None and self._waiting and self._waiting[0][0].at_ns < due_ns:
                trigger, may_be_served = self._waiting.popleft()
                self._served -= may_be_served
                self._give_up(_in_hand(trigger), DropCause.FRAME_MISSING, problem)
            self._changed.notify_all()

    def overdue_in_ns(self, deadline_ns: int) -> int:
        """Return when to look again for parts that are overdue, from now; 0 where one is. For any thread."""
        with self._changed:
            part, since_ns = self._in_hand, None
            if part is not None:
                since_ns = part.fired_ns if part.told == 0 else None
            elif self._is_held_up and self._waiting:
                since_ns = self._waiting[0][0].at_ns
            # What is fired, or comes, from now on is not overdue before its whole deadline is over.
            return deadline_ns // 2 if since_ns is None else max(0, since_ns + deadline_ns - time.monotonic_ns())

    def give_up_overdue(self, deadline_ns: int, problem: str) -> None:
        """Report the part that waits for its first frame for longer, and those that wait behind it likewise.

        For any thread: the camera's may be in a driver that waits for what never comes. Parts that wait for a camera
        that delivers are left alone, however long.
        """
        with self._changed:
            while self.overdue_in_ns(deadline_ns) == 0:
                part, self._in_hand = self._in_hand, None
                if part is None:
                    trigger, may_be_served = self._waiting.popleft()
                    self._served -= may_be_served
                    part = _in_hand(trigger)
                self._is_held_up = True
                self._give_up(part, DropCause.FRAME_MISSING, problem)
            self._changed.notify_all()

    def away(self, reason: str) -> None:
        """Report the parts that the camera owes: it is away, or stuck."""
        with self._changed:
            self._away = reason
            self._settle(DropCause.FRAME_MISSING, f"the camera is away: {reason}")

    def leave(self, cause: DropCause, problem: str) -> None:
        """Report what is owed, and take nothing any more."""
        with self._changed:
            self._is_left = True
            self._settle(cause, problem)

    def close(self) -> None:
        """End the signal, and hold nobody up any more; the outlet is closing."""
        with self._changed:
            self._changed.notify_all()
        self._signal.close()

    def _heed(self) -> None:
        if not (self._is_heeded or self._outlet.closing.is_set()):
            self._is_heeded = True
            self._signal.start(self)

    def _settle(self, cause: DropCause, problem: str) -> None:
        part, self._in_hand = self._in_hand, None
        if part is not None:
            self._give_up(part, cause, problem)
        while self._waiting:
            trigger, _ = self._waiting.popleft()
            self._give_up(_in_hand(trigger), cause, problem)
        self._served = 0
        self._changed.notify_all()

    @property
    def _overflow(self) -> str:
        return f"{self._queue_size} triggers were waiting for the camera already"

    def _give_up(self, part: PartInHand, cause: DropCause, problem: str) -> None:
        now_ns, at_ns = time.monotonic_ns(), part.trigger.at_ns if part.fired_ns is None else part.fired_ns
        while part.told < self.frames_per_part:
            self._put(part, at_ns, lambda tag, n: self._frames.damaged(problem, cause, at_ns, now_ns, tag, n))

    def _put(
        self, part: PartInHand, captured_ns: int, make: Callable[[PartTag, int], Frame | DamagedFrame]
    ) -> None:  # fmt: skip
        self._outlet.put(make(self._tag_of(part, captured_ns), part.told))
        part.told += 1

    def _tag_of(self, part: PartInHand, captured_ns: int) -> PartTag:
        with self._naming:
            if part.tag is None:
                part.tag = self._name(captured_ns, part.trigger)
            return part.tag


def _in_hand(trigger: Trigger) -> PartInHand:
    return PartInHand(trigger, trigger.at_ns)
