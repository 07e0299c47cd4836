"""One look at one frame: what is on it, or why nobody looks."""

import logging
import time
from collections.abc import Callable
from typing import TypeAlias

from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.inspection import FrameFinding
from edge_inspector.pipeline.change_over import ProductInspected
from edge_inspector.pipeline.handover import Captured
from edge_inspector.pipeline.hanging import HANGS, InHand
from edge_inspector.pipeline.inspector import Inspector
from edge_inspector.pipeline.reports import Reports

_log = logging.getLogger(__name__)
STOPPED = "the station was stopped"

Unseen: TypeAlias = tuple[DropCause, str]


class Looking:
    """Looks at frames that were admitted; on the inspect thread."""

    def __init__(  # noqa: PLR0913 - what may keep it from looking, and who watches
        self,
        inspector: Inspector,
        reports: Reports,
        product: ProductInspected,
        in_hand: InHand,
        *,
        watch_frame: Callable[[Frame], None] | None,
        watch_finding: Callable[[Frame, FrameFinding], None] | None,
    ) -> None:
        """Join what it asks.

        Args:
            inspector: Looks.
            reports: Knows whether the part is overdue.
            product: Knows what is inspected.
            in_hand: Knows whether the detector is free.
            watch_frame: Called with every frame that is inspected.
            watch_finding: Called with every frame that was inspected and what a result would tell of it.
        """
        self._inspector, self._reports, self._product, self._in_hand = inspector, reports, product, in_hand
        self._watch_frame, self._watch_finding = watch_frame, watch_finding

    def at(self, captured: Captured, *, staleness_ms: float, is_drained: Callable[[], bool]) -> FrameFinding | Unseen:
        """Return what is on a frame, or why it is not inspected, as a cause and in words.

        Args:
            captured: The frame.
            staleness_ms: One of no part that is older is not looked at.
            is_drained: Says whether the time of a stop is over.
        """
        taken_ns = time.monotonic_ns()
        if isinstance(captured, DamagedFrame):
            return captured.cause, captured.problem
        why_not = (DropCause.STOPPED, STOPPED) if is_drained() else self._why_not(captured, taken_ns, staleness_ms)
        if why_not is not None:
            return why_not
        if self._watch_frame is not None:
            self._watch_frame(captured)
        try:
            finding = self._inspector.inspect(captured, taken_ns=taken_ns)
        except Exception as error:  # noqa: BLE001 - thread boundary: the next part deserves its inspection
            _log.exception("inspection of %s failed", captured.source)
            return DropCause.INSPECTION_FAILED, str(error)
        if self._watch_finding is not None:
            self._watch_finding(captured, self._inspector.shown(finding))
        return finding

    def _why_not(self, frame: Frame, now_ns: int, staleness_ms: float) -> Unseen | None:
        if (other := self._product.mismatch(frame)) is not None:
            return DropCause.PRODUCT_MISMATCH, other
        if self._in_hand.is_blind:
            return DropCause.INSPECTION_FAILED, HANGS
        if frame.part_id is not None:
            is_overdue = self._reports.is_overdue(now_ns)
            return (DropCause.DEADLINE_MISSED, "the part waited too long") if is_overdue else None
        if (now_ns - frame.captured_monotonic_ns) / 1e6 > staleness_ms:
            return DropCause.STALE, "the frame waited too long"
        return None
