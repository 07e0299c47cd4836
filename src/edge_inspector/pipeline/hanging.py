"""Inspections that do not end: the frame in hand, whose turn it is, and what becomes of a station that hangs."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from edge_inspector.alarms import INSPECTION_STUCK, RUNNING_DEGRADED, Alarm, Severity
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.handover import Captured

HANGS = "an inspection hangs, and the station runs without verdicts"
_STUCK_S = 10.0  # an inspection that takes so long is reported while it lasts
_PERSIST_S = 60.0  # a degraded station asks so often whether it may end now


class InHand:
    """The frame that is looked at; it belongs to one thread, and is reported by the one that lets go of it.

    Attributes:
        turn: Which inspect thread it is, from 1; a further one begins when one hangs.
        is_blind: The detector is still in the hands of an earlier one.
    """

    def __init__(self) -> None:
        self.turn, self.is_blind = 1, False
        self._frame: Captured | None = None
        self._since_s = 0.0
        self._lock = threading.Lock()

    def take(self, captured: Captured) -> None:
        """Take a frame in hand."""
        self._since_s = time.monotonic()
        self._frame = captured

    def look(self, now_s: float) -> tuple[Captured | None, float]:
        """Return the frame in hand, if any, and for how many seconds it has been."""
        frame, since_s = self._frame, self._since_s
        return frame, 0.0 if frame is None else now_s - since_s

    def let_go(self, captured: Captured, *, hangs: bool = False) -> bool:
        """Return True to the one who reports a frame that was taken: the inspect thread, or who cannot wait for it.

        Where its inspection hangs, the next inspect thread's turn begins with that, and without a detector.
        """
        with self._lock:
            mine = self._frame is captured
            if mine:
                self._frame = None
            if mine and hangs:
                self.turn, self.is_blind = self.turn + 1, True
            return mine

    def ended(self, turn: int) -> bool:
        """Note the end of an inspect thread; return whether it was the one whose turn it is."""
        with self._lock:
            if turn == self.turn:
                return True
            self.is_blind = False  # what had hung is through: the detector is free again
            return False


class HangWatch:
    """Looks after the frame in hand, for the thread that runs the flow."""

    def __init__(
        self,
        in_hand: InHand,
        alarms: Alarms,
        *,
        may_exit: Callable[[], bool],
        give_up: Callable[[], None],
        replace: Callable[[Captured], None],
    ) -> None:
        """Start with an inspection that is well.

        Args:
            in_hand: The frame that is looked at.
            alarms: Where a person is told.
            may_exit: Asked whether the daemon may end so that a supervisor starts it again.
            give_up: Ends the flow.
            replace: Starts an inspect thread instead of that which hangs with a frame.
        """
        self._in_hand, self._alarms = in_hand, alarms
        self._may_exit, self._give_up, self._replace = may_exit, give_up, replace
        self._asks_again_s = 0.0

    def look(self, now_s: float, *, hangs_after_s: float) -> None:
        """Tell a person of an inspection that takes too long, and deal with one that hangs."""
        frame, for_s = self._in_hand.look(now_s)
        if frame is not None and for_s >= _STUCK_S:
            self._tell(frame, now_s)
        else:
            self._alarms.clear(INSPECTION_STUCK)
            self._alarms.clear_quiet(at=datetime.now(UTC), monotonic_s=now_s)
        self._deal(frame if for_s > hangs_after_s else None, now_s)

    def _deal(self, hanging: Captured | None, now_s: float) -> None:
        """End where a supervisor may start the station again; else run without verdicts."""
        if hanging is None and not self._in_hand.is_blind:
            self._alarms.clear(RUNNING_DEGRADED)
            return
        if now_s >= self._asks_again_s:
            self._asks_again_s = now_s + _PERSIST_S
            if self._may_exit():
                self._give_up()
                return
        if hanging is not None and self._in_hand.let_go(hanging, hangs=True):
            what_to_do = "Restart the station; look into the log for what the inspection hangs in."
            self._alarms.raise_(Alarm(RUNNING_DEGRADED, Severity.CRITICAL, HANGS, what_to_do), lasting=True)
            self._replace(hanging)

    def _tell(self, frame: Captured, now_s: float) -> None:
        # Quiet alarms stay while it lasts: nothing is over.
        text = f"frame {frame.frame_id} ({frame.source}) has been looked at for more than {_STUCK_S:g} s."
        what_to_do = "Restart the station; if it comes back, verify the model with `edge-inspector model verify`."
        alarm = Alarm(INSPECTION_STUCK, Severity.CRITICAL, text, what_to_do)
        self._alarms.raise_(alarm, monotonic_s=now_s, lasting=True)
