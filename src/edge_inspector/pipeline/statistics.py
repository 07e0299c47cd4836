"""What a flow tells of itself now and then: its accounts, its pace and how it is."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from edge_inspector.events import EventWriter, Json
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.deliver import Deliverer
from edge_inspector.pipeline.latency import LatencyWindow
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.pipeline.presence import Presence
from edge_inspector.topics import Message


class Statistics:
    """Gathers the figures of a flow."""

    def __init__(  # noqa: PLR0913, PLR0917 - whom it asks
        self,
        writer: EventWriter,
        ledger: Ledger,
        presence: Presence,
        latency: LatencyWindow,
        deliverer: Deliverer,
        alarms: Alarms,
        more: Callable[[], Mapping[str, Json]],
    ) -> None:
        """Begin to measure the pace.

        Args:
            writer: Writes the message.
            ledger: Knows the accounts.
            presence: Knows the camera.
            latency: Knows how long inspections take.
            deliverer: Knows what was not delivered.
            alarms: Knows which are raised.
            more: Returns what other rooms tell, by name.
        """
        self._writer, self._ledger, self._presence, self._latency = writer, ledger, presence, latency
        self._deliverer, self._alarms, self._more = deliverer, alarms, more
        self._since_s, self._inspected = time.monotonic(), 0

    def values(self) -> dict[str, Json]:
        """Return what the statistics tell, the rate apart; for any thread."""
        session = self._ledger.accounts()
        return {
            "frames": session.frames.document(),
            "parts": session.parts.document(),
            "total": self._ledger.total(session).document(),
            "camera": self._presence.camera_accounts(),
            "latency_ms": self._latency.percentiles(),
            "undelivered": self._deliverer.undelivered(),
            "alarms": self._alarms.names(),
            **self._more(),
        }

    def message(self) -> Message:
        """Return the message, with the rate since the one before; for one thread."""
        inspected, now_s = self._ledger.frames().inspected, time.monotonic()
        rate_hz = (inspected - self._inspected) / max(now_s - self._since_s, 1e-9)
        self._since_s, self._inspected = now_s, inspected
        return self._writer.stats(datetime.now(UTC), {**self.values(), "inspected_hz": round(rate_hz, 3)})
