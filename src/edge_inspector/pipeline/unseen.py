"""Which stretches of a web nobody looked at, told to people one by one."""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from edge_inspector.alarms import WEB_NOT_INSPECTED, Alarm, Severity
from edge_inspector.linescan.coverage import Coverage
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.web import WebPlace, WebStretch

_log = logging.getLogger(__name__)
_WHAT_TO_DO = (
    "Inspect this stretch of the roll again. The log names each stretch, and the results without a verdict each frame "
    "with its cause."
)


class Unseen:
    """Keeps account of a web, and raises the alarm; for one thread at a time."""

    def __init__(self, alarms: Alarms) -> None:
        """Start before the first frame."""
        self._alarms = alarms
        self._coverage = Coverage()

    def inspected(self, place: WebPlace | None) -> None:
        """Take a frame that was looked at; one without a place is of no web."""
        if place is not None:
            self._tell(self._coverage.inspected(place))

    def missed(self, place: WebPlace) -> None:
        """Take a frame that nobody looked at."""
        self._tell(self._coverage.missed(place))

    def end(self) -> None:
        """Tell what is left: there will be no more frames."""
        self._tell(self._coverage.end())

    def _tell(self, stretches: Sequence[WebStretch]) -> None:
        for stretch in stretches:
            text = f"nobody looked at {stretch}"
            _log.warning("%s", text)  # each one: an alarm that stands is not told again
            alarm = Alarm(WEB_NOT_INSPECTED, Severity.CRITICAL, text, _WHAT_TO_DO)
            self._alarms.raise_(alarm, at=datetime.now(UTC), monotonic_s=time.monotonic())
