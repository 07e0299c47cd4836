"""Commands as they are sent, and who sends them over a broker and reads the answers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from edge_inspector.topics import TopicTree
from tests.mosquitto import PATIENCE_S, Subscriber

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)  # for those whose clock is the test's
SOON = "2026-03-01T12:05:00Z"
TOPICS = TopicTree("edge-inspector", "hall", "line-1", "station-2", "top")
SHA256 = "5a" * 32


def topic_of(name: str) -> str:
    """Return where a command of a name is sent."""
    return TOPICS.commands.replace("+", name)


def payload_of(request_id: object = "7f2c", expires_at: object = SOON, **more: object) -> bytes:
    """Return a command as a document, whatever is in it."""
    return json.dumps({"request_id": request_id, "expires_at": expires_at, **more}).encode()


def command_of(request_id: str, **arguments: object) -> bytes:
    """Return a command that is good for a minute."""
    return payload_of(request_id, (datetime.now(UTC) + timedelta(minutes=1)).isoformat(), **arguments)


class Commander(Subscriber):
    """Sends commands to one station; hears what it answers."""

    def __init__(self, port: int, station: str) -> None:
        super().__init__(port, f"{station}/cmd/+/reply")
        self._station = station

    def send(self, name: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish whatever is given; the broker has it when this returns."""
        self._client.publish(f"{self._station}/cmd/{name}", payload, 1, retain).wait_for_publish(PATIENCE_S)

    def tell(self, name: str, request_id: str, *, retain: bool = False, **arguments: object) -> None:
        """Send a command that is good for a minute."""
        self.send(name, command_of(request_id, **arguments), retain=retain)

    def answer(self) -> dict[str, Any]:
        """Return the next answer, the whole event."""
        return dict(json.loads(self.next().payload))

    def ask(self, name: str, request_id: str, **arguments: object) -> dict[str, Any]:
        """Send a command and return the answer to it."""
        self.tell(name, request_id, **arguments)
        while (answer := self.answer())["data"]["request_id"] != request_id:
            pass
        return answer
