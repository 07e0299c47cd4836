"""Alarms that are raised once, and cleared when their reason has not come back for a while."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from edge_inspector.alarms import Alarm
from edge_inspector.events import EventWriter
from edge_inspector.topics import Message

QUIET_S = 60.0  # an alarm whose reason has not come back for so long is over


class Alarms:
    """The alarms that stand; for all threads."""

    def __init__(self, writer: EventWriter, publish: Callable[[Message], None]) -> None:
        """Start with none.

        Args:
            writer: Writes the events.
            publish: Takes each message; must not block.
        """
        self._writer = writer
        self._publish = publish
        self._lock = threading.Lock()
        self._standing: dict[str, tuple[Alarm, float | None, datetime]] = {}  # when its reason came, and it was raised

    def raise_(
        self, alarm: Alarm, *, at: datetime | None = None, monotonic_s: float | None = None, lasting: bool = False
    ) -> None:
        """Raise an alarm, or note that its reason came back.

        Args:
            alarm: What to say.
            at: When, aware UTC; now when None.
            monotonic_s: The same on the monotonic clock.
            lasting: It stands until it is cleared, however quiet it is.
        """
        at = at or datetime.now(UTC)
        monotonic_s = time.monotonic() if monotonic_s is None else monotonic_s
        with self._lock:
            standing = self._standing.get(alarm.name)
            lasting = lasting or (standing is not None and standing[1] is None)
            raised_at = at if standing is None else standing[2]
            self._standing[alarm.name] = (alarm, None if lasting else monotonic_s, raised_at)
            # One that lasts stands for one thing: a new text is news. The others come again and again.
            if standing is None or (lasting and standing[0] != alarm):
                self._publish(self._writer.alarm_raised(at, alarm))

    def clear(self, name: str, *, at: datetime | None = None, text: str | None = None) -> None:
        """Clear an alarm if it stands; `text` says what ended it, `at` when, now when None."""
        with self._lock:
            if (standing := self._standing.pop(name, None)) is None:
                return
            alarm = standing[0] if text is None else replace(standing[0], text=text)
            for message in self._writer.alarm_cleared(at or datetime.now(UTC), alarm):
                self._publish(message)

    def clear_quiet(self, *, at: datetime, monotonic_s: float) -> None:
        """Clear the alarms whose reason has not come back for `QUIET_S` seconds."""
        with self._lock:
            for name, (alarm, seen_s, _) in list(self._standing.items()):
                if seen_s is not None and monotonic_s - seen_s >= QUIET_S:
                    del self._standing[name]
                    for message in self._writer.alarm_cleared(at, alarm):
                        self._publish(message)

    def forget_earlier(self, names: Iterable[str]) -> None:
        """Take away what an earlier session left on the broker: the alarms of these names that do not stand now."""
        with self._lock:  # one that is raised meanwhile must not be taken away again
            for name in names:
                if name not in self._standing:
                    self._publish(self._writer.alarm_gone(name))

    def standing(self) -> list[tuple[Alarm, datetime]]:
        """Return the alarms that stand, each with when it was raised, the oldest first."""
        with self._lock:
            found = [(alarm, raised_at) for alarm, _, raised_at in self._standing.values()]
        return sorted(found, key=lambda pair: pair[1])

    def names(self) -> list[str]:
        """Return the names of the alarms that stand."""
        with self._lock:
            return sorted(self._standing)
