"""A station that says what real ones say, in the words of the edge."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_inspector.alarms import Alarm, Severity
from edge_inspector.events import EventWriter
from edge_inspector.topics import Message, TopicTree
from tests.cloud.monitoring.broker import PREFIX, Row, heard

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = int(AT.timestamp() * 1000)
MINUTE_MS = 60_000
SESSION = "01KJMGW6ZV000G40R40M30E209"
STATS = json.loads((Path(__file__).parents[2] / "golden" / "events" / "stats.json").read_bytes())
FOCUS = Alarm("camera-out-of-focus", Severity.WARNING, "edges are twice as wide", "Look at the lens.")


class Said:
    """What a station said: each kind as it was last."""

    def __init__(self, name: str = "berlin/line-1/press-3", *, session: str = SESSION) -> None:
        self.name = name
        self.writer = EventWriter(TopicTree(PREFIX, *name.split("/"), camera="top"), session)
        self.rows: dict[str, Row] = {}

    def says(self, message: Message, at_ms: int) -> None:
        self.rows |= {row["kind"]: row for row in heard(message, at_ms)}

    def status(self, status: str, at_ms: int) -> None:
        self.says(self.writer.status(status, session_started_at=AT), at_ms)

    def stats(self, at_ms: int, outcomes: dict[str, int] | None = None, **other: Any) -> None:
        values = {name: value for name, value in STATS.items() if name not in {"at", "session"}} | other
        values["parts"] = {**values["parts"], "outcomes": outcomes or {}}
        self.says(self.writer.stats(AT, values), at_ms)

    def raises(self, at_ms: int, alarm: Alarm = FOCUS) -> None:
        self.says(self.writer.alarm_raised(datetime.fromtimestamp(at_ms / 1000, UTC), alarm), at_ms)

    def clears(self, at_ms: int, alarm: Alarm = FOCUS) -> None:
        for message in self.writer.alarm_cleared(datetime.fromtimestamp(at_ms / 1000, UTC), alarm):
            self.says(message, at_ms)
