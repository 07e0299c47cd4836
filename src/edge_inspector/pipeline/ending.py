"""The end of a flow: what is still open is taken from the inspect thread, however busy that is."""

import logging
import threading
import time

from edge_inspector.frame import DropCause
from edge_inspector.pipeline.capture import READ_TIMEOUT_S
from edge_inspector.pipeline.hanging import InHand
from edge_inspector.pipeline.looking import STOPPED
from edge_inspector.pipeline.reports import Reports

_log = logging.getLogger(__name__)

DRAIN_S = 0.3  # parts already captured are still inspected for so long
_LAST_INSPECTION_S = 0.4  # and the last of them may take so long more
_PATIENCE = 5  # steps of waiting for a thread that is between two frames


def take_over(reports: Reports, in_hand: InHand, inspect_ended: threading.Event) -> bool:
    """Wait until the reports are ours: the inspect thread has ended, or hangs and its frame is taken from it."""
    if inspect_ended.wait(DRAIN_S + _LAST_INSPECTION_S):
        return True
    _log.error("stopped in the middle of an inspection that does not end")
    for _ in range(_PATIENCE):
        captured, _ = in_hand.look(time.monotonic())
        if captured is not None and in_hand.let_go(captured):
            reports.dropped(captured, DropCause.STOPPED, STOPPED)
            return True
        if inspect_ended.wait(READ_TIMEOUT_S):  # it was between two frames
            return True
    return False
