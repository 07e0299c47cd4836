"""A panel of alarms that tells what it was told."""

import threading

from edge_inspector.alarms import Alarm


class RecordingPanel:
    """Keeps what stands, and every change in order as `+name` and `-name`."""

    def __init__(self) -> None:
        self.standing: dict[str, Alarm] = {}
        self.changes: list[str] = []
        self.changed = threading.Condition()

    def raise_(self, alarm: Alarm, *, lasting: bool = False) -> None:
        assert lasting, "an alarm of the health thread stands until the thread clears it"
        with self.changed:
            self.standing[alarm.name] = alarm
            self.changes.append(f"+{alarm.name}")
            self.changed.notify_all()

    def clear(self, name: str, *, text: str | None = None) -> None:  # noqa: ARG002 - the port's signature
        with self.changed:
            del self.standing[name]
            self.changes.append(f"-{name}")
            self.changed.notify_all()
