"""How a camera stands: which changes are worth a report, and what the report says."""

from dataclasses import replace
from datetime import UTC, datetime

from edge_inspector.camera import CameraFault, CameraReport, CameraStatus

WAITING = "waiting for a trigger"
_SAME_FAULT_S = 10.0  # a fault that lasts is reported again at most so often, and only with another reason


class Standing:
    """Turns what happens to a camera into reports; a camera that works from the start gives rise to none."""

    def __init__(self, now_s: float) -> None:
        """Start with a camera of which nothing is known.

        Args:
            now_s: Monotonic seconds, as in all methods.
        """
        self._fault: CameraFault | None = None
        self._status = CameraStatus.ONLINE
        self._reason = ""
        self._reported_s = now_s
        self._trusted_s = now_s
        self._is_seen = False  # it has delivered, or was reported as waiting

    def fails(
        self, fault: CameraFault, reason: str, now_s: float, *, status: CameraStatus = CameraStatus.OFFLINE
    ) -> CameraReport | None:
        """Return the report that the camera is not online, unless it has been made."""
        is_known = (fault, status) == (self._fault, self._status)
        if is_known and (reason == self._reason or now_s - self._reported_s < _SAME_FAULT_S):
            return None
        self._fault, self._status, self._reason, self._reported_s = fault, status, reason, now_s
        self._is_seen = True
        return CameraReport(status, datetime.now(UTC), reason, fault)

    def delivers(self, now_s: float) -> CameraReport | None:
        """Return the report that the camera is back, if it was away, now that a frame can be trusted."""
        self._is_seen = True
        away_s, self._trusted_s = now_s - self._trusted_s, now_s
        return None if self._fault is None else self._back(away_s)

    def waits(self, now_s: float) -> CameraReport | None:
        """Return the report that the camera is there and waits for its trigger: the first time, and after an outage."""
        away_s, self._trusted_s = now_s - self._trusted_s, now_s
        if self._fault is not None:
            return replace(self._back(away_s), is_waiting=True)
        if self._is_seen:
            return None
        self._is_seen = True
        return CameraReport(CameraStatus.ONLINE, datetime.now(UTC), WAITING, is_waiting=True)

    def _back(self, away_s: float) -> CameraReport:
        reason, self._fault, self._status, self._reason = self._reason, None, CameraStatus.ONLINE, ""
        return CameraReport(CameraStatus.ONLINE, datetime.now(UTC), f"back; it was away because {reason}", None, away_s)
